"""Looks at the whole chain from outside: status, positions, health, snapshots of them."""
