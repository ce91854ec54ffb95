"""Computes terms of given variables, as the rule language computes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from decision_service.workbench.proofs.terms import Op, Term


class Computer:
    """Computes terms of one set of variables by number, each term once."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._known: dict[int, Any] = {}

    def value(self, term: Term) -> Any:
        """A term's value: bool, int, Decimal or, of exact terms, Fraction."""
        waiting = [term]
        while waiting:
            top = waiting[-1]
            if top.number in self._known:
                waiting.pop()
                continue
            needed = [t for t in self._needed(top) if t.number not in self._known]
            if needed:
                waiting += needed
                continue
            self._known[top.number] = self._computed(waiting.pop())
        return self._known[term.number]

    def _needed(self, term: Term) -> tuple[Term, ...]:
        if term.op is Op.ITE and term.args[0].number in self._known:
            return (term.args[1 if self._known[term.args[0].number] else 2],)
        if term.op is Op.ITE:
            return term.args[:1]
        return term.args[2:] if term.op is Op.BRACKET else term.args

    def _computed(self, term: Term) -> Any:
        if term.op is Op.CONST:
            return term.value
        if term.op is Op.VAR:
            return self._variables[term.value]
        given = [self._known.get(arg.number) for arg in term.args]
        if term.op is Op.APPLY:
            return term.value.compute(*given)
        if term.op is Op.ITE:
            return given[1] if given[0] else given[2]
        return _operated(term, given)


def _operated(term: Term, given: list[Any]) -> Any:
    match term.op:
        case Op.NOT:
            return not given[0]
        case Op.AND:
            return all(given)
        case Op.OR:
            return any(given)
        case Op.BRACKET:
            return given[2] <= given[3] if term.value is Op.LE else given[2] < given[3]
        case Op.LE | Op.LT | Op.EQ:
            return _compared(term.op, given[0], given[1])
        case Op.ODD:
            return _exact(given[0]) / term.value % 2 == 1
        case Op.FLOOR:
            return _plain(_exact(given[0]) // term.value * term.value)
        case Op.SCALE:
            return _plain(_exact(given[0]) * term.value)
    return _plain(_exact(given[0]) + _exact(given[1]))


def _compared(op: Op, left: Any, right: Any) -> bool:
    if isinstance(left, bool):
        return left is right
    left, right = _exact(left), _exact(right)
    if op is Op.EQ:
        return bool(left == right)
    return bool(left <= right) if op is Op.LE else bool(left < right)


def _exact(value: Any) -> Fraction:
    return Fraction(value)


def _plain(value: Fraction) -> int | Decimal | Fraction:
    """A whole number as int, one with few decimals as Decimal; functions take no fractions."""
    if value.denominator == 1:
        return int(value)
    return Decimal(value.numerator) / value.denominator
