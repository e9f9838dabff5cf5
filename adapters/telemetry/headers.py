"""Headers of Kafka's records, in which traces travel: whoever wrote them, reading them never fails.

Kafka's protocol has names of headers in UTF-8, and brokers take any bytes. For a name that isn't
UTF-8 confluent-kafka (2.16, `c_headers_to_py`) hands out a pair with a hole, and leaves an error
behind that comes up there or later: whoever touches the hole crashes the process.
"""

from gc import get_referents

from confluent_kafka import Message

from projections.ports.dead_letters import Headers

UNREADABLE: Headers = (("headers that can't be read: a name isn't UTF-8", None),)
"""Stands for all headers of a record where a name is none."""


def headers_of(message: Message) -> Headers:
    """Names and values in order; `UNREADABLE` where a name can't be read."""
    try:
        headers = message.headers()
        pairs = headers if isinstance(headers, list) else []
        # The collector passes over holes, so a pair with one is seen without touching it. It is
        # asked here because an error of the client may come up with the next call only.
        is_readable = all(len(get_referents(pair)) == 2 for pair in pairs)
    except (UnicodeDecodeError, SystemError):
        return UNREADABLE
    if not is_readable:
        return UNREADABLE
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]
