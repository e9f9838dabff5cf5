"""The schema registry and the bytes it gives meaning to: Avro in Confluent's wire format."""
