"""Truths joined, and choices, simplified where a part is constant."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from decision_service.proofs.terms.interning import Interning
from decision_service.proofs.terms.term import Op, Sort, Term


class Logic(Interning):
    """Joins truths, and chooses between terms."""

    def not_(self, term: Term) -> Term:
        """The contrary."""
        if term.constant:
            return self.truth(not term.value)
        if term.op is Op.NOT:
            return term.args[0]
        return self._make(Op.NOT, Sort.BOOL, (term,), None)

    def and_(self, *terms: Term) -> Term:
        """All of the terms."""
        return self._join(Op.AND, terms, self.true, self.false)

    def or_(self, *terms: Term) -> Term:
        """Any of the terms."""
        return self._join(Op.OR, terms, self.false, self.true)

    def _join(self, op: Op, terms: Iterable[Term], neutral: Term, absorbing: Term) -> Term:
        found: dict[int, Term] = {}
        for term in terms:
            if term is absorbing:
                return absorbing
            for part in term.args if term.op is op else (term,):
                if part is not neutral:
                    found[part.number] = part
        for part in found.values():
            if part.op is Op.NOT and part.args[0].number in found:
                return absorbing
        parts = [found[number] for number in sorted(found)]
        if not parts:
            return neutral
        return parts[0] if len(parts) == 1 else self._make(op, Sort.BOOL, parts, None)

    def implies(self, left: Term, right: Term) -> Term:
        """The right term wherever the left one holds."""
        return self.or_(self.not_(left), right)

    def ite(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """`then` where the condition holds, else `otherwise`."""
        if condition is self.true or then is otherwise:
            return then
        if condition is self.false:
            return otherwise
        if condition.op is Op.NOT:
            return self.ite(condition.args[0], otherwise, then)
        if then.sort is Sort.BOOL:
            return self._choice_of_truths(condition, then, otherwise)
        low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
        return self._choice(condition, then, otherwise, low, high)

    def _choice(
        self, condition: Term, then: Term, otherwise: Term, low: Fraction, high: Fraction
    ) -> Term:
        sort = Sort.INT if then.sort is otherwise.sort is Sort.INT else Sort.REAL
        scales = (then.scale, otherwise.scale)
        scale = None if None in scales else max(s for s in scales if s is not None)
        if condition.op is Op.NOT:
            condition, then, otherwise = condition.args[0], otherwise, then
        parts = (condition, then, otherwise)
        return self._make(Op.ITE, sort, parts, None, low=low, high=high, scale=scale)

    def _choice_of_truths(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if then.constant:
            other = self.or_ if then.value else self.and_
            return other(condition if then.value else self.not_(condition), otherwise)
        if otherwise.constant:
            if otherwise.value:
                return self.or_(self.not_(condition), then)
            return self.and_(condition, then)
        return self._make(Op.ITE, Sort.BOOL, (condition, then, otherwise), None)
