"""A made-up snapshot in the making: its coins, its ids, and the months of its histories."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from decision_service.domain.accounts import Kind
from decision_service.domain.values import AsOf, Month
from tests.oracles.vocabulary import CURRENCY, EMPLOYERS, NO_EMPLOYERS


@dataclass
class Draft:
    """A snapshot in the making."""

    rng: Random
    as_of: AsOf
    records: dict[Kind, list[Any]]
    foreign: float = 0.0
    made: int = 0

    def chance(self, probability: float) -> bool:
        """A weighted coin."""
        return self.rng.random() < probability

    def next_id(self, prefix: str) -> str:
        """Ids are unique within an applicant."""
        self.made += 1
        return f"{prefix}-{self.made}"

    def currency(self) -> str:
        """Nearly always ours."""
        return "USD" if self.chance(self.foreign) else CURRENCY

    def employer(self, named: float = 0.85) -> str | None:
        """An employer in one of its spellings, or a word that names none."""
        if not self.chance(named):
            return self.rng.choice(NO_EMPLOYERS)
        return self.rng.choice(self.rng.choice(EMPLOYERS))


def months(draft: Draft, lasts: tuple[int, ...]) -> list[Month]:
    """A stretch of months, newest first, with gaps now and then; `lasts` count from as_of on."""
    rng = draft.rng
    last = Month.of(draft.as_of.date).plus(rng.choice(lasts))
    length = rng.choice((1, 2, 3, 4, 6, 6, 8, 12, 12, 15, 18, 24, 24, 27, 30))
    gaps = rng.choice((0.0, 0.0, 0.0, 0.1, 0.4))
    return [last.plus(-back) for back in range(length) if not draft.chance(gaps)]


def amount(draft: Draft, scale: int) -> int:
    """Minor units; now and then equal, zero, negative or odd."""
    rng = draft.rng
    if draft.chance(0.5):
        return scale
    if draft.chance(0.05):
        return rng.choice((0, 0, -scale // 3))
    return rng.randrange(scale // 2, scale * 2)
