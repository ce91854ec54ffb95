"""What `/metrics` shows, as OpenTelemetry's data: nothing is counted a second time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric as Family
from prometheus_client.samples import Sample

from decision_service.edge.otel.conventions import MetricName, attributes_of, metric_name

_SCOPE = InstrumentationScope("decision_service")
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class CountingPeriod(msgspec.Struct, frozen=True):
    """When counting began, and when it was read; nanoseconds of Unix time."""

    began: int
    read: int


def metrics_data(
    families: Iterable[Family], resource: Resource, period: CountingPeriod
) -> MetricsData:
    """All samples of a registry as cumulative metrics of one resource."""
    metrics = [_metric(family, period) for family in families if family.samples]
    scope = ScopeMetrics(_SCOPE, metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, period: CountingPeriod) -> Metric:
    name = metric_name(family.name)
    data: Sum | Gauge | Histogram
    if family.type == "counter":
        data = Sum([*_numbers(family, name, period)], _CUMULATIVE, is_monotonic=True)
    elif family.type == "histogram":
        data = Histogram([*_histograms(family, name, period)], _CUMULATIVE)
    else:
        data = Gauge([*_numbers(family, name, period)])
    return Metric(name.name, family.documentation, name.unit, data)


def _numbers(family: Family, name: MetricName, period: CountingPeriod) -> Iterator[NumberDataPoint]:
    for sample in family.samples:
        attributes = attributes_of(name, sample.labels)
        yield NumberDataPoint(attributes, period.began, period.read, float(sample.value))


def _histograms(
    family: Family, name: MetricName, period: CountingPeriod
) -> Iterator[HistogramDataPoint]:
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in family.samples:
        labels = tuple((key, text) for key, text in sample.labels.items() if key != "le")
        series.setdefault(labels, []).append(sample)
    for labels, samples in series.items():
        yield _histogram(samples, attributes_of(name, dict(labels)), period)


def _histogram(
    samples: Iterable[Sample], attributes: Mapping[str, str], period: CountingPeriod
) -> HistogramDataPoint:
    """One series: Prometheus' buckets hold the lower ones too, OpenTelemetry's do not."""
    below = {s.labels["le"]: int(s.value) for s in samples if s.name.endswith("_bucket")}
    total = sum(s.value for s in samples if s.name.endswith("_sum"))
    reached = [*below.values()]
    return HistogramDataPoint(
        attributes,
        period.began,
        period.read,
        count=reached[-1],
        sum=total,
        bucket_counts=[high - low for low, high in zip([0, *reached], reached, strict=False)],
        explicit_bounds=[float(bound) for bound in below if bound != "+Inf"],
        min=None,  # type: ignore[arg-type]  # nobody noted them, and OTLP has them optional
        max=None,  # type: ignore[arg-type]
    )
