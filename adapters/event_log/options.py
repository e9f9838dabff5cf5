"""Client options on which the guarantees rest: a user can't set them.

This module imports no client, since settings are checked by every command.
"""

from collections.abc import Iterable, Mapping

from domain.failures import Misconfigured

LARGEST_MESSAGE = "message.max.bytes"
"""How large a message may be: the option of the same name of librdkafka and of a broker."""

RESERVED: Mapping[str, str] = {
    "isolation.level": "events of aborted transactions would be read",
    "enable.auto.commit": "positions move with what was done, in one transaction",
    "auto.commit.enable": "positions move with what was done, in one transaction",
    "enable.auto.offset.store": "positions move with what was done, in one transaction",
    "auto.offset.reset": "a lost position must be an error, not a jump",
    "group.id": "the groups' names are part of the chain",
    "group.instance.id": "it is given by --instance",
    "group.protocol": "set CATALOG_KAFKA__GROUP_PROTOCOL instead",
    "partition.assignment.strategy": "workers give partitions away one by one",
    "transactional.id": "it fences a process that was replaced, so it belongs to one instance",
    "enable.idempotence": "records would be lost, doubled or out of order",
    "enable.gapless.guarantee": "records would be lost, doubled or out of order",
    "acks": "records would be lost",
    "request.required.acks": "records would be lost",
    "partitioner": "a row's events must stay in one partition for ever",
    "delivery.report.only.error": "events that the brokers refuse would not be seen",
}
"""Option → why it isn't the user's (librdkafka's CONFIGURATION.md names them, with aliases)."""


def refuse_reserved(options: Iterable[str]) -> None:
    """Raise Misconfigured where one of these options is reserved."""
    for name in options:
        if (reason := RESERVED.get(name)) is not None:
            raise Misconfigured(
                f"the Kafka option {name} can't be set: {reason}. Remove it from the settings"
                f" (CATALOG_KAFKA__OPTIONS__{name.replace('.', '_').upper()})"
            )
