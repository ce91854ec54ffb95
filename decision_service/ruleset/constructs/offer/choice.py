"""A term that is chosen among the product's: the longest or shortest that fits, or of most money.

The choice is an expression like any other: `12 if (it fits) else 9 if (it fits) else … else 0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from decision_service.language.diagnostics import Place
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.language.types import INTEGER, MONEY, Symbol

LONGEST, SHORTEST, LARGEST = CHOICES = ("longest", "shortest", "largest")


@dataclass(frozen=True, slots=True)
class TermChoice:
    """The terms in rising order, each with what is asked of it: a condition, or an amount."""

    choose: str
    terms: tuple[int, ...]
    asked: tuple[Node, ...]
    places: tuple[Place, ...] = field(compare=False)

    @property
    def fits(self) -> bool:
        """Whether a condition is asked, so that perhaps no term fulfils it."""
        return self.choose != LARGEST


def with_term(node: Node, symbol: Symbol, term: int) -> Node:
    """An expression with a number of months in the place of the term's name."""
    if isinstance(node, tree.NameRead):
        if node.symbol != symbol:
            return node
        return tree.Constant(INTEGER, term, text=node.text, place=node.place)
    changed = {f.name: _with(getattr(node, f.name), symbol, term) for f in fields(node)}
    return replace(node, **changed)


def _with(value: Any, symbol: Symbol, term: int) -> Any:
    if isinstance(value, Node):
        return with_term(value, symbol, term)
    if isinstance(value, tuple) and all(isinstance(item, Node) for item in value):
        return tuple(with_term(item, symbol, term) for item in value)
    return value


def chosen(choice: TermChoice, text: str, place: Place) -> Node:
    """The tree of the term: 0 where none fits."""
    pairs = list(zip(choice.terms, choice.asked, strict=True))
    if choice.choose == LARGEST:
        return _largest(pairs, text, place)
    found: Node = _months(0, text, place)
    for term, asked in pairs if choice.choose == LONGEST else reversed(pairs):
        found = _either(asked, term, found, text, place)
    return found


def _largest(pairs: Sequence[tuple[int, Node]], text: str, place: Place) -> Node:
    """The term of the largest amount, of equal ones the shortest."""
    found: Node = _months(pairs[-1][0], text, place)
    rest: tuple[Node, ...] = (pairs[-1][1],)
    for term, amount in reversed(pairs[:-1]):
        others = (
            rest[0]
            if len(rest) == 1
            else tree.FunctionCall(amount.type, "max", rest, text=text, place=place)
        )
        least = tree.Compare(">=", amount, others, text=text, place=place)
        found = _either(least, term, found, text, place)
        rest = (amount, *rest)
    return found


def nothing_without_term(amount: Node, term: Symbol) -> Node:
    """An amount that is 0 where no term fits."""
    text, place = amount.text, amount.place
    name = tree.NameRead(term, text=term.name, place=place)
    fits = tree.Compare(">=", name, _months(1, text, place), text=text, place=place)
    nothing = tree.Constant(MONEY, 0, text=text, place=place)
    return tree.Choice(MONEY, fits, amount, nothing, text=text, place=place)


def _either(asked: Node, term: int, otherwise: Node, text: str, place: Place) -> Node:
    months = _months(term, text, place)
    return tree.Choice(INTEGER, asked, months, otherwise, text=text, place=place)


def _months(term: int, text: str, place: Place) -> Node:
    return tree.Constant(INTEGER, term, text=text, place=place)
