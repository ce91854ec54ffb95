"""Telemetry that cannot be delivered: a line of the log, an end in time, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry

from decision_service.edge.otel import delivery, start
from decision_service.edge.otel.sender import MetricsSender
from tests.fakes.log import captured
from tests.kits.until import until

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def test_each_change_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch that is not taken is a warning, the first that is taken again a note."""
    lines = captured(monkeypatch, delivery)
    watched = delivery.Delivery("traces")
    for taken in (True, False, False, True, True):
        watched.note(taken=taken)
    assert [(line["log_level"], line["signal"]) for line in lines] == [
        ("warning", "traces"),
        ("info", "traces"),
    ]


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
    tracing = start.Tracing.of(start.provider_of(Resource({}), exporter))
    tracing.provider.get_tracer("test").start_span("call").end()
    await start.OpenTelemetry(tracing, exporter, None).aclose()
    assert exporter.ended.is_set()


class Broken(MetricExporter):
    """An exporter with a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 0, **_: object
    ) -> MetricExportResult:
        self.asked += 1
        raise ValueError("a fault")

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **_: object) -> None: ...


async def test_a_fault_of_the_exporter_does_not_end_the_sending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next reading is sent all the same: a task that failed would end the service's health."""
    lines, exporter = captured(monkeypatch, delivery), Broken()
    sender = MetricsSender(exporter, Resource({}), 0.001)
    running = asyncio.create_task(sender.run(CollectorRegistry(), lambda: NOW))
    await until(lambda: exporter.asked >= 2)
    assert not running.done()
    running.cancel()
    sender.close()
    assert [line["signal"] for line in lines] == ["metrics"]
