"""Holds the event log against the master catalog: what differs, by table, id and field.

The log knows only what capture told it. Rows that changed while no slot was there, a truncated or
replaced table, changes that were dropped as repeats: nothing of that is in the log, so it is found
by looking at the master itself.
"""
