"""One log for the whole process: lines for a person at a terminal, JSON for a machine elsewhere.

Our modules speak to structlog, libraries to `logging`; both end in the same stream (stderr), with
the same fields. Secrets are taken out at the very end, whoever put them in: a library's error text
is the likeliest place for a connection address with its password.
"""

import logging
import os
import re
import sys
from collections.abc import Collection
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_QUIET = (
    *("httpx", "httpx2", "httpcore", "httpcore2", "alembic", "urllib3", "asyncio"),
    *("asyncssh", "asyncssh.sftp"),
    *("kafka.admin", "kafka.client", "kafka.cluster", "kafka.net"),
)
"""Loggers that tell every request or step of theirs; only their warnings are wanted."""

HIDDEN = "***"
_ADDRESS = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<head>\b[\w.-]*(?:password|passwd|secret|authorization|api[_-]?key)\b"
    r"['\"]?\s*[=:]\s*(?:bearer\s+|basic\s+)?['\"]?)[^\s'\",;}]+",
    re.IGNORECASE,
)
_NAMES = re.compile(r"password|passwd|secret|authorization|api_?key|credential", re.IGNORECASE)
_SHORTEST = 6
"""Shorter secrets are not searched for in texts: they would be found in half of the words."""


def configure_logs(
    stream: TextIO | None = None, *, level: int = logging.INFO, secrets: Collection[str] = ()
) -> None:
    """Send everything that is logged in this process to `stream` (default: stderr).

    `secrets` are texts that must never appear, besides what looks like one. Calling it again
    replaces the former configuration.
    """
    out = stream or sys.stderr
    hide = Hide(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # or module-level loggers would keep the first stream
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(out, hide),
            ],
        )
    )
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


class Hide:
    """Takes secrets out of texts and fields; a processor of structlog."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {
            name: HIDDEN if _NAMES.search(name) else self._value(value)
            for name, value in event.items()
        }

    def text(self, text: str) -> str:
        """The text without what is, or looks like, a secret."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _NAMED.sub(rf"\g<head>{HIDDEN}", _ADDRESS.sub(rf"\g<head>{HIDDEN}", text))

    def _value(self, value: object) -> object:
        if isinstance(value, dict):
            return {
                name: HIDDEN if _NAMES.search(str(name)) else self._value(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(value if isinstance(value, str) else str(value))


def _rendering(out: TextIO, hide: Hide) -> list[Processor]:
    if out.isatty():
        colours = "NO_COLOR" not in os.environ
        plain = structlog.dev.plain_traceback
        return [
            structlog.processors.format_exc_info,
            hide,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain),
        ]
    return [
        structlog.processors.format_exc_info,
        hide,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
