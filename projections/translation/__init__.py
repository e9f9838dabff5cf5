"""The translating engine: captured changes become events, exactly once, whatever happens.

It reaches the change topics, the event topics, the contracts and the dead letters through ports.
"""
