"""The service's spans as OpenTelemetry's, below the span of their call."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType

from opentelemetry import trace

from decision_service.tracing import NO_SPAN, Attributes, Span, SpanName


class OpenTelemetryTracer:
    """A `Tracer` that adds spans where the call's own span is recorded, and nowhere else.

    Work of the background and calls that are not sampled therefore cost one look at the context.
    """

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def span(self, name: SpanName) -> AbstractContextManager[Span]:
        """A span of kind INTERNAL."""
        return self._opened(name.value, trace.SpanKind.INTERNAL, {})

    def request(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """A span of kind CLIENT."""
        return self._opened(name, trace.SpanKind.CLIENT, attributes)

    def trace_id(self) -> str:
        """The trace of the call in progress, 32 hexadecimal digits; empty outside of one."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else ""

    def _opened(
        self, name: str, kind: trace.SpanKind, attributes: Attributes
    ) -> AbstractContextManager[Span]:
        if not trace.get_current_span().is_recording():
            return NO_SPAN
        return RecordedSpan(
            self._tracer.start_as_current_span(
                name,
                kind=kind,
                attributes=attributes,
                record_exception=False,  # a message or a traceback may hold data
                set_status_on_exception=False,
            )
        )


class RecordedSpan:
    """A span that names the class of the error that ends it, and nothing else of the error."""

    __slots__ = ("_opened", "_span")

    def __init__(self, opened: AbstractContextManager[trace.Span]) -> None:
        self._opened = opened
        self._span: trace.Span = trace.INVALID_SPAN

    def __enter__(self) -> RecordedSpan:
        self._span = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._span.set_status(trace.StatusCode.ERROR)
            self._span.set_attribute("error.type", kind.__name__)
        self._opened.__exit__(kind, error, traceback)

    def set(self, attributes: Attributes) -> None:
        """Add attributes; of equal names the last value counts."""
        self._span.set_attributes(attributes)
