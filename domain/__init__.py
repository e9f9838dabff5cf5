"""What the catalog is and what can happen to it. Pure: no I/O, no clock, no driver."""
