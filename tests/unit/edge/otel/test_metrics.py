"""What `/metrics` shows, as it is sent by OTLP."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from decision_service.edge.metrics import Metrics
from decision_service.edge.otel.metrics import CountingPeriod, metrics_data
from decision_service.instruments import counter, gauge, histogram

PERIOD = CountingPeriod(began=1, read=2)


def sent(registry: CollectorRegistry) -> dict[str, Any]:
    """The metrics of a registry by name."""
    data = metrics_data(registry.collect(), Resource({}), PERIOD)
    [scope] = data.resource_metrics[0].scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def test_counters_gauges_and_histograms_keep_their_figures() -> None:
    """A sum, a gauge, and buckets that count what lies between two bounds."""
    registry = CollectorRegistry()
    counter(registry, "decisions", "Decisions", "product").labels("loan").inc(3)
    gauge(registry, "loop_lag_seconds", "Lag").set(0.5)
    times = histogram(registry, "store_commit_seconds", "Commits", bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        times.observe(seconds)
    found = sent(registry)
    made, lag, commits = (
        found[f"decision_service.{n}"] for n in ("decisions", "loop_lag", "store_commit")
    )
    assert isinstance(made.data, Sum)
    assert made.data.is_monotonic
    [point] = made.data.data_points
    assert (dict(point.attributes), point.value) == ({"product": "loan"}, 3)
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1, 2)
    assert isinstance(lag.data, Gauge)
    assert (lag.unit, lag.data.data_points[0].value) == ("s", 0.5)
    assert isinstance(commits.data, Histogram)
    [point] = commits.data.data_points
    assert (point.count, point.sum, [*point.bucket_counts]) == (4, 7.65, [2, 1, 1])
    assert [*point.explicit_bounds] == [0.1, 1.0]


def test_calls_and_the_process_have_conventional_names() -> None:
    """The duration of calls by full method, memory, CPU time and files."""
    metrics = Metrics()
    metrics.of_method("GetDecision").ended("OK", 0.25)
    found = sent(metrics.registry)
    calls = found["rpc.server.call.duration"]
    assert calls.unit == "s"
    assert [dict(point.attributes) for point in calls.data.data_points] == [
        {
            "rpc.system.name": "grpc",
            "rpc.method": "decision_service.api.v1.DecisionService/GetDecision",
        }
    ]
    units = {"process.cpu.time": "s", "process.memory.usage": "By"}
    assert {name: found[name].unit for name in units} == units
    assert found["process.unix.file_descriptor.count"].data.data_points[0].value > 0
