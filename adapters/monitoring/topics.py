"""The topics, and what makes or will make each forget."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.event_log.topic_plans import TopicPlan, TopicState, violations
from adapters.event_log.topics import Topics


@dataclass(frozen=True, slots=True)
class CheckedTopic:
    """A topic and what is wrong with it."""

    name: str
    state: TopicState | None
    """None where it doesn't exist."""
    violations: Sequence[str]


def checked_topics(topics: Topics, plans: Sequence[TopicPlan]) -> list[CheckedTopic]:
    """Each topic held against its plan. Raises KafkaFailed."""
    states = topics.states([plan.name for plan in plans])
    return [
        CheckedTopic(plan.name, states.get(plan.name), violations(states.get(plan.name), plan))
        for plan in plans
    ]
