"""What an area tried, and what of it held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_TOLD = 5
"""Kinds of shortfalls that are told of an area."""


@dataclass(slots=True)
class Found:
    """The attempts of one area; `figures` are told beside them, `slack` widens bounds of time."""

    area: str
    slack: float = 1.0
    tried: int = 0
    held: int = 0
    figures: list[str] = field(default_factory=list)
    _short: Counter[str] = field(default_factory=Counter)

    def attempt(self, what: str, *, held: bool) -> None:
        """Count an attempt; `what` says what happened where it did not hold."""
        self.tried += 1
        self.held += held
        if not held:
            self._short[what] += 1

    def results(self, results: Iterable[tuple[str, bool]]) -> None:
        """Count attempts that are told as what was tried and whether it held."""
        for what, held in results:
            self.attempt(what, held=held)

    def equal(self, what: str, found: object, *expected: object) -> None:
        """Count an attempt that holds where this is one of those."""
        self.attempt(f"{what}: {found}", held=found in expected)

    @property
    def short(self) -> bool:
        """Whether anything fell short, or nothing was tried."""
        return self.held < self.tried or not self.tried

    def lines(self) -> list[str]:
        """The area with its figures, and what fell short most often."""
        told = [f"{self.area:16} {self.held:6} of {self.tried:6} held  {'; '.join(self.figures)}"]
        worst = self._short.most_common(MOST_TOLD)
        return told + [f"    FELL SHORT {times} times: {what}" for what, times in worst]
