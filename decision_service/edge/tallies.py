"""Counters and histograms as plain numbers, made into Prometheus' samples when somebody asks.

They are counted by the event loop's thread alone, so that counting takes no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """A counter with labels."""

    def __init__(self, name: str, words: str, *labels: str) -> None:
        self._name, self._words, self._labels = name, words, labels
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str) -> None:
        """Count one."""
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """The counter with a sample for each set of labels."""
        family = CounterMetricFamily(self._name, self._words, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class Buckets:
    """What was observed, by the smallest bound that it does not pass."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.sum = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Take one value in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulated(self) -> list[tuple[str, float]]:
        """How many lay within each bound, and within none at last."""
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))


class Spread(Collector):
    """A histogram, of one kind of thing or, with `label`, of several."""

    def __init__(self, name: str, words: str, bounds: Sequence[float], label: str = "") -> None:
        self._name, self._words, self._bounds = name, words, bounds
        self._label = label
        self._parts: dict[str, Buckets] = {}

    def of(self, part: str = "") -> Buckets:
        """The buckets of one part; from now on it has samples."""
        return self._parts.setdefault(part, Buckets(self._bounds))

    def collect(self) -> Iterator[Metric]:
        """The histogram with the samples of each part."""
        labels = (self._label,) if self._label else ()
        family = HistogramMetricFamily(self._name, self._words, labels=labels)
        for part, buckets in self._parts.items():
            family.add_metric([part][: len(labels)], buckets.cumulated(), buckets.sum)
        yield family
