"""What a proof asks of a solver, and the translation of terms that all solvers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from typing import Any

from decision_service.proofs.solving.parts import parts
from decision_service.proofs.terms.term import Op, Sort, Term

_MEASURELESS = 10**60
"""Bounds from here on are left out."""


class Satisfiability(Enum):
    """Whether what was asserted can be true."""

    POSSIBLE = "sat"
    IMPOSSIBLE = "unsat"
    UNKNOWN = "unknown"


class SolverMissing(Exception):
    """The solver's library is not installed."""


class Solver(ABC):
    """Asserts terms, and asks whether all of them can be true at once.

    Rounded results and functions are variables of the solver, with what is known of them as
    constraints. One that `rounds` leaves open how results are rounded, so that what is IMPOSSIBLE
    is so; one that does not takes results as exact, to look for people.
    """

    def __init__(self, *, rounds: bool = True) -> None:
        self._translated: dict[int, Any] = {}
        self._rounds = rounds

    def require(self, term: Term) -> None:
        """Assert a term."""
        self._assert(self.translated(term))

    def translated(self, term: Term) -> Any:
        """A term as the solver has it, its parts first; each part once."""
        waiting = [term]
        while waiting:
            top = waiting[-1]
            if top.number in self._translated:
                waiting.pop()
                continue
            left = [t for t in parts(top) if t.number not in self._translated]
            if left:
                waiting += left
                continue
            waiting.pop()
            self._translated[top.number] = self._translate(top)
        return self._translated[term.number]

    def _translate(self, term: Term) -> Any:
        given = [self._translated[part.number] for part in parts(term)]
        match term.op:
            case Op.CONST:
                return self._constant(term.sort, term.value)
            case Op.VAR:
                return self._variable(term, str(term.value))
            case Op.SCALE:
                return self._scaled(given[0], term.args[0].sort, Fraction(term.value), term.sort)
            case Op.FLOOR | Op.ODD:
                return self._stepped(term, given[0])
            case Op.APPLY:
                return self._applied(term, given)
            case Op.BRACKET:
                return self._bracket(term, given)
        return self._operation(term.op, given, [part.sort for part in parts(term)])

    def _variable(self, term: Term, name: str) -> Any:
        found = self._declare(term.sort, name)
        if term.sort is not Sort.BOOL:
            self._bound(found, term.sort, term.low, term.high)
        return found

    def _bound(self, expression: Any, sort: Sort, low: Fraction, high: Fraction) -> None:
        if abs(low) < _MEASURELESS:
            pair = (self._constant(sort, low), expression)
            self._assert(self._operation(Op.LE, pair, (sort, sort)))
        if abs(high) < _MEASURELESS:
            pair = (expression, self._constant(sort, high))
            self._assert(self._operation(Op.LE, pair, (sort, sort)))

    def _applied(self, term: Term, given: Sequence[Any]) -> Any:
        """A variable in its range; where the function is linear but for rounding, close to that."""
        found = self._variable(term, f"{term.value.key[0]} {term.number}")
        if term.exact is not None and term.value.error < 1:
            exact, error = given[-1], term.value.error if self._rounds else Fraction(0)
            sort = term.exact.sort
            for sign in (-1, 1):
                limit = self._shifted(exact, sort, sign * error)
                pair = (limit, found) if sign < 0 else (found, limit)
                self._assert(self._operation(Op.LE, pair, (Sort.REAL, Sort.REAL)))
        return found

    def _bracket(self, term: Term, given: Sequence[Any]) -> Any:
        """A truth that one term implies and that implies another."""
        found = self._declare(Sort.BOOL, f"bracket {term.number}")
        sure, possible = given[:2]
        bools = (Sort.BOOL, Sort.BOOL)
        for left, right in ((sure, found), (found, possible)):
            not_left = self._operation(Op.NOT, (left,), bools)
            self._assert(self._operation(Op.OR, (not_left, right), bools))
        return found

    def _stepped(self, term: Term, given: Any) -> Any:
        """A whole number of steps below a value; of an ODD one, whether that number is odd."""
        step, sort = Fraction(term.value), term.args[0].sort
        steps = self._declare(Sort.INT, f"steps {term.number}")
        if term.op is Op.ODD:
            pairs = self._declare(Sort.INT, f"pairs {term.number}")
            half = self._scaled(pairs, Sort.INT, 2 * step, Sort.REAL)
            one = self._shifted(half, Sort.REAL, step)
            two = (Sort.REAL, Sort.REAL)
            value = self._as_real(given, sort)
            even, odd = (self._operation(Op.EQ, (value, v), two) for v in (half, one))
            self._assert(self._operation(Op.OR, (even, odd), (Sort.BOOL, Sort.BOOL)))
            return odd
        below = self._scaled(steps, Sort.INT, step, term.sort)
        sorts = (term.sort, sort)
        self._assert(self._operation(Op.LE, (below, given), sorts))
        above = self._shifted(below, term.sort, step)
        self._assert(self._operation(Op.LT, (given, above), (sort, Sort.REAL)))
        self._bound(below, term.sort, term.low, term.high)
        return below

    def _shifted(self, expression: Any, sort: Sort, by: Fraction) -> Any:
        pair = (self._as_real(expression, sort), self._constant(Sort.REAL, by))
        return self._operation(Op.ADD, pair, (Sort.REAL, Sort.REAL))

    @abstractmethod
    def ask(self, seconds: float, *terms: Term) -> Satisfiability:
        """Whether everything asserted, and these terms, can be true at once."""

    @abstractmethod
    def value(self, term: Term) -> bool | Fraction:
        """A term's value in what was found POSSIBLE."""

    @abstractmethod
    def _assert(self, expression: Any) -> None: ...

    @abstractmethod
    def _declare(self, sort: Sort, name: str) -> Any: ...

    @abstractmethod
    def _constant(self, sort: Sort, value: Any) -> Any: ...

    @abstractmethod
    def _operation(self, op: Op, given: Sequence[Any], sorts: Sequence[Sort]) -> Any: ...

    @abstractmethod
    def _scaled(self, given: Any, sort: Sort, factor: Fraction, wanted: Sort) -> Any: ...

    @abstractmethod
    def _as_real(self, expression: Any, sort: Sort) -> Any: ...
