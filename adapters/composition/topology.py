"""What is called what outside: topics, groups, schemas. One place, so that all parts agree."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.capture.connector import Capture
from adapters.capture.signals import signal_topic
from adapters.composition.settings import Settings
from adapters.event_log.topic_plans import TopicPlan, capture_topics, event_topics
from adapters.ingestion.master.tables import CAPTURED
from domain.failures import WrongUsage
from domain.translation import TRANSLATIONS
from projections.catalog import CATALOG
from projections.new_releases import NEW_RELEASES
from projections.read_model import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (CATALOG, NEW_RELEASES)


def read_model(name: str) -> ReadModel:
    """The read model of that name. Raises WrongUsage."""
    for model in READ_MODELS:
        if model.name == name:
            return model
    raise WrongUsage(f"--model {name!r} is none of {', '.join(m.name for m in READ_MODELS)}")


def translate_group(settings: Settings) -> str:
    """Consumer group of the translators."""
    return f"{settings.kafka.prefix}catalog-translate"


def project_group(settings: Settings, model: ReadModel) -> str:
    """Consumer group of a read model's workers."""
    return f"{settings.kafka.prefix}{model.name}-project"


@dataclass(frozen=True)
class Topology:
    """The topics of one installation."""

    change_topics: Sequence[TopicPlan]
    """What translation reads, one topic per translated master table."""
    other_change_topics: Sequence[TopicPlan]
    """Captured but not translated."""
    event_topics: Sequence[TopicPlan]
    signal_topic: TopicPlan
    """Where the connector listens for what it should take in again."""
    chain_topic: TopicPlan
    """Where the chain's id lies, see `composition.identity`."""

    @property
    def all_topics(self) -> list[TopicPlan]:
        """Every topic that must be there and keep everything."""
        return [
            *self.change_topics,
            *self.other_change_topics,
            *self.event_topics,
            self.signal_topic,
            self.chain_topic,
        ]


def topology(settings: Settings) -> Topology:
    """The topics that these settings lead to."""
    kafka, prefix = settings.kafka, settings.connect.topic_prefix
    place = (prefix, settings.master.schema_name)
    each = (kafka.replication_factor, kafka.message_max_bytes)
    size = (kafka.partitions, *each)
    return Topology(
        capture_topics(*place, translated_tables(), *size),
        capture_topics(*place, untranslated_tables(), *size),
        event_topics(*size),
        TopicPlan(signal_topic(prefix), 1, *each),
        TopicPlan(f"{kafka.prefix}catalog-chain", 1, *each),
    )


def translated_tables() -> list[str]:
    """Master tables of which events are made."""
    return [translation.table for translation in TRANSLATIONS]


def untranslated_tables() -> list[str]:
    """Master tables that are captured though no event is made of them yet: what was not captured
    can't be had afterwards."""
    translated = translated_tables()
    return [table for table in CAPTURED if table not in translated]


def capture(settings: Settings) -> Capture:
    """What the connector captures and where it puts it."""
    return Capture(
        tables=CAPTURED,
        topic_prefix=settings.connect.topic_prefix,
        partitions=settings.kafka.partitions,
        replication_factor=settings.kafka.replication_factor or -1,
        message_bytes=settings.kafka.message_max_bytes,
    )
