"""What the event topics are called.

Where several chains share brokers, the names of each begin with a prefix of its own. A process
works for one chain, so it is said once, by who reads the settings.
"""

_prefix = ""


def set_topic_prefix(prefix: str) -> None:
    """Let the names of this process's event topics begin so."""
    global _prefix  # noqa: PLW0603 - see above
    _prefix = prefix


def topic_of(subject: str) -> str:
    """Name of the event topic of a subject: `track` → `catalog.track`."""
    return f"{_prefix}catalog.{subject}"


def subject_of(topic: str) -> str:
    """The subject of an event topic, whatever its prefix."""
    return topic.rpartition("catalog.")[2]
