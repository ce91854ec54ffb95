"""Sends what `/metrics` shows to a collector, at an even pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from decision_service.edge.otel.delivery import Delivery
from decision_service.edge.otel.metrics import CountingPeriod, metrics_data


class MetricsSender:
    """Reads a registry every `seconds` and sends it on a thread of its own."""

    def __init__(self, exporter: MetricExporter, resource: Resource, seconds: float) -> None:
        self._exporter = exporter
        self._resource = resource
        self._seconds = seconds
        self._delivery = Delivery("metrics")
        self._thread = ThreadPoolExecutor(1, "opentelemetry-metrics")

    async def run(self, registry: CollectorRegistry, now: Callable[[], datetime]) -> None:
        """Send for ever; what the collector does not take is dropped, and the next reading is sent.

        The registry is read on the event loop, where its figures change.
        """
        began = _nanoseconds(now())
        while True:
            await asyncio.sleep(self._seconds)
            period = CountingPeriod(began, _nanoseconds(now()))
            self._delivery.note(taken=await self._taken(registry, period))

    async def _taken(self, registry: CollectorRegistry, period: CountingPeriod) -> bool:
        data = metrics_data(registry.collect(), self._resource, period)
        loop = asyncio.get_running_loop()
        try:
            sent = await loop.run_in_executor(self._thread, self._exporter.export, data)
        except Exception:  # noqa: BLE001 - a fault of the exporter must not end the service's health
            return False
        return sent is MetricExportResult.SUCCESS

    def close(self) -> None:
        """Send nothing more, and end what is being sent."""
        self._exporter.shutdown()
        self._thread.shutdown(wait=False)


def _nanoseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1_000
