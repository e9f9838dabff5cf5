"""One trace over the real engines: a change, its event, the committed read row."""

import secrets
from collections import Counter
from contextlib import closing
from dataclasses import replace
from threading import Event

import pytest
from confluent_kafka.admin import AdminClient
from opentelemetry.trace import format_trace_id

from adapters.composition import wiring
from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import register_contracts
from adapters.composition.settings import Settings
from adapters.composition.translation import Watching, translation_context
from adapters.event_log.change_log import ChangeGroup
from adapters.event_log.producer import producer
from adapters.event_log.topic_plans import TopicPlan, event_topics
from adapters.event_log.topics import Topics
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.observed import observed
from adapters.telemetry.spans import ChangeSpans, EventSpans
from migrations.run import upgrade
from projections.engine import rebuild as building
from projections.engine.progress import silent
from projections.engine.worker import Worker
from projections.translation import worker as translation
from projections.translation.counters import TranslationCounters
from tests.adapters.capture.forms import POSTGRES, key, value
from tests.adapters.telemetry.spans import Memory
from tests.adapters.telemetry.test_spans import TRACE
from tests.beside import beside, join
from tests.waiting import until

pytestmark = pytest.mark.integration


def _insert(identity: str, lsn: int) -> bytes:
    return value(
        "c",
        None,
        {"id": identity, "title": identity},
        table="track",
        sequence=f'["{lsn - 5}","{lsn}"]',
        ts_us=POSTGRES["ts_us"] + lsn,
    )


def _translate(endpoints: Endpoints, group: ChangeGroup, memory: Memory, stop: Event) -> None:
    watching = Watching(TranslationCounters(), observer=ChangeSpans(memory.tracer, 1.0))
    with translation_context(endpoints, group, watching) as context:
        translation.run(context, stop)


def test_a_change_is_followed_to_its_read_row(
    engines: Endpoints, settings: Settings, database: str
) -> None:
    endpoints = replace(engines, read_dsn=database)
    name = f"t{secrets.token_hex(6)}"
    topic = f"{name}.public.track"
    Topics(engines.kafka).apply([*event_topics(4), TopicPlan(topic, 1)])
    register_contracts(engines)
    upgrade(database, "engine", "engine")

    capture = producer(engines.kafka)
    sampled: list[tuple[str, str | bytes | None]] = [
        ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())
    ]
    capture.produce(topic, _insert("followed", 1010), key("followed"), headers=sampled)
    capture.produce(topic, _insert("begun", 1020), key("begun"))
    assert capture.flush(30) == 0

    memory, stop = Memory(), Event()
    events = EventSpans(memory.tracer)
    with (
        wiring.engine_context(settings, endpoints, on_arrival=events.arrived) as context,
    ):
        translating = beside(_translate, (endpoints, ChangeGroup(name, "1", [topic]), memory, stop))
        translating.start()
        try:
            building.ensure_live(context)
            watched = observed(context, Metrics(), events)
            with closing(
                Worker(
                    context.model, context.events, watched.decoder, watched.store, f"{name}-project"
                )
            ) as worker:

                def projected() -> bool:
                    worker.step(0.2)
                    return memory.names().count("project") == 2

                until(projected)
        finally:
            stop.set()
            join(translating)

        spans = memory.spans()
        assert Counter(memory.names()) == {"capture": 1, "translate": 2, "project": 2}
        ours = [span for span in spans if format_trace_id(span.context.trace_id) == TRACE]
        assert sorted(span.name for span in ours) == ["project", "translate"]
        project = next(span for span in ours if span.name == "project")
        translate = next(span for span in ours if span.name == "translate")
        assert project.parent is not None
        assert project.parent.span_id == translate.context.span_id
        told = dict(project.attributes or {})
        assert told["messaging.destination.name"] == "catalog.track"
        assert str(told["catalog.event.id"]).startswith(f"{topic}/0/0/")
        assert (told["catalog.event.type"], told["catalog.generation"]) == ("TrackAdded", 1)

        begun = [span for span in spans if format_trace_id(span.context.trace_id) != TRACE]
        assert len({span.context.trace_id for span in begun}) == 1
        root = next(span for span in begun if span.name == "capture")
        assert root.parent is None
        assert root.start_time == (POSTGRES["ts_us"] + 1020) * 1000

        # The same records again, all at once: no span more
        building.rebuild(context, switch=False, park_poison=True, report=silent)
        assert len(memory.spans()) == len(spans)
    admin = AdminClient(dict(engines.kafka))  # answers only while it lives
    admin.delete_topics([topic])[topic].result()
