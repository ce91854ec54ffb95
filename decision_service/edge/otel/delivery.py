"""Delivery to a collector: what is lost on the way costs one line of the log, and no decision."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = structlog.get_logger("decision_service.opentelemetry")


class WatchedSpans(SpanExporter):
    """A span exporter whose delivery is watched; a line of the log when that changes."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; waits at most as long as `OTEL_EXPORTER_OTLP_TIMEOUT` says."""
        result = self._exporter.export(spans)
        taken = result is SpanExportResult.SUCCESS
        if taken and self._failing:
            log.info("the collector takes spans again")
        elif not taken and not self._failing:
            log.warning(
                "the collector does not take spans, which are dropped meanwhile; decisions go on: "
                "look at OTEL_EXPORTER_OTLP_ENDPOINT and at the collector"
            )
        self._failing = not taken
        return result

    def shutdown(self) -> None:
        """Send nothing more, and end a batch that is being sent."""
        self._exporter.shutdown()
