"""How often things happened in this process, for whoever exports metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]
"""(name, value) pairs in order of their names; never anything of a person."""


class EventCounters:
    """Counts by name and labels; they only rise."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()

    def count(self, name: str, by: int = 1, /, **labels: str) -> None:
        """One more, or `by` more."""
        self._counts[name, tuple(sorted(labels.items()))] += by

    def of(self, name: str, /, **labels: str) -> int:
        """How often so far."""
        return self._counts[name, tuple(sorted(labels.items()))]

    def totals(self) -> Mapping[tuple[str, Labels], int]:
        """Everything counted so far."""
        return dict(self._counts)
