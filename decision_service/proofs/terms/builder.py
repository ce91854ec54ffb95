"""Builds terms, and numbers as the rule language rounds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from decision_service.proofs.terms.comparing import Comparing
from decision_service.proofs.terms.term import Exact, Function, Op, Sort, Term

DIGITS = 34
"""The digits of the rule language's numbers."""

_HALF_A_DIGIT = Fraction(5, 10**DIGITS)
_HUGE = 10**60
_MOST_CASES = 300
_SMALL_RANGE = 80


class Builder(Comparing):
    """Makes terms; the same request gives the same term."""

    def add(self, left: Term, right: Term) -> Term:
        """The sum, as the rule language rounds it."""
        return self.rounded(self.sum(left, right), _add, ("+",), (left, right), (1, 1))

    def sub(self, left: Term, right: Term) -> Term:
        """The difference, as the rule language rounds it."""
        exact = self.sum(left, self.scaled(right, -1))
        return self.rounded(exact, _sub, ("-",), (left, right), (1, -1))

    def rounded(
        self,
        exact: Term,
        compute: Callable[..., Any],
        key: tuple[Any, ...],
        args: Sequence[Term],
        rises: tuple[int, ...],
        roundings: int = 1,
    ) -> Term:
        """A linear term as the rule language rounds it; itself where all its digits are kept."""
        if exact.constant or (roundings == 1 and _fits(exact)):
            return exact
        error = _power_above(exact.largest * _HALF_A_DIGIT * (2 * roundings))
        function = Function(key, compute, rises, error)
        low = exact.low if exact.low == 0 else exact.low - error
        high = exact.high if exact.high == 0 else exact.high + error
        return self.apply(function, args, low, high, exact=exact)

    def apply(
        self,
        function: Function,
        args: Sequence[Term],
        low: Exact,
        high: Exact,
        sort: Sort = Sort.REAL,
        exact: Term | None = None,
    ) -> Term:
        """A function of the rule language, of which a solver knows no more than its range."""
        bounds = {"low": _simple(low, floor), "high": _simple(high, ceil)}
        scale = 0 if sort is Sort.INT else None
        return self._make(Op.APPLY, sort, args, function, scale=scale, exact=exact, **bounds)

    def cases(self, term: Term) -> list[tuple[Term, Exact]] | None:
        """The constants that a term can be, each with when; None where they are too many.

        Of a term of variables with few values it is None, too: those are noted in `splits`.
        """
        if term.constant:
            return [(self.true, term.value)]
        found: list[tuple[Term, Exact]] = []
        if term.op is not Op.ITE:
            self._note_variables(term)
            return None
        condition, then, otherwise = term.args
        for guard, branch in ((condition, then), (self.not_(condition), otherwise)):
            below = self.cases(branch)
            if below is None:
                return None
            found += [(self.and_(guard, when), value) for when, value in below]
        return found if len(found) <= _MOST_CASES else None

    def _note_variables(self, term: Term) -> None:
        """Note variables of few values on whose values it depends which constant a term is."""
        variables = _variables(term)
        if all(_has_few_values(v) for v in variables):
            self.splits.update(dict.fromkeys(variables))

    def note_product(self, left: Term, right: Term) -> None:
        """Note the variables of the simpler factor of a product: fixed, they leave it linear."""
        self.factors.append(min((_all_variables(t) for t in (left, right)), key=len))

    def chosen(self, cases: Sequence[tuple[Term, Term]]) -> Term:
        """The term of the first case that holds; the last one where none of the others does."""
        result = cases[-1][1]
        for when, term in reversed(cases[:-1]):
            result = self.ite(when, term, result)
        return result


def _add(left: Any, right: Any) -> Any:
    return left + right


def _sub(left: Any, right: Any) -> Any:
    return left - right


def _simple(end: Exact, to_whole: Callable[[Fraction], int]) -> Fraction:
    """An end of a range, moved out to one of few decimals: products double their decimals."""
    exact = Fraction(end)
    return exact if exact.denominator < _HUGE else Fraction(to_whole(exact * _HUGE), _HUGE)


def _fits(term: Term) -> bool:
    """Whether every value of a term has all its digits in the rule language's numbers."""
    if term.scale is None:
        return False
    return _digits(int(term.largest)) + term.scale <= DIGITS


def _power_above(size: Fraction) -> Fraction:
    """The power of ten above a size: bounds of few digits are quicker to solve."""
    if size > _HUGE:
        return size
    digits = _digits(size.numerator) - _digits(size.denominator) + 1
    return Fraction(10) ** digits


def _digits(number: int) -> int:
    """How many digits a number has, which Python writes out up to a limit alone."""
    return Decimal(number).adjusted() + 1


def _all_variables(term: Term) -> Sequence[Term]:
    """Every variable number that a term rests on."""
    found: dict[int, Term] = {}
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        top = waiting.pop()
        if top.number not in seen:
            seen.add(top.number)
            waiting += top.args
            if top.op is Op.VAR and top.sort is not Sort.BOOL:
                found[top.number] = top
    return list(found.values())


def _variables(term: Term) -> Sequence[Term]:
    """The variables and other parts that a term is a sum of."""
    if term.op in (Op.ADD, Op.SCALE, Op.CONST):
        return [v for part in term.args for v in _variables(part)]
    return [term]


def _has_few_values(term: Term) -> bool:
    whole = term.op is Op.VAR and term.sort is Sort.INT
    return whole and term.high - term.low <= _SMALL_RANGE
