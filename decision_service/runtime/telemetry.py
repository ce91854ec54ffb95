"""Logs that never delay a decision, spans, counters, and alarms: what needs a person."""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import RawIOBase
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import TypeAlias

import structlog
from opentelemetry.trace import (
    INVALID_SPAN,
    NoOpTracer,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    format_trace_id,
    get_current_span,
)
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from structlog.typing import EventDict

_MOST_LINES = 10_000
_LINGER_SECONDS = 0.02
_CLOSE_SECONDS = 1.0
__all__ = ["NO_SPAN", "NO_TRACER", "Attributes", "Span", "SpanName", "Tracer", "trace_id", "traced"]

Attributes: TypeAlias = Mapping[str, str | int]
"""Values by names of OpenTelemetry's conventions, or below `decision.`."""

NO_SPAN: Span = INVALID_SPAN
NO_TRACER: Tracer = NoOpTracer()
NAMESPACE = "decision_service"

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""The values of labels, in their order, each with what was measured."""


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
        stopping = threading.Thread(target=self._writer.stop, daemon=True)
        stopping.start()
        stopping.join(_CLOSE_SECONDS)


class _Writer(QueueListener):
    """Writes lines on a stream, however little of them it takes at a time.

    It wakes for many lines at a time: a thread that wakes for each costs more than the line. No
    handler is behind it, whose lock a stuck stream would keep from the end of the process.
    """

    queue: SimpleQueue[logging.LogRecord]

    def __init__(self, queue: SimpleQueue[logging.LogRecord], stream: RawIOBase) -> None:
        super().__init__(queue)
        self.dropped = 0
        self._stream = stream

    def dequeue(self, block: bool) -> logging.LogRecord:  # noqa: FBT001 - as it is inherited
        if self.queue.empty():
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


class UserHash:
    """Names a user in logs by a keyed hash: lines can be joined, users not identified.

    Without a configured key a random one is used, and the names change with each start.
    """

    def __init__(self, key: str = "") -> None:
        secret = key.encode() or secrets.token_bytes(32)
        if len(secret) > hashlib.blake2b.MAX_KEY_SIZE:
            secret = hashlib.blake2b(secret).digest()
        self._begun = hashlib.blake2b(key=secret, digest_size=8)

    def __call__(self, user_id: str) -> str:
        hashing = self._begun.copy()
        hashing.update(user_id.encode())
        return hashing.hexdigest()


class SpanName(StrEnum):
    DECIDE = "decide"
    GATHER = "gather"
    FACTORS = "factors"
    EVALUATE = "evaluate"
    COMMIT = "commit"


@contextmanager
def traced(tracer: Tracer, name: str, asked: Attributes | None = None) -> Iterator[Span]:
    """A span of work, or of a request to another server where its attributes are `asked`.

    It is recorded where the call's own span is, and nowhere else: work of the background and calls
    that are not sampled cost one look at the context. Of an error it names the class alone.
    """
    if not get_current_span().is_recording():
        yield NO_SPAN
        return
    with tracer.start_as_current_span(
        name,
        kind=SpanKind.INTERNAL if asked is None else SpanKind.CLIENT,
        attributes=asked,
        record_exception=False,  # a message or a traceback may hold data
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", type(error).__name__)
            raise


def trace_id() -> str:
    """The trace of the call in progress, 32 hexadecimal digits; empty outside of one."""
    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else ""


def counter(registry: CollectorRegistry | None, name: str, words: str, *labels: str) -> Counter:
    """A counter, exposed as `<name>_total`."""
    return Counter(name, words, labels, namespace=NAMESPACE, registry=registry)


def gauge(registry: CollectorRegistry | None, name: str, words: str, *labels: str) -> Gauge:
    return Gauge(name, words, labels, namespace=NAMESPACE, registry=registry)


def histogram(
    registry: CollectorRegistry | None, name: str, words: str, *labels: str, bounds: Sequence[float]
) -> Histogram:
    """A histogram with inclusive upper bounds."""
    return Histogram(
        name, words, labels, namespace=NAMESPACE, registry=registry, buckets=(*bounds,)
    )


def read_counter(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def read_gauge(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def one(value: float) -> Samples:
    """The only sample of a metric without labels."""
    return (((), value),)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


class Alarm(StrEnum):
    """Every alarm there is, by the name that the log and the metric show."""

    CROSS_TENANT = "CROSS_TENANT"
    UPSTREAM_TLS = "UPSTREAM_TLS"
    UPSTREAM_KEYS = "UPSTREAM_KEYS"
    EVENT_CONFLICT = "EVENT_CONFLICT"
    REVOCATION_NOT_CONFIRMED = "REVOCATION_NOT_CONFIRMED"
    RULES_REFUSED = "RULES_REFUSED"
    RULE_ERROR = "RULE_ERROR"
    RULES_DIFFER = "RULES_DIFFER"
    AUTHENTICATION = "AUTHENTICATION"
    CLOCK = "CLOCK"
    NOT_REPORTED = "NOT_REPORTED"


ALARMS: Counter = counter(None, "alarms", "Lines of the log with an alarm", "alarm")
"""The counts, from zero on; a service registers them among its metrics."""

for _alarm in Alarm:
    ALARMS.labels(_alarm)


def raised(alarm: Alarm) -> Alarm:
    """Count an alarm; what the line of the log that raises it has as `alarm`."""
    ALARMS.labels(alarm).inc()
    return alarm
