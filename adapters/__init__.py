"""Everything outside: Kafka, the schema registry, PostgreSQL, Debezium, ingestion, command line."""
