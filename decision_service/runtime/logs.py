"""Logs that never delay a decision."""

from __future__ import annotations

import logging
import sys
import threading
import time
from io import RawIOBase
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue

import structlog
from structlog.typing import EventDict

_MOST_LINES = 10_000
_LINGER_SECONDS = 0.02
_CLOSE_SECONDS = 1.0


class LogQueue(QueueHandler):
    """Hands lines to a thread that writes them; what does not fit is dropped and counted.

    A full pipe therefore costs lines, never decisions. At most `most` lines wait. `stream` must
    not be buffered: a thread that is stuck in a buffer's lock would break the end of the process.
    """

    queue: SimpleQueue[logging.LogRecord]

    def __init__(self, stream: RawIOBase, most: int = _MOST_LINES) -> None:
        super().__init__(SimpleQueue())
        self._most = most
        self._unqueued = 0
        self._writer = _Writer(self.queue, stream)
        self._writer.start()

    @property
    def dropped(self) -> int:
        """Lines that did not fit, or that the stream did not take."""
        return self._unqueued + self._writer.dropped

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it is: its message is a whole line already."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Take a line; never waits."""
        if self.queue.qsize() < self._most:
            self.queue.put_nowait(record)
        else:
            self._unqueued += 1

    def stop(self) -> None:
        """Write what waits, for at most a second."""
        # A stream that takes nothing must not keep the process from its end.
        stopping = threading.Thread(target=self._writer.stop, daemon=True)
        stopping.start()
        stopping.join(_CLOSE_SECONDS)


class _Writer(QueueListener):
    """Writes lines on a stream, however little of them it takes at a time.

    It wakes for many lines at a time. No handler is behind it, whose lock a stuck stream would keep
    from the end of the process.
    """

    queue: SimpleQueue[logging.LogRecord]

    def __init__(self, queue: SimpleQueue[logging.LogRecord], stream: RawIOBase) -> None:
        super().__init__(queue)
        self.dropped = 0
        self._stream = stream

    def dequeue(self, block: bool) -> logging.LogRecord:  # noqa: FBT001 - as it is inherited
        if self.queue.empty():
            # A thread that wakes for each line costs more than the line.
            time.sleep(_LINGER_SECONDS)
        return super().dequeue(block)

    def handle(self, record: logging.LogRecord) -> None:
        """Write a line; counts one that a full disk or a closed stream refuses."""
        rest = memoryview(f"{record.getMessage()}\n".encode("utf-8", "replace"))
        try:
            while rest:
                rest = rest[self._stream.write(rest) or 0 :]
        except (OSError, ValueError):
            self.dropped += 1


class _Forwarded(logging.Handler):
    """Lines of libraries: who says it and its first line unfilled, since values may be data."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library",
            library=record.name,
            says=str(record.msg).partition("\n")[0][:200],
            error=None if error is None else error.__name__,
        )


def _without_absent(_: object, __: str, event: EventDict) -> EventDict:
    return {name: value for name, value in event.items() if value is not None}


def configure_logging(level: str, *, as_json: bool, handler: logging.Handler | None = None) -> None:
    """Send lines of JSON or text to a handler, else to stderr: no person's data, no tracebacks."""
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    own = logging.getLogger("decision_service")
    own.handlers[:] = [handler or logging.StreamHandler()]
    # The root's handler has the lines of libraries, and would log each of ours once more.
    own.propagate = False
    own.setLevel(number)
    structlog.configure(
        processors=[
            _without_absent,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: own,
    )
    logging.basicConfig(handlers=[_Forwarded()], level=logging.WARNING, force=True)
