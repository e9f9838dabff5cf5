"""PostgreSQL as the read database: rows, checkpoints, generations, dead letters and lookups."""
