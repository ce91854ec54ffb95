"""Logging that never holds a decision up, and the keyed hash under which a user appears in it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import sys
import threading
from collections import deque
from io import RawIOBase
from typing import TextIO

import structlog
from structlog.typing import EventDict

_MOST_LINES = 10_000
_LINGER_SECONDS = 0.02
_CLOSE_SECONDS = 1.0


class LogQueue:
    """A stream whose lines a thread writes on; what does not fit is dropped and counted.

    A full pipe therefore costs lines, never decisions. At most `most` lines wait. `stream` must
    not be buffered: a thread that is stuck in a buffer's lock would break the end of the process.
    """

    def __init__(self, stream: RawIOBase, most: int = _MOST_LINES) -> None:
        self.dropped = 0
        self._stream = stream
        self._most = most
        self._lines: deque[str] = deque()
        self._filled = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line; never waits."""
        if len(self._lines) >= self._most:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._filled.is_set():
            self._filled.set()

    def flush(self) -> None:
        """Nothing to do: lines are written as soon as somebody reads them."""

    def close(self) -> None:
        """Write what waits, for at most a second."""
        self._closed.set()
        self._filled.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not (self._closed.is_set() and not self._lines):
            self._filled.wait()
            self._filled.clear()
            self._write_on()
            self._closed.wait(_LINGER_SECONDS)

    def _write_on(self) -> None:
        waiting = [self._lines.popleft() for _ in range(len(self._lines))]
        if not waiting:
            return
        rest = memoryview("".join(waiting).encode("utf-8", "replace"))
        try:
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        except (OSError, ValueError):
            self.dropped += len(waiting)


class _Forwarded(logging.Handler):
    """Lines of libraries: who says it and its first line unfilled, since values may be data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record as one event."""
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger(record.name).log(
            record.levelno,
            "library",
            library=record.name,
            says=str(record.msg).partition("\n")[0][:200],
            error=None if error is None else error.__name__,
        )


def _without_absent(_: object, __: str, event: EventDict) -> EventDict:
    """Leave out what a line has no value for."""
    return {name: value for name, value in event.items() if value is not None}


def configure_logging(
    level: str, *, as_json: bool, stream: TextIO | LogQueue | None = None
) -> None:
    """Send structured lines to a stream; one line per event, no person's data, no tracebacks."""
    stream = stream or sys.stderr
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _without_absent,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        logger_factory=structlog.WriteLoggerFactory(stream),  # type: ignore[arg-type]  # it needs write and flush alone
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forwarded()], level=logging.WARNING, force=True)


class UserHash:
    """Names a user in logs by a keyed hash, so that lines can be joined but nobody be found.

    Without a configured key a random one is used, and the names change with each start.
    """

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() or secrets.token_bytes(32)

    def __call__(self, user_id: str) -> str:
        """Sixteen hex digits of HMAC-SHA256."""
        return hmac.digest(self._key, user_id.encode(), hashlib.sha256).hex()[:16]
