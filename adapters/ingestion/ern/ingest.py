def ingest(*a): raise NotImplementedError
def set_aside(*a): raise NotImplementedError
