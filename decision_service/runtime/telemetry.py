"""Spans, counters, and alarms: what needs a person."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeAlias

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

__all__ = ["NO_SPAN", "NO_TRACER", "Attributes", "Span", "SpanName", "Tracer", "trace_id", "traced"]

Attributes: TypeAlias = Mapping[str, str | int]
"""Values by names of OpenTelemetry's conventions, or below `decision.`."""

NO_SPAN: Span = INVALID_SPAN
NO_TRACER: Tracer = NoOpTracer()
NAMESPACE = "decision_service"

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""The values of labels, in their order, each with what was measured."""


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


def counter(
    registry: CollectorRegistry | None, name: str, words: str, *, labels: Sequence[str] = ()
) -> Counter:
    """A counter, exposed as `<name>_total`."""
    return Counter(name, words, labels, namespace=NAMESPACE, registry=registry)


def gauge(
    registry: CollectorRegistry | None, name: str, words: str, *, labels: Sequence[str] = ()
) -> Gauge:
    return Gauge(name, words, labels, namespace=NAMESPACE, registry=registry)


def histogram(
    registry: CollectorRegistry | None,
    name: str,
    words: str,
    *,
    bounds: Sequence[float],
    labels: Sequence[str] = (),
) -> Histogram:
    """A histogram with inclusive upper bounds."""
    return Histogram(
        name, words, labels, namespace=NAMESPACE, registry=registry, buckets=(*bounds,)
    )


def read_counter(name: str, words: str, samples: Samples, *, labels: Sequence[str] = ()) -> Metric:
    return _filled(CounterMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def read_gauge(name: str, words: str, samples: Samples, *, labels: Sequence[str] = ()) -> Metric:
    return _filled(GaugeMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def one(value: float) -> Samples:
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
    RULES_REVERTED = "RULES_REVERTED"
    RULES_NOT_APPROVED = "RULES_NOT_APPROVED"
    RULE_ERROR = "RULE_ERROR"
    RULES_DIFFER = "RULES_DIFFER"
    AUTHENTICATION = "AUTHENTICATION"
    CLOCK = "CLOCK"
    NOT_REPORTED = "NOT_REPORTED"


ALARMS = Counter("alarms", "Lines of the log with an alarm", ("alarm",), NAMESPACE, registry=None)
"""The counts, from zero on; a service registers them among its metrics."""

for _alarm in Alarm:
    ALARMS.labels(_alarm)


def raised(alarm: Alarm) -> Alarm:
    """Count an alarm; what the line of the log that raises it has as `alarm`."""
    ALARMS.labels(alarm).inc()
    return alarm
