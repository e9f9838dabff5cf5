"""An installation's own master: its tables replicated as they are, mapped by SELECTs, kept live."""
