"""The functions of the rule language: how many arguments, of which types, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from decision_service.domain.factor import ValueType
from decision_service.language.expressions.tree import NameRead, Node
from decision_service.language.types import (
    DATE,
    FLAG,
    INTEGER,
    MONEY,
    NUMBER,
    NUMERIC,
    joint,
)

MOST_ARGUMENTS = 20

ResultType = Callable[[Sequence[Node]], ValueType | None]


class Signature(msgspec.Struct, frozen=True):
    """One function; `fixed` are its arguments' types where they do not depend on each other."""

    name: str
    usage: str
    sentence: str
    fewest: int
    most: int
    result: ResultType
    fixed: tuple[ValueType, ...] = ()

    @property
    def arguments(self) -> str:
        """`2 arguments`, `at least 2 arguments`."""
        least = "at least " if self.most > self.fewest else ""
        return f"{least}{self.fewest} argument{'s' if self.fewest > 1 else ''}"


def _amount(arguments: Sequence[Node]) -> ValueType | None:
    shared = joint(a.type for a in arguments)
    return shared if shared in NUMERIC or shared is MONEY else None


def _ordered(arguments: Sequence[Node]) -> ValueType | None:
    shared = joint(a.type for a in arguments)
    return shared if shared is DATE else _amount(arguments)


def _any(arguments: Sequence[Node]) -> ValueType | None:
    return joint(a.type for a in arguments)


def _name(arguments: Sequence[Node]) -> ValueType | None:
    return FLAG if isinstance(arguments[0], NameRead) else None


def _money(_arguments: Sequence[Node]) -> ValueType | None:
    return MONEY


def _number(_arguments: Sequence[Node]) -> ValueType | None:
    return NUMBER


def _date(_arguments: Sequence[Node]) -> ValueType | None:
    return DATE


_LOAN = (MONEY, NUMBER, INTEGER)

SIGNATURES = {
    s.name: s
    for s in (
        Signature("min", "min(a, b, …)", "the smallest", 2, MOST_ARGUMENTS, _ordered),
        Signature("max", "max(a, b, …)", "the largest", 2, MOST_ARGUMENTS, _ordered),
        Signature("abs", "abs(a)", "without its sign", 1, 1, _amount),
        Signature(
            "round", "round(a, step)", "the nearest multiple of step, half to even", 2, 2, _amount
        ),
        Signature("floor", "floor(a, step)", "the multiple of step below", 2, 2, _amount),
        Signature("coalesce", "coalesce(a, b, …)", "the first not absent", 2, MOST_ARGUMENTS, _any),
        Signature("known", "known(name)", "whether the name has a value", 1, 1, _name),
        Signature("tainted", "tainted(name)", "whether a failure hides its value", 1, 1, _name),
        Signature("missing", "missing(name)", "whether the name's value is absent", 1, 1, _name),
        Signature(
            "annuity",
            "annuity(amount, monthly_rate, months)",
            "the level monthly payment of a loan",
            3,
            3,
            _money,
            _LOAN,
        ),
        Signature(
            "annuity_amount",
            "annuity_amount(payment, monthly_rate, months)",
            "the loan that a level monthly payment repays",
            3,
            3,
            _money,
            _LOAN,
        ),
        Signature("exp", "exp(a)", "e to the power of a", 1, 1, _number, (NUMBER,)),
        Signature("ln", "ln(a)", "the natural logarithm", 1, 1, _number, (NUMBER,)),
        Signature(
            "power",
            "power(base, exponent)",
            "the base to the power of the exponent",
            2,
            2,
            _number,
            (NUMBER, NUMBER),
        ),
        Signature(
            "add_days",
            "add_days(date, days)",
            "the day so many days later",
            2,
            2,
            _date,
            (DATE, INTEGER),
        ),
    )
}

ONLY_IN_CLAIMS = frozenset({"tainted"})
"""Functions of guarantees alone: what decides may not look past a failure."""

ELSEWHERE = {
    "log": "write `ln(a)`, the natural logarithm",
    "log10": "write `ln(a) / ln(10)`",
    "pow": "write `power(base, exponent)`",
    "sqrt": "write `power(a, 0.5)`",
}
"""What other languages' functions are in this one, by their names in small letters."""
