"""Spans by OpenTelemetry's API, which come to nothing without its SDK.

Spans and attributes hold nothing of a person: no user id, reference, name or amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

__all__ = ["NO_SPAN", "NO_TRACER", "Attributes", "Span", "SpanName", "Tracer", "trace_id", "traced"]

Attributes: TypeAlias = Mapping[str, str | int]
"""Values by names of OpenTelemetry's conventions, or below `decision.`."""

NO_SPAN: Span = INVALID_SPAN
NO_TRACER: Tracer = NoOpTracer()


class SpanName(StrEnum):
    """The spans of one decision, by what the service does in them."""

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
