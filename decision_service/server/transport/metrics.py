"""Everything that is counted, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from decision_service.domain.decision import Verdict
from decision_service.domain.ports import DecisionEntry
from decision_service.runtime.telemetry import ALARMS, counter, gauge, histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
_GROUPS = (1, 2, 4, 8, 16, 32, 64, 128)

disable_created_metrics()


class MethodMetrics:
    """The counters of one method, which shows its times before its first call."""

    def __init__(self, method: str, calls: Counter, seconds: Histogram) -> None:
        self._method = method
        self._calls = calls
        self._seconds = seconds.labels(method)

    def ended(self, code: str, seconds: float) -> None:
        self._calls.labels(self._method, code).inc()
        self._seconds.observe(seconds)


class Metrics:
    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=True)
        self._calls = counter(
            registry, "calls", "Calls by method and code", labels=("method", "code")
        )
        self._failures = counter(
            registry, "errors", "Errors by code and reason", labels=("code", "reason")
        )
        self._decisions = counter(
            registry, "decisions", "Decisions recorded", labels=("product", "outcome", "arm")
        )
        self._tags = counter(
            registry,
            "decision_tags",
            "Tags of rules that held, by decision",
            labels=("product", "tag"),
        )
        self._reasons = counter(
            registry, "decision_reasons", "Reasons given, by decision", labels=("product", "code")
        )
        self._missing = counter(
            registry,
            "decision_missing",
            "Causes of missing data, by decision",
            labels=("product", "cause"),
        )
        self._call_seconds = histogram(
            registry, "call_seconds", "Time to answer", labels=("method",), bounds=_SECONDS
        )
        self._commit_seconds = histogram(
            registry, "store_commit_seconds", "Time of a group's commit", bounds=_COMMIT_SECONDS
        )
        self._group_size = histogram(
            registry, "store_group_size", "Decisions in a commit", bounds=_GROUPS
        )
        registry.register(ALARMS)
        ProcessCollector(registry=registry)
        self.loop_lag = gauge(registry, "loop_lag_seconds", "How late the event loop runs")

    def of_method(self, method: str) -> MethodMetrics:
        return MethodMetrics(method, self._calls, self._call_seconds)

    def failed(self, code: str, reason: str) -> None:
        self._failures.labels(code, reason).inc()

    def decided(self, entry: DecisionEntry, verdict: Verdict) -> None:
        """Count a new decision, not one that is answered again; a ruleset has at most 30 tags."""
        product = entry.product
        arm = entry.arm.arm.value if entry.arm else ""
        self._decisions.labels(product, entry.outcome.value, arm).inc()
        for tag in verdict.tags:
            self._tags.labels(product, tag.name).inc()
        for reason in verdict.reasons:
            self._reasons.labels(product, reason.code).inc()
        for cause in {one.missing.cause for one in verdict.data_requests}:
            self._missing.labels(product, cause).inc()

    def committed(self, seconds: float, decisions: int) -> None:
        self._commit_seconds.observe(seconds)
        self._group_size.observe(decisions)

    def read(self, *readings: Callable[[], Iterable[Metric]]) -> None:
        for reading in readings:
            self.registry.register(_Reading(reading))

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Reading(Collector):
    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()
