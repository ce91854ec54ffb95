"""One decision in the making: names and values, the worlds that bounds leave open, arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.oracles.rules.expressions import Env, names, worth
from tests.oracles.rules.holes import Hole

SEVERITY = {"APPROVE": 1, "REFER": 2, "DECLINE": 3}


@dataclass(frozen=True)
class Argument:
    """One reason for an outcome; an empty code gives none. `hole` where something is missing.

    `ruled` where a rule declines for what is missing: it `ranks_as` the rule's reason.
    """

    outcome: str
    code: str
    component: str
    kind: str = ""
    factor: str = ""
    lost: Any = None
    hole: Hole | None = None
    ruled: bool = False
    ranks_as: str = ""


def data(hole: Hole, outcome: str = "REFER") -> Argument:
    kind = "DATA" if outcome == "REFER" else ""
    return Argument(outcome, hole.reason, "DATA", kind, hole.name, hole=hole)


def worst(outcomes: Iterable[str | None]) -> str | None:
    """The worst outcome; None where there is none."""
    return max([o for o in outcomes if o], key=SEVERITY.__getitem__, default=None)


@dataclass
class Run:
    """`env` holds the values that count, with the worst totals; `worlds` all that may be so.

    `marked` are names that stand for the worst of several totals, or follow from such a one, with
    the holes behind them.
    """

    env: Env
    kinds: dict[str, str]
    worlds: list[Env] = field(default_factory=lambda: [{}])
    marked: dict[str, tuple[Hole, ...]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    scores: list[tuple[Any, ...]] = field(default_factory=list)
    offer: dict[str, Any] | None = None
    offered: bool = True
    conditions: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    truths: dict[str, Any] = field(default_factory=dict)

    def define(self, name: str, value: Any, kind: str) -> None:
        """Give a name its value."""
        self.env[name], self.kinds[name] = value, kind
        self.order.append(name)

    def derive(self, name: str, text: str, kind: str) -> None:
        """Give a name what an expression comes to, in each world as it comes out there."""
        values, behind = self.in_worlds(text), self.behind(names(text))
        self.define(name, worth(text, self.env), kind)
        if behind:
            self.marked[name] = behind
        for world, value in zip(self.worlds, values, strict=True) if behind else ():
            world[name] = value

    def behind(self, names: Iterable[str]) -> tuple[Hole, ...]:
        """The holes behind the marked ones of some names, in the order of their definition."""
        found = sorted((n for n in names if n in self.marked), key=self.order.index)
        return tuple(hole for name in found for hole in self.marked[name])

    def in_worlds(self, text: str) -> list[Any]:
        """What an expression comes to in every world."""
        return [worth(text, {**self.env, **world}) for world in self.worlds]
