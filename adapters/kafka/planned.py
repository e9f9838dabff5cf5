"""Which topics this installation has, by its settings."""

from adapters.ingestion.master.tables import CAPTURED
from adapters.kafka.topics import TopicPlan, capture_topics, event_topics
from adapters.settings import Settings


def planned_topics(settings: Settings) -> list[TopicPlan]:
    """Plan the capture topics, one a master table, and the event topics, one a subject."""
    partitions, replicas = settings.kafka.partitions, settings.kafka.replication_factor
    return [
        *capture_topics(settings.connect.topic_prefix, CAPTURED, partitions, replicas),
        *event_topics(partitions, replicas),
    ]
