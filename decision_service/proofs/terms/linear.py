"""Sums, multiples and steps, without rounding."""

from __future__ import annotations

from fractions import Fraction

from decision_service.proofs.terms.interning import decimals_of
from decision_service.proofs.terms.logic import Logic
from decision_service.proofs.terms.term import Exact, Op, Sort, Term


class Linear(Logic):
    """Adds and multiplies exactly."""

    def sum(self, left: Term, right: Term) -> Term:
        """The exact sum."""
        if left.constant and right.constant:
            return self.number(Fraction(left.value) + Fraction(right.value))
        for one, other in ((left, right), (right, left)):
            if one.constant and one.value == 0:
                return other
        sort = Sort.INT if left.sort is right.sort is Sort.INT else Sort.REAL
        scales = (left.scale, right.scale)
        scale = None if None in scales else max(s for s in scales if s is not None)
        low, high = left.low + right.low, left.high + right.high
        return self._make(Op.ADD, sort, (left, right), None, low=low, high=high, scale=scale)

    def scaled(self, term: Term, factor: Exact) -> Term:
        """The exact product with a constant."""
        size = Fraction(factor)
        if term.constant:
            return self.number(Fraction(term.value) * size)
        if size == 0:
            return self.number(0)
        if size == 1:
            return term
        if term.op is Op.SCALE:
            return self.scaled(term.args[0], size * Fraction(term.value))
        decimals = decimals_of(size)
        whole = term.sort is Sort.INT and size.denominator == 1
        unknown = term.scale is None or decimals is None
        low, high = sorted((term.low * size, term.high * size))
        return self._make(
            Op.SCALE,
            Sort.INT if whole else Sort.REAL,
            (term,),
            size,
            low=low,
            high=high,
            scale=None if unknown else (term.scale or 0) + (decimals or 0),
        )

    def floor(self, term: Term, step: Exact) -> Term:
        """The largest multiple of a step above zero that is not above the term."""
        size = Fraction(step)
        if term.sort is Sort.INT and size == 1:
            return term
        if term.constant:
            return self.number(Fraction(term.value) // size * size)
        low, high = (bound // size * size for bound in (term.low, term.high))
        sort = Sort.INT if size.denominator == 1 else Sort.REAL
        more = {"low": low, "high": high, "scale": decimals_of(size)}
        return self._make(Op.FLOOR, sort, (term,), size, **more)

    def odd(self, term: Term, step: Exact) -> Term:
        """Whether a multiple of a step is an odd one."""
        if term.constant:
            return self.truth((Fraction(term.value) / Fraction(step)) % 2 == 1)
        return self._make(Op.ODD, Sort.BOOL, (term,), Fraction(step))
