"""Kafka: topics, the event log that projections read, and the clients that write."""
