"""A producer that writes what Python's client refuses: header names of any bytes.

librdkafka's own functions, of the library that confluent-kafka brings along (rdkafka.h).
"""

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka

RawHeaders = Sequence[tuple[bytes, bytes | None]]

_END, _TOPIC, _, _PARTITION, _VALUE, _KEY, _, _FLAGS, _, _, _HEADERS = range(11)
_COPY = 2
_SECONDS = 30_000
_HANDLE = ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_conf_new": (_HANDLE, []),
    "rd_kafka_conf_set": (
        ctypes.c_int,
        [_HANDLE, *(ctypes.c_char_p,) * 3, ctypes.c_size_t],
    ),
    "rd_kafka_new": (_HANDLE, [ctypes.c_int, _HANDLE, ctypes.c_char_p, ctypes.c_size_t]),
    "rd_kafka_headers_new": (_HANDLE, [ctypes.c_size_t]),
    "rd_kafka_header_add": (
        ctypes.c_int,
        [_HANDLE, ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_char_p, ctypes.c_ssize_t],
    ),
    "rd_kafka_flush": (ctypes.c_int, [_HANDLE, ctypes.c_int]),
    "rd_kafka_destroy": (None, [_HANDLE]),
}


class RawProducer:
    """Writes records of any bytes."""

    def __init__(self, library: Any, handle: int) -> None:
        self._library = library
        self._handle = handle

    def send(
        self,
        topic: str,
        partition: int,
        record: tuple[bytes | None, bytes | None],
        headers: RawHeaders,
    ) -> None:
        """Hand over a record (key, value)."""
        key, value = record
        made = self._library.rd_kafka_headers_new(len(headers))
        for name, text in headers:
            length = -1 if text is None else len(text)
            self._library.rd_kafka_header_add(made, name, len(name), text, length)
        refused = self._library.rd_kafka_producev(
            _HANDLE(self._handle),
            *(ctypes.c_int(_TOPIC), ctypes.c_char_p(topic.encode())),
            *(ctypes.c_int(_PARTITION), ctypes.c_int32(partition)),
            *(ctypes.c_int(_VALUE), ctypes.c_char_p(value), ctypes.c_size_t(len(value or b""))),
            *(ctypes.c_int(_KEY), ctypes.c_char_p(key), ctypes.c_size_t(len(key or b""))),
            *(ctypes.c_int(_FLAGS), ctypes.c_int(_COPY)),
            *(ctypes.c_int(_HEADERS), _HANDLE(made)),
            ctypes.c_int(_END),
        )
        assert refused == 0, f"librdkafka refused it: {refused}"

    def flush(self) -> None:
        """Wait until the brokers have all."""
        assert self._library.rd_kafka_flush(_HANDLE(self._handle), _SECONDS) == 0


@contextmanager
def raw_producer(kafka: Mapping[str, str]) -> Iterator[RawProducer]:
    """One at these brokers."""
    library = ctypes.CDLL(str(_library()))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    told = ctypes.create_string_buffer(512)
    configuration = library.rd_kafka_conf_new()
    for option, value in kafka.items():
        library.rd_kafka_conf_set(configuration, option.encode(), value.encode(), told, len(told))
    handle = library.rd_kafka_new(0, configuration, told, len(told))
    assert handle, told.value.decode()
    try:
        yield RawProducer(library, handle)
    finally:
        library.rd_kafka_destroy(handle)


def _library() -> Path:
    """Linux wheels have it beside the package, macOS ones within it."""
    package = Path(confluent_kafka.__file__).parent
    found = [
        *package.parent.glob("confluent_kafka.libs/librdkafka*"),
        *package.glob(".dylibs/librdkafka*"),
    ]
    return found[0]
