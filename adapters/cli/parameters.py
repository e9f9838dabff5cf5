"""Topics and instants as users write them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from domain.failures import WrongUsage


def topics_named(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Topics by name (`catalog.track`) or subject (`track`), also several with commas between.

    Raises WrongUsage for one that is not `known`.
    """
    from domain.events import topic_of

    asked = [part.strip() for name in names for part in name.split(",") if part.strip()]
    topics = [name if name in known else topic_of(name) for name in asked]
    for name, topic in zip(asked, topics, strict=True):
        if topic not in known:
            subjects = ", ".join(topic.removeprefix("catalog.") for topic in known)
            raise WrongUsage(f"no such event topic: {name}; there are {subjects}")
    return topics


def instant_named(text: str, option: str, *, also: str = "") -> datetime:
    """An instant in ISO 8601, UTC unless it says otherwise. Raises WrongUsage.

    `also` names another word that the option takes.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        kind = f"neither `{also}` nor a time" if also else "no time"
        raise WrongUsage(f"{option} {text!r} is {kind} such as 2026-01-31T12:00:00Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
