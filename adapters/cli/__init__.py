"""The command `catalog`, one module per command."""
