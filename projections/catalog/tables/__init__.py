"""The read catalog's tables: one module per subject, with its handlers."""
