"""How the bytes of a record become fields, and what fields say of a row: a module per family."""
