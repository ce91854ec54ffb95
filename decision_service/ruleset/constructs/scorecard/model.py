"""A scorecard's content: characteristics with their bins, and bands of the total."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions import tree
from decision_service.language.types import Symbol
from decision_service.ruleset.constructs.cells import Cell


class Bin(msgspec.Struct, frozen=True):
    """Values of a factor and the points they give."""

    cell: Cell
    points: Decimal


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One factor's share in the total; `fixed` None scores a missing value by `bounds`.

    `complete` says that all its bins could be read.
    """

    name: tree.NameRead
    bins: tuple[Bin, ...]
    reason: str
    fixed: Decimal | None
    because: str
    place: Place = field(compare=False)
    complete: bool = field(default=True, compare=False)

    @property
    def scores(self) -> tuple[Decimal, ...]:
        """All points it can give, those for missing data among them."""
        fixed = () if self.fixed is None else (self.fixed,)
        return (*(b.points for b in self.bins), *fixed)

    @property
    def worst(self) -> Decimal:
        """The fewest points of any bin."""
        return min(b.points for b in self.bins)

    @property
    def best(self) -> Decimal:
        """The most points of any bin."""
        return max(b.points for b in self.bins)


@dataclass(frozen=True, slots=True)
class Band:
    """Totals from `start` on (None: all that are left), and what they conclude."""

    name: str
    start: Decimal | None
    then: Outcome
    place: Place = field(compare=False)


class Card(msgspec.Struct, frozen=True):
    """A scorecard; bands from the highest total down; `score` and `band` are its results."""

    id: str
    base: Decimal
    characteristics: tuple[Characteristic, ...]
    bands: tuple[Band, ...]
    score: Symbol
    band: Symbol

    def lowest(self) -> Decimal:
        """The smallest total."""
        return self.base + sum(min(c.scores) for c in self.characteristics)

    def highest(self) -> Decimal:
        """The largest total."""
        return self.base + sum(max(c.scores) for c in self.characteristics)

    def band_of(self, total: Decimal) -> Band:
        """The band that a total lies in."""
        for band in self.bands:
            if band.start is None or total >= band.start:
                return band
        return self.bands[-1]
