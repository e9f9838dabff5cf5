"""The real engines (PostgreSQL, Kafka, Kafka Connect with Debezium, Apicurio Registry) without
Docker, Maven or a system Java: started here for every address that isn't set.

`engines.running_engines` is the way in; nothing that it starts outlives the process.
"""
