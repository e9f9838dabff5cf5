"""The read catalog's tables: a module a subject, with its handlers."""
