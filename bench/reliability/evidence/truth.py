"""What may be decided when a kind of data cannot be trusted, found without the code under test.

Whatever the unreadable records say, there is a world in which they say it. A decision that stands
without them is the same in all these worlds: where they read as told, where there are none, where
every amount is a tenth, and where every amount is tenfold. An approval or a decline is wrong when
one of these worlds, read without any fault, gives another answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bench.reliability.evidence.desk import Answer, Desk
from decision_service.rulebook.rulebook import Rulebook
from decision_service.standin.world import DataSource, Json, Person, World

KINDS = ("eincomes", "incomes", "contributions", "employments", "liabilities", "transactions")
READINGS: tuple[float | None, ...] = (1.0, None, 0.1, 10.0)
"""How a kind's records may read: the factor on every amount, None for no records."""


@dataclass(slots=True)
class Truth:
    """The answers of every reading, by applicant, product and kind."""

    world: World
    book: Rulebook
    desks: dict[tuple[str, float | None], Desk] = field(default_factory=dict)
    _known: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)

    async def outcomes(self, user_id: str, product: str, kind: str) -> frozenset[str]:
        """The outcomes that the readings of one kind give."""
        key = user_id, product, kind
        if key not in self._known:
            answers = [await self._read(kind, how, user_id, product) for how in READINGS]
            self._known[key] = frozenset(answer.outcome for answer in answers)
        return self._known[key]

    async def _read(self, kind: str, how: float | None, user_id: str, product: str) -> Answer:
        desk = self.desks.get((kind, how))
        if desk is None:
            desk = self.desks[kind, how] = Desk(reread(self.world, kind, how), self.book)
        return await desk.decide(user_id, product)


def reread(world: World, kind: str, how: float | None) -> World:
    """The same people, of whom one kind of records reads otherwise."""
    builders = {
        user_id: partial(_retold, build, kind, how) for user_id, build in world.builders.items()
    }
    return World(world.today, builders, world.faults)


def _retold(build: Callable[[], Person], kind: str, how: float | None) -> Person:
    person = build()
    return replace(person, sources=tuple(_source(one, kind, how) for one in person.sources))


def _source(source: DataSource, kind: str, how: float | None) -> DataSource:
    if kind not in source.items:
        return source
    items = () if how is None else tuple(_scaled(item, how) for item in source.items[kind])
    return replace(source, items={**source.items, kind: items})


def _scaled(item: Json, factor: float) -> Json:
    return {name: _amount(name, value, factor) for name, value in item.items()}


def _amount(name: str, value: Any, factor: float) -> Any:
    money = name.lower().endswith(("amount", "balance")) and isinstance(value, (int, float))
    return round(value * factor, 2) if money and factor != 1.0 else value
