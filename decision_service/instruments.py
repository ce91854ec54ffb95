"""Prometheus counters, gauges and histograms under the service's namespace.

Each service has a registry of its own; what is counted without one is counted all the same. No
label holds anything of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

NAMESPACE = "decision_service"

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""The values of labels, in their order, each with its figure."""


def counter(registry: CollectorRegistry | None, name: str, words: str, *labels: str) -> Counter:
    """A counter, exposed as `<name>_total`."""
    return Counter(name, words, labels, namespace=NAMESPACE, registry=registry)


def gauge(registry: CollectorRegistry | None, name: str, words: str, *labels: str) -> Gauge:
    """A gauge."""
    return Gauge(name, words, labels, namespace=NAMESPACE, registry=registry)


def histogram(
    registry: CollectorRegistry | None,
    name: str,
    words: str,
    *labels: str,
    bounds: Sequence[float],
) -> Histogram:
    """A histogram with inclusive upper bounds."""
    return Histogram(
        name, words, labels, namespace=NAMESPACE, registry=registry, buckets=(*bounds,)
    )


def read_counter(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    """A counter metric of samples counted elsewhere."""
    return _filled(CounterMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def read_gauge(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    """A gauge metric of samples measured elsewhere."""
    return _filled(GaugeMetricFamily(f"{NAMESPACE}_{name}", words, labels=labels), samples)


def one(value: float) -> Samples:
    """The only figure of a metric without labels."""
    return (((), value),)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
