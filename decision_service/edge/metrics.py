"""Everything that is counted, in a registry of its own; no label holds a person's data.

What happens often is counted where it happens. What the service knows anyway (the circuit, the
rules, the limits) is read when somebody asks for `/metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from decision_service.edge.tallies import Buckets, Spread, Tally

PREFIX = "decision_service_"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
_GROUPS = (1, 2, 4, 8, 16, 32, 64, 128)


class Reading(msgspec.Struct, frozen=True):
    """A figure that is read when asked for; `labels` name its parts, `values` give each."""

    name: str
    help: str
    values: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    labels: tuple[str, ...] = ()
    counter: bool = False


class MethodMetrics:
    """The counters of one method, looked up once."""

    def __init__(self, method: str, calls: Tally, seconds: Buckets) -> None:
        self._method = method
        self._calls = calls
        self._seconds = seconds

    def ended(self, code: str, seconds: float) -> None:
        """A call ended with this code after so many seconds."""
        self._calls.add(self._method, code)
        self._seconds.observe(seconds)


class Metrics:
    """The service's metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._readings: list[Reading] = []
        self.registry.register(_Readings(self._readings))
        self._calls = self._tally("calls", "Calls by method and code", "method", "code")
        self._failures = self._tally("errors", "Errors by code and reason", "code", "reason")
        self._decisions = self._tally(
            "decisions", "Decisions recorded", "product", "outcome", "arm"
        )
        self._call_seconds = self._spread("call_seconds", "Time to answer", _SECONDS, "method")
        self._commit_seconds = self._spread(
            "store_commit_seconds", "Time of a group's commit", _COMMIT_SECONDS
        ).of()
        self._group_size = self._spread("store_group_size", "Decisions in a commit", _GROUPS).of()
        self.loop_lag = Gauge(
            f"{PREFIX}loop_lag_seconds", "How late the event loop runs", registry=self.registry
        )

    def of_method(self, method: str) -> MethodMetrics:
        """The counters of one method."""
        return MethodMetrics(method, self._calls, self._call_seconds.of(method))

    def failed(self, code: str, reason: str) -> None:
        """A call ended with an error."""
        self._failures.add(code, reason)

    def decided(self, product: str, outcome: str, arm: str) -> None:
        """A decision was recorded; one that is told again does not count."""
        self._decisions.add(product, outcome, arm)

    def committed(self, seconds: float, decisions: int) -> None:
        """The store committed a group."""
        self._commit_seconds.observe(seconds)
        self._group_size.observe(decisions)

    def read(self, *readings: Reading) -> None:
        """Have these figures read whenever somebody asks."""
        self._readings.extend(readings)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _tally(self, name: str, words: str, *labels: str) -> Tally:
        tally = Tally(f"{PREFIX}{name}", words, *labels)
        self.registry.register(tally)
        return tally

    def _spread(self, name: str, words: str, bounds: tuple[float, ...], label: str = "") -> Spread:
        spread = Spread(f"{PREFIX}{name}", words, bounds, label)
        self.registry.register(spread)
        return spread


class _Readings(Collector):
    """Reads the figures that nobody counts."""

    def __init__(self, readings: list[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        """One family for each figure."""
        for reading in self._readings:
            kind = CounterMetricFamily if reading.counter else GaugeMetricFamily
            family = kind(f"{PREFIX}{reading.name}", reading.help, labels=reading.labels)
            for labels, value in reading.values():
                family.add_metric(labels, value)
            yield family
