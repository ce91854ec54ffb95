"""Telemetry that cannot be delivered: a line of the log, an end in time, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from decision_service.runtime.telemetry import NO_SPAN, SpanName, traced
from decision_service.server import otel as delivery
from decision_service.server import otel as start
from tests.fakes.observed import captured


class Told(SpanExporter):
    """An exporter that comes to what it is given."""

    def __init__(self, *results: SpanExportResult) -> None:
        self.results = [*results]

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.results.pop(0)


def test_each_change_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch that is not taken is a warning, the first that is taken again a note."""
    lines, taken, lost = captured(monkeypatch, delivery), *SpanExportResult
    watched = delivery.WatchedSpans(Told(taken, lost, lost, taken, taken))
    for _ in range(5):
        watched.export(())
    assert [line["log_level"] for line in lines] == ["warning", "info"]


class Stuck(SpanExporter):
    """An exporter that sends until it is shut down."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.ended.wait(60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.ended.set()


async def test_the_end_does_not_wait_for_a_stuck_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being sent is broken off after the time that the end may take."""
    monkeypatch.setattr(start, "LINGER_SECONDS", 0.01)
    exporter = Stuck()
    provider = start.provider_of(Resource({}), exporter)
    provider.get_tracer("test").start_span("call").end()
    await start.end(provider, exporter)
    assert exporter.ended.is_set()


def test_a_call_that_is_not_sampled_has_no_spans() -> None:
    """Nor has work in the background, which is in no call."""
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
    with traced(tracer, SpanName.DECIDE) as outside:
        assert outside is NO_SPAN
    with tracer.start_as_current_span("call"), traced(tracer, SpanName.DECIDE) as inside:
        assert inside is NO_SPAN
