"""Guarantees: what the rules of a version are to hold for everybody."""

from __future__ import annotations

from dataclasses import dataclass, field

from decision_service.domain.verdict import Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Node
from decision_service.language.types import Symbol


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One named guarantee, of one of four kinds.

    `never` an outcome, or `always` a condition; of `monotone` names, moved their way (1: up,
    -1: down), a better value never gives a worse verdict; without the `hidden` names nobody has a
    better one. It is about those of whom `when` is true, of two verdicts both times. One that
    `must` be proved is broken where it is not decided.
    """

    name: str
    never: Outcome | None = None
    always: Node | None = None
    when: Node | None = None
    monotone: tuple[tuple[Symbol, int], ...] = ()
    hidden: tuple[Symbol, ...] = ()
    must: bool = False
    place: Place = field(default=Place("", 1, 1, 2), compare=False)
