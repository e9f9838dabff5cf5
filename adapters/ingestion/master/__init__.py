"""The master catalog: its tables, and the one way of writing to them."""
