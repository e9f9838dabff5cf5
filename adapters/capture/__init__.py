"""Debezium: its records, its connectors' settings, the Connect that runs it, its slots."""
