"""Parked records are tried again where they belong: by translation, or by their read model."""

from collections.abc import Collection
from contextlib import closing

from adapters.composition import databases
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import read_model, translate_group
from adapters.composition.translation import retry_translation
from adapters.composition.wiring import engine_context
from projections.engine import dead_letter
from projections.ports.dead_letters import DeadLetter, Retried, Stage
from projections.read_model import ReadModel


def retry_dead_letters(
    settings: Settings, endpoints: Endpoints, dead_letters: Collection[DeadLetter]
) -> Retried:
    """Try parked records again, each read model's apart.

    Translation's come first: what it resolves may be what the next stage waits for.
    """
    done: list[int] = []
    failed: dict[int, str] = {}
    superseded: list[int] = []
    for stage, model in sorted(
        {(one.stage, one.read_model) for one in dead_letters}, key=_by_stage
    ):
        numbers = {
            one.number for one in dead_letters if (one.stage, one.read_model) == (stage, model)
        }
        if stage is Stage.TRANSLATE:
            retried = _retranslate(settings, endpoints, numbers)
        else:
            retried = _project_again(settings, endpoints, read_model(model), numbers)
        done += retried.done
        failed |= retried.failed
        superseded += retried.superseded
    return Retried(tuple(done), failed, tuple(superseded))


def _by_stage(queue: tuple[Stage, str]) -> tuple[bool, str]:
    return (queue[0] is not Stage.TRANSLATE, queue[1])


def _project_again(
    settings: Settings, endpoints: Endpoints, model: ReadModel, numbers: Collection[int]
) -> Retried:
    with (
        engine_context(settings, endpoints, model) as context,
        closing(databases.dead_letters(endpoints, model)) as dead_letters,
    ):
        return dead_letter.retry(context, dead_letters, numbers)


def _retranslate(settings: Settings, endpoints: Endpoints, numbers: Collection[int]) -> Retried:
    policy = settings.translate.policy()
    return retry_translation(endpoints, translate_group(settings), numbers, policy=policy)
