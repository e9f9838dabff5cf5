"""Explains a row by the events that made it: for the API, the command and whoever else asks.

`explanation` is what is told, `events` how an event of it is shown, `history` where they come from.
"""
