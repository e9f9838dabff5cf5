"""Makes the tracers that the settings ask for; while they don't, OpenTelemetry isn't imported."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.composition.setting_groups import TracingSettings
from adapters.telemetry.tracing import EventTraces
from domain.failures import Misconfigured
from projections.ports.translation_observer import TranslationObserver


@contextmanager
def traced_changes(
    settings: TracingSettings, instance: str
) -> Iterator[TranslationObserver | None]:
    """What a translator tells of its changes; None while tracing is off.

    Raises Misconfigured where the packages aren't installed.
    """
    if settings.endpoint is None:
        yield None
        return
    with _told_if_absent():
        from adapters.telemetry import otlp, spans  # noqa: PLC0415 - not even imported while off
    with otlp.tracing_to(settings.endpoint, "catalog-translate", instance) as tracer:
        yield spans.ChangeSpans(tracer, settings.ratio)


@contextmanager
def traced_events(settings: TracingSettings, instance: str) -> Iterator[EventTraces | None]:
    """What a projecting worker tells of its events; None while tracing is off.

    Raises Misconfigured where the packages aren't installed.
    """
    if settings.endpoint is None:
        yield None
        return
    with _told_if_absent():
        from adapters.telemetry import otlp, spans  # noqa: PLC0415 - not even imported while off
    with otlp.tracing_to(settings.endpoint, "catalog-project", instance) as tracer:
        yield spans.EventSpans(tracer)


@contextmanager
def _told_if_absent() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise Misconfigured(
            f"tracing.endpoint is set, but {error.name} isn't installed: install the dependency"
            " group otel (pip install --group otel), or leave the setting out"
        ) from None
