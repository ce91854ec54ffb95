"""Static types of the rule language and what may be done with them (rules.md, expressions).

money ± money, money × number and money ÷ number are money; money ÷ money is a number; integers
are numbers. A bare literal is money wherever money is expected. Everything else is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

import msgspec

from decision_service.domain.factor import ValueType

INTEGER, NUMBER, MONEY = ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY
TEXT, FLAG, DATE = ValueType.TEXT, ValueType.FLAG, ValueType.DATE

NUMERIC = frozenset({INTEGER, NUMBER})
ORDERED = frozenset({INTEGER, NUMBER, MONEY, DATE})


class Symbol(msgspec.Struct, frozen=True):
    """A name an expression may use; its value stands in `slot` of the list of values.

    `lower` and `upper` are inclusive bounds in the type's unit (major units for money), `labels`
    the values a text can take (empty: any). `constant` says that the value comes from the rule
    file alone (a parameter).
    """

    name: str
    type: ValueType
    slot: int
    lower: Decimal | None = None
    upper: Decimal | None = None
    labels: tuple[str, ...] = ()
    constant: bool = False


class NameFault(msgspec.Struct, frozen=True):
    """Why a name cannot be used: code, message and hint of the diagnostic.

    An empty code says that the reason is reported elsewhere already.
    """

    code: str
    message: str
    hint: str = ""


class Scope(Protocol):
    """The names an expression may use at its place in the file."""

    @property
    def currency(self) -> str:
        """The currency of money literals."""

    @property
    def claims(self) -> bool:
        """Whether the expression claims something of decisions, and decides nothing."""

    def find(self, name: str) -> Symbol | NameFault:
        """The symbol of a name, or why there is none."""

    def listed(self, operand: Symbol, name: str) -> Symbol | NameFault:
        """The symbol of the answer whether an input is on a list, or why there is none."""


def joint(types: Iterable[ValueType]) -> ValueType | None:
    """The one type that values of these types share (integer joins number), or None."""
    found = set(types)
    if len(found) == 1:
        return found.pop()
    return NUMBER if found == NUMERIC else None


def sum_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `+` and `-`: numbers with numbers, money with money."""
    shared = joint((left, right))
    return shared if shared in NUMERIC or shared is MONEY else None


def product_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `*`: money times a number is money; money times money is nothing."""
    if {left, right} <= NUMERIC:
        return INTEGER if left is right is INTEGER else NUMBER
    money = [t for t in (left, right) if t is MONEY]
    other = [t for t in (left, right) if t in NUMERIC]
    return MONEY if len(money) == len(other) == 1 else None


def quotient_type(left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `/`: money by a number is money, money by money a number."""
    if left is MONEY:
        return NUMBER if right is MONEY else MONEY if right in NUMERIC else None
    return NUMBER if {left, right} <= NUMERIC else None


def phrase(type_: ValueType) -> str:
    """The type with its article: `an integer`, `a number`, `money`."""
    if type_ is MONEY or type_ is TEXT:
        return str(type_)
    return f"an {type_}" if type_ is INTEGER else f"a {type_}"
