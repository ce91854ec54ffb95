"""What a counter of Prometheus' has counted."""

from __future__ import annotations

from prometheus_client import Counter


def counted(counter: Counter, **labels: str) -> float:
    """The sum over the samples with these labels."""
    return sum(
        sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    )


def by_label(counter: Counter) -> dict[str, float]:
    """The figures of a counter that has one label, by its values."""
    return {
        next(iter(sample.labels.values())): sample.value
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
