"""A key's partition, as every producer of ours and Kafka's Java client find it."""

import pytest

from adapters.composition.endpoints import Endpoints
from adapters.event_log.partitioning import murmur2, partition_of
from adapters.event_log.producer import producer


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_as_the_java_client_hashes(key: str, signed: int) -> None:
    assert murmur2(key.encode()) == signed & 0xFFFFFFFF


@pytest.mark.integration
def test_as_our_producers_partition(engines: Endpoints, topic: str) -> None:
    found: dict[bytes | None, int | None] = {}
    sender = producer(engines.kafka)
    for number in range(60):
        key = ("k" * (number % 9) + str(number) + "é" * (number % 3)).encode()
        sender.produce(
            topic, b"v", key, on_delivery=lambda _, m: found.update({m.key(): m.partition()})
        )
    sender.flush(30)
    assert len(found) == 60
    assert found == {key: partition_of(key or b"", 2) for key in found}
