"""Explains a row by the events that made it."""
