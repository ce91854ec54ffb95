"""Logging that never holds a decision up, and the keyed hash under which a user appears in it."""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import RawIOBase
from typing import Any, TextIO, TypeAlias

import msgspec
import structlog
from structlog.typing import EventDict

_MOST_LINES = 10_000
_LINGER_SECONDS = 0.02
_CLOSE_SECONDS = 1.0


class CallLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the log says of one call that has ended, `ms` milliseconds after it came.

    What a line has no value for is left out. `user` is a keyed hash.
    """

    method: str
    code: str
    ms: float
    reason: str | None = None
    request_id: str = ""
    trace_id: str = ""
    caller: str = ""
    user: str = ""

    def fields(self) -> dict[str, Any]:
        """The line's fields by name, as the JSON has them."""
        return dict(msgspec.to_builtins(self))


CallLog: TypeAlias = Callable[[CallLine], None]
"""Takes the lines of calls; never waits."""


class LogQueue:
    """A stream whose lines a thread writes on; what does not fit is dropped and counted.

    A full pipe therefore costs lines, never decisions. At most `most` lines wait. `stream` must
    not be buffered: a thread that is stuck in a buffer's lock would break the end of the process.
    A call's line is made JSON by the thread.
    """

    def __init__(self, stream: RawIOBase, most: int = _MOST_LINES) -> None:
        self.dropped = 0
        self._clock = _Stamps()
        self._bound = b""
        self._stream = stream
        self._most = most
        self._lines: deque[str | tuple[float, CallLine]] = deque()
        self._filled = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line; never waits."""
        self._take(line)

    def call(self, line: CallLine) -> None:
        """Take the line of a call that ends now; never waits."""
        self._take((time.time(), line))  # noqa: TID251 - when it is said; no decision sees it

    def flush(self) -> None:
        """Nothing to do: lines are written as soon as somebody reads them."""

    def close(self) -> None:
        """Write what waits, for at most a second."""
        self._closed.set()
        self._filled.set()
        self._thread.join(_CLOSE_SECONDS)

    def _take(self, line: str | tuple[float, CallLine]) -> None:
        if len(self._lines) >= self._most:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._filled.is_set():
            self._filled.set()

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
        rest = memoryview(b"".join(map(self._content, waiting)))
        try:
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        except (OSError, ValueError):
            self.dropped += len(waiting)

    def _content(self, line: str | tuple[float, CallLine]) -> bytes:
        if isinstance(line, str):
            return line.encode("utf-8", "replace")
        seconds, call = line
        said, at = msgspec.json.encode(call), self._clock.of(seconds)
        return b'%b%b,"event":"call","level":"info","timestamp":"%b"}\n' % (
            said[:-1],
            self._bound,
            at,
        )

    def bind(self, bound: Mapping[str, Any]) -> None:
        """What the line of each call says besides."""
        self._bound = b"," + msgspec.json.encode(bound)[1:-1] if bound else b""


class _Stamps:
    """Instants in ISO 8601; the text of a second is made once."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def of(self, seconds: float) -> bytes:
        """An instant (seconds since 1970) in UTC with its microseconds."""
        micros = round(seconds * 1_000_000)
        second, rest = divmod(micros, 1_000_000)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{rest:06}Z".encode()


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
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.WriteLoggerFactory(stream),  # type: ignore[arg-type]  # it needs write and flush alone
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forwarded()], level=logging.WARNING, force=True)


def call_log(level: str, *, as_json: bool, queue: LogQueue, other: CallLog) -> CallLog | None:
    """What takes the lines of calls: nothing where the level leaves them out.

    JSON is made by the queue's thread; for people to read, `other` logs them like all events.
    """
    if _number(level) > logging.INFO:
        return None
    if not as_json:
        return other
    queue.bind(structlog.contextvars.get_contextvars())
    return queue.call


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)


class UserHash:
    """Names a user in logs by a keyed hash, so that lines can be joined but nobody be found.

    Without a configured key a random one is used, and the names change with each start.
    """

    def __init__(self, key: str = "") -> None:
        secret = key.encode() or secrets.token_bytes(32)
        if len(secret) > hashlib.blake2b.MAX_KEY_SIZE:
            secret = hashlib.blake2b(secret).digest()
        self._begun = hashlib.blake2b(key=secret, digest_size=8)

    def __call__(self, user_id: str) -> str:
        """Sixteen hex digits of keyed BLAKE2b."""
        hashing = self._begun.copy()
        hashing.update(user_id.encode())
        return hashing.hexdigest()
