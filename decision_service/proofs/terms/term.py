"""A term: an operation on terms, with the range of its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

Exact = int | Decimal | Fraction
"""A number of a term without an error."""


class Sort(Enum):
    """What a term's value is: a truth, a whole number, any number."""

    BOOL = "bool"
    INT = "int"
    REAL = "real"


class Op(Enum):
    """The operations; `SCALE` multiplies by a constant, `FLOOR` gives the multiple of one below.

    `APPLY` is a function of the rule language, `BRACKET` a truth between two others.
    """

    CONST = "const"
    VAR = "var"
    NOT = "not"
    AND = "and"
    OR = "or"
    ITE = "ite"
    LE = "<="
    LT = "<"
    EQ = "=="
    ADD = "+"
    SCALE = "*"
    FLOOR = "floor"
    ODD = "odd"
    APPLY = "apply"
    BRACKET = "bracket"


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the rule language as a term applies it.

    `key` is the same for equal functions. `rises` says of each argument whether the value rises
    (1) or falls (-1) with it, 0 where neither is known; it has the sign of each `signed` argument,
    and is 0 where that is. Where the result is a linear term but for
    rounding, the term's `exact` is it, and the two differ by `error` at most.
    """

    key: tuple[Any, ...]
    compute: Callable[..., Any]
    rises: tuple[int, ...]
    error: Fraction = Fraction(0)
    what: str = ""
    signed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One term; equal ones of one builder are the same object.

    `low` and `high` are inclusive bounds, `scale` the most decimals (None: any number of them);
    truths have none. `value` is a constant, a variable's name, the factor of a SCALE, the step of
    a FLOOR or the Function of an APPLY.
    """

    op: Op
    sort: Sort
    args: tuple[Term, ...]
    value: Any
    number: int
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    scale: int | None = 0
    exact: Term | None = None

    @property
    def constant(self) -> bool:
        """Whether it is a constant."""
        return self.op is Op.CONST

    @property
    def largest(self) -> Fraction:
        """The largest size of its value."""
        return max(abs(self.low), abs(self.high))
