"""Arithmetic and functions of the rule language on terms."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from decision_service.language.evaluation import arithmetic
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.proofs.encoding.encoded import Encoded, NotEncodable, literal
from decision_service.proofs.encoding.functions import UNBOUNDED, Apply, tabulated
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.interning import as_decimal
from decision_service.proofs.terms.term import Exact, Function, Term

_FIRST_DAY, _LAST_DAY = 1, 3_652_059
_MANY = 10**16
_SIGNS = (1, -1)


def times(b: Builder, left: Term, right: Term) -> Term:
    """The product; raises NotEncodable where that of two known ranges may be too large a number."""
    ends = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
    if max(map(abs, ends)) >= UNBOUNDED > max(left.largest, right.largest):
        raise NotEncodable("a product beyond the largest number")
    for one, other in ((left, right), (right, left)):
        if one.constant:
            exact, key = b.scaled(other, one.value), ("product", one.value)
            if one.value in _SIGNS:
                return exact
            compute = _times(one.value)
            return b.rounded(exact, compute, key, (other,), (1 if one.value >= 0 else -1,))
    for one, other in ((left, right), (right, left)):
        cases = b.cases(one)
        if cases is not None:
            pairs = [(when, times(b, b.number(value), other)) for when, value in cases]
            return b.chosen(pairs)
    b.note_product(left, right)
    error = max(map(abs, ends)) * Fraction(1, 10**33)
    rises = (_sign(right), _sign(left))
    signed = tuple(index for index in (0, 1) if rises[index] > 0)
    what = "a product of two values"
    function = Function(("product",), arithmetic.product, rises, error, what, signed)
    low = Fraction(0) if min(ends) == 0 else min(ends) - error
    high = min(max(ends) + error, UNBOUNDED)
    return b.apply(function, (left, right), max(low, -UNBOUNDED), high)


def _times(factor: Exact) -> Apply:
    return lambda value: arithmetic.product(value, as_decimal(factor))


def _sign(term: Term) -> int:
    """1 where a factor is never below zero, -1 where never above it."""
    return 1 if term.low >= 0 else -1 if term.high <= 0 else 0


def divided(b: Builder, left: Term, right: Term) -> Encoded:
    """The quotient; absent where the divisor is zero."""
    zero = b.eq(right, b.number(0))
    cases = b.cases(right)
    if cases is None:
        return Encoded(zero, b.false, _quotient(b, left, right))
    pairs = [(w, _divided_by(b, left, value)) for w, value in cases if value != 0]
    return Encoded(zero, b.false, b.chosen(pairs) if pairs else left)


def _divided_by(b: Builder, left: Term, divisor: Exact) -> Term:
    size = as_decimal(divisor)
    if left.constant:
        with exactly():
            return literal(b, arithmetic.quotient(as_decimal(left.value), size))
    exact = b.scaled(left, 1 / Fraction(divisor))
    key = ("quotient", divisor)
    rises = (1 if divisor > 0 else -1,)
    return b.rounded(exact, lambda value: arithmetic.quotient(value, size), key, (left,), rises)


def _quotient(b: Builder, left: Term, right: Term) -> Term:
    """A quotient of two variables: a range only where the divisor is above zero."""
    low, high = -UNBOUNDED, UNBOUNDED
    rises = (0, 0)
    if right.low > 0:
        ends = [x / y for x in (left.low, left.high) for y in (right.low, right.high)]
        low, high = min(ends), max(ends)
        rises = (1, -_sign(left))
    error = max(abs(low), abs(high)) * Fraction(1, 10**33)
    function = Function(
        ("quotient",), _safe(arithmetic.quotient), rises, error, "a quotient of two values"
    )
    return b.apply(function, (left, right), low - error, high + error)


def _safe(function: Apply) -> Apply:
    """A function that gives 0 where it has no result: whoever asks it knows whether it has one."""

    def compute(*given: Any) -> Any:
        try:
            return function(*given)
        except ArithmeticError:
            return 0

    return compute


def least(b: Builder, terms: Sequence[Term], *, largest: bool) -> Term:
    """The smallest or the largest of several terms."""
    result = terms[0]
    for term in terms[1:]:
        result = b.extreme(result, term, largest=largest)
    return result


def size(b: Builder, term: Term) -> Term:
    """The absolute value."""
    return b.ite(b.le(b.number(0), term), term, b.scaled(term, -1))


def stepped(b: Builder, value: Term, step: Term, *, nearest: bool) -> Encoded:
    """The multiple of a step below a value, or the nearest one; absent where the step is zero."""
    cases = b.cases(step)
    if cases is None or any(s != 0 and not _measured(value, Fraction(s)) for _, s in cases):
        return tabulated(b, arithmetic.round_to if nearest else arithmetic.floor_to, (value, step))
    one = _nearest if nearest else Builder.floor
    pairs = [(w, one(b, value, abs(Fraction(s)))) for w, s in cases if s != 0]
    zero = b.eq(step, b.number(0))
    return Encoded(zero, b.false, b.chosen(pairs) if pairs else value)


def _measured(value: Term, step: Fraction) -> bool:
    """Whether all multiples of a step up to a value have few digits, so that none is rounded."""
    return value.largest / abs(step) < _MANY and step.denominator < _MANY


def _nearest(b: Builder, value: Term, width: Fraction) -> Term:
    """A tie goes to the even multiple."""
    below = b.floor(value, width)
    twice = b.scaled(b.sum(value, b.scaled(below, -1)), 2)
    edge = b.number(width)
    up = b.or_(b.lt(edge, twice), b.and_(b.eq(edge, twice), b.odd(below, width)))
    return b.ite(up, b.sum(below, edge), below)


def later(b: Builder, day: Term, days: Term) -> Encoded:
    """A day so many days later; an error beyond the calendar."""
    found = b.sum(day, days)
    inside = b.and_(b.le(b.number(_FIRST_DAY), found), b.le(found, b.number(_LAST_DAY)))
    gone = b.not_(inside)
    return Encoded(gone, gone, found)
