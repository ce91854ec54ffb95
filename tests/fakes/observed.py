"""What a service says of itself: its counters, and the lines of its log."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from types import ModuleType

    import pytest
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


Lines = list[MutableMapping[str, Any]]


def captured(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Lines:
    """The lines of these modules from now on."""
    capture = structlog.testing.LogCapture()
    logger = structlog.wrap_logger(
        None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    for module in modules:
        monkeypatch.setattr(module, "log", logger)
    return capture.entries
