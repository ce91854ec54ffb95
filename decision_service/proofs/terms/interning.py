"""Terms that are made once, so that equal ones are the same object: constants and variables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from decision_service.proofs.terms.term import Exact, Function, Op, Sort, Term


class Interning:
    """Makes constants and variables; the same request gives the same term."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Term] = {}
        self.variables: list[Term] = []
        self.applied: list[Term] = []
        self.texts: dict[str, int] = {}
        self.splits: dict[Term, None] = {}
        self.factors: list[Sequence[Term]] = []
        self.true = self._make(Op.CONST, Sort.BOOL, (), value=True)
        self.false = self._make(Op.CONST, Sort.BOOL, (), value=False)

    def _make(self, op: Op, sort: Sort, args: Sequence[Term], value: Any, **more: Any) -> Term:
        exact = more.get("exact")
        key = (op, sort, tuple(a.number for a in args), _key(value), exact and exact.number)
        found = self._made.get(key)
        if found is None:
            found = Term(op, sort, tuple(args), value, len(self._made), **more)
            self._made[key] = found
            if op is Op.VAR:
                self.variables.append(found)
            elif op in (Op.APPLY, Op.BRACKET):
                self.applied.append(found)
        return found

    def _const(self, sort: Sort, value: Any, scale: int | None = 0) -> Term:
        size = Fraction(value)
        return self._make(Op.CONST, sort, (), value, low=size, high=size, scale=scale)

    def number(self, value: Exact) -> Term:
        """A constant number; a whole one is an INT."""
        size = Fraction(value)
        if size.denominator == 1:
            return self._const(Sort.INT, int(size))
        decimals = decimals_of(size)
        return self._const(Sort.REAL, size if decimals is None else as_decimal(size), decimals)

    def truth(self, value: bool) -> Term:  # noqa: FBT001  a truth is no switch
        """A constant truth."""
        return self.true if value else self.false

    def text(self, value: str) -> Term:
        """The number that stands for a text."""
        return self.number(self.texts.setdefault(value, len(self.texts)))

    def flag(self, name: str) -> Term:
        """A variable truth."""
        return self._make(Op.VAR, Sort.BOOL, (), name)

    def whole(self, name: str, low: Exact, high: Exact) -> Term:
        """A variable whole number."""
        bounds = {"low": Fraction(low), "high": Fraction(high)}
        return self._make(Op.VAR, Sort.INT, (), name, scale=0, **bounds)

    def real(self, name: str, low: Exact, high: Exact) -> Term:
        """A variable number with any number of decimals."""
        bounds = {"low": Fraction(low), "high": Fraction(high)}
        return self._make(Op.VAR, Sort.REAL, (), name, scale=None, **bounds)


def _key(value: Any) -> Any:
    """What tells values apart; equal functions are one, and `True` is not `1`."""
    if isinstance(value, Function):
        return value.key
    return (isinstance(value, bool), value)


def decimals_of(size: Fraction) -> int | None:
    """The decimals of a number; None where they do not end."""
    rest, twos, fives = size.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def as_decimal(size: Exact) -> Decimal | int:
    """A number whose decimals end, exactly; whole ones as int.  Raises ValueError for others."""
    exact = Fraction(size)
    if exact.denominator == 1:
        return int(exact)
    decimals = decimals_of(exact)
    if decimals is None:
        raise ValueError(f"{exact} has no end")
    digits = Decimal(int(abs(exact) * 10**decimals)).as_tuple().digits
    return Decimal((int(exact < 0), digits, -decimals))
