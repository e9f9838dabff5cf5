"""The engine: runs, checkpoints, rebuilds, verifies and switches any read model."""
