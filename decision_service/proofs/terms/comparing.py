"""Comparisons of numbers, simplified by their ranges."""

from __future__ import annotations

from fractions import Fraction

from decision_service.proofs.terms.linear import Linear
from decision_service.proofs.terms.term import Op, Sort, Term


class Comparing(Linear):
    """Compares terms."""

    def le(self, left: Term, right: Term) -> Term:
        """`left <= right`."""
        if left.high <= right.low:
            return self.true
        if left.low > right.high:
            return self.false
        return self._quotient(Op.LE, left, right) or self._compare(Op.LE, left, right)

    def lt(self, left: Term, right: Term) -> Term:
        """`left < right`."""
        if left.high < right.low:
            return self.true
        if left.low >= right.high:
            return self.false
        return self._quotient(Op.LT, left, right) or self._compare(Op.LT, left, right)

    def eq(self, left: Term, right: Term) -> Term:
        """Whether two terms of a sort, or two numbers, are equal."""
        if left is right:
            return self.true
        if left.sort is Sort.BOOL:
            return self._equal_truths(left, right)
        if left.high < right.low or left.low > right.high:
            return self.false
        if left.constant and right.constant:
            return self.truth(Fraction(left.value) == Fraction(right.value))
        first, second = sorted((left, right), key=lambda t: t.number)
        return self._compare(Op.EQ, first, second)

    def _equal_truths(self, left: Term, right: Term) -> Term:
        if right.constant:
            return left if right.value else self.not_(left)
        if left.constant:
            return self._equal_truths(right, left)
        return self.ite(left, right, self.not_(right))

    def _compare(self, op: Op, left: Term, right: Term) -> Term:
        """A comparison; with a constant on one side it goes into choices of constants."""
        for side, other in ((left, right), (right, left)):
            if side.constant and other.op is Op.ITE and any(a.constant for a in other.args[1:]):
                condition, then, otherwise = other.args
                pair = [(a, side) if other is left else (side, a) for a in (then, otherwise)]
                again = {Op.LE: self.le, Op.LT: self.lt, Op.EQ: self.eq}[op]
                return self.ite(condition, again(*pair[0]), again(*pair[1]))
        return self._make(op, Sort.BOOL, (left, right), None)

    def _quotient(self, op: Op, left: Term, right: Term) -> Term | None:
        """A quotient against a constant, multiplied out: no product of two variables is left."""
        for side, other in ((left, right), (right, left)):
            divided = side.op is Op.APPLY and side.value.key == ("quotient",)
            if divided and side.exact is None and other.constant and side.args[1].low > 0:
                return self._multiplied_out(op, side, other, first=side is left)
        return None

    def _multiplied_out(self, op: Op, divided: Term, against: Term, *, first: bool) -> Term:
        """Rounding keeps the order to a constant, but may make the quotient equal to it."""
        dividend, divisor = divided.args
        bound = Fraction(against.value)
        error = divided.value.error
        slack = bound + (error if (op is Op.LE) is first else -error)
        sides = [self.scaled(divisor, c) for c in (bound, slack)]
        make = self.le if op is Op.LE else self.lt
        pairs = [make(dividend, s) if first else make(s, dividend) for s in sides]
        sure, possible = pairs if op is Op.LE else pairs[::-1]
        pair = (divided, against) if first else (against, divided)
        return self._make(Op.BRACKET, Sort.BOOL, (sure, possible, *pair), op)

    def extreme(self, left: Term, right: Term, *, largest: bool) -> Term:
        """The smaller or the larger of two numbers; the first one where they are equal."""
        if largest:
            condition = self.le(right, left)
            low, high = max(left.low, right.low), max(left.high, right.high)
        else:
            condition = self.le(left, right)
            low, high = min(left.low, right.low), min(left.high, right.high)
        if condition.constant or left is right:
            return self.ite(condition, left, right)
        return self._choice(condition, left, right, low, high)
