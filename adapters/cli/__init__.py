"""The command `catalog`, a module a command."""
