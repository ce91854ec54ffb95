"""Arithmetic and functions of the rule language on terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from decision_service.language.encoding.encoded import Encoded, literal, present
from decision_service.language.evaluation import arithmetic
from decision_service.language.evaluation.arithmetic import Undefined, exactly
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.interning import as_decimal
from decision_service.language.terms.term import Exact, Function, Sort, Term

_MOST_COMBINATIONS = 400
_UNBOUNDED = Fraction(10) ** 6145
_FIRST_DAY, _LAST_DAY = 1, 3_652_059
_MANY = 10**16
_SIGNS = (1, -1)
_LEAST_RATE = Fraction(1, 10**15)
_PRESENT, _ABSENT, _TAINTED = range(3)

Apply = Callable[..., Any]


def times(b: Builder, left: Term, right: Term) -> Term:
    """The product."""
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
    ends = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
    error = max(map(abs, ends)) * Fraction(1, 10**33)
    rises = (_sign(right), _sign(left))
    signed = tuple(index for index in (0, 1) if rises[index] > 0)
    what = "a product of two values"
    function = Function(("product",), arithmetic.product, rises, error, what, signed)
    low = Fraction(0) if min(ends) == 0 else min(ends) - error
    return b.apply(function, (left, right), low, max(ends) + error)


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
    low, high = -_UNBOUNDED, _UNBOUNDED
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


def instalments(b: Builder, name: str, function: Apply, args: Sequence[Term]) -> Encoded:
    """`annuity` and `annuity_amount`: linear in the amount for every rate and term."""
    amount, rate, months = args
    rates, terms = b.cases(rate), b.cases(months)
    if rates is None or terms is None or len(rates) * len(terms) > _MOST_COMBINATIONS:
        return _unknown_instalments(b, name, function, args)
    found: list[tuple[Term, Encoded]] = []
    for (when, r), (and_when, n) in product(rates, terms):
        guard = b.and_(when, and_when)
        if guard is not b.false:
            found.append((guard, _of_amount(b, name, function, amount, r, n)))
    gone = b.or_(*(b.and_(w, e.gone) for w, e in found))
    tainted = b.or_(*(b.and_(w, e.tainted) for w, e in found))
    return Encoded(gone, tainted, b.chosen([(w, e.term) for w, e in found]))


def _unknown_instalments(b: Builder, name: str, function: Apply, args: Sequence[Term]) -> Encoded:
    """Of a loan with interest and an end, a result that rises with the amount; else nothing."""
    amount, rate, months = args
    rates = b.cases(rate)
    plain = rates is not None and all(r == 0 or r > _LEAST_RATE for _, r in rates)
    if not plain or months.low < 1:
        return tabulated(b, function, args)
    low, high = min(amount.low, Fraction(0)), max(amount.high, Fraction(0))
    most = 2 * (months.high if name == "annuity_amount" else 1 + rate.high)
    what = f"`{name}` over a term that is not fixed"
    given = Function((name,), function, (1, 0, 0), what=what, signed=(0,))
    return present(b, b.apply(given, args, low * most, high * most))


def _of_amount(
    b: Builder, name: str, function: Apply, amount: Term, rate: Exact, months: Exact
) -> Encoded:
    r, n = as_decimal(rate), as_decimal(months)
    with exactly():
        state, unit = outcome(function, (Decimal(1), r, n))
    if state != _PRESENT or amount.constant:
        return folded(b, function, (amount, b.number(rate), b.number(months)))
    exact = b.scaled(amount, Fraction(unit))  # the unit is itself rounded, hence four roundings
    key = (name, rate, months)
    rises = (1,)
    term = b.rounded(exact, lambda value: function(value, r, n), key, (amount,), rises, roundings=4)
    return present(b, term)


def folded(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function of constants, as evaluation computes it; other arguments count as 1."""
    given = [as_decimal(a.value) if a.constant else Decimal(1) for a in args]
    with exactly():
        state, result = outcome(function, given)
    if state == _PRESENT:
        return present(b, literal(b, result))
    return Encoded(b.true, b.truth(state == _TAINTED), b.number(0))


def outcome(function: Apply, given: Sequence[Any]) -> tuple[int, Any]:
    """Whether a function has a result, and it."""
    try:
        return _PRESENT, function(*given)
    except (ZeroDivisionError, Undefined):
        return _ABSENT, 0
    except (ArithmeticError, TypeError, ValueError):
        return _TAINTED, 0


def tabulated(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function for every combination of constants; else one of which nothing is known."""
    found = [b.cases(arg) for arg in args]
    known = [cases for cases in found if cases is not None]
    count = 1
    for cases in known:
        count *= len(cases)
    if len(known) < len(found) or count > _MOST_COMBINATIONS:
        return _unknown_function(b, function, args)
    results: list[tuple[Term, Encoded]] = []
    for combination in product(*known):
        guard = b.and_(*(when for when, _ in combination))
        terms = [b.number(value) for _, value in combination]
        results.append((guard, folded(b, function, terms)))
    gone = b.or_(*(b.and_(w, e.gone) for w, e in results))
    tainted = b.or_(*(b.and_(w, e.tainted) for w, e in results))
    return Encoded(gone, tainted, b.chosen([(w, e.term) for w, e in results]))


def _unknown_function(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A value, and whether there is one, as functions that a solver knows nothing of."""
    name = function.__name__

    def state(*given: Any) -> int:
        return outcome(function, given)[0]

    def result(*given: Any) -> Any:
        return outcome(function, given)[1]

    nothing = (0,) * len(args)
    what = f"`{name}` of a value that is no constant"
    asked = Function(("state", name), state, nothing, what=what)
    given = Function(("result", name), result, nothing, what=what)
    kind = b.apply(asked, args, _PRESENT, _TAINTED, Sort.INT)
    value = b.apply(given, args, -_UNBOUNDED, _UNBOUNDED)
    tainted = b.eq(kind, b.number(_TAINTED))
    return Encoded(b.not_(b.eq(kind, b.number(_PRESENT))), tainted, value)


def later(b: Builder, day: Term, days: Term) -> Encoded:
    """A day so many days later; an error beyond the calendar."""
    found = b.sum(day, days)
    inside = b.and_(b.le(b.number(_FIRST_DAY), found), b.le(found, b.number(_LAST_DAY)))
    gone = b.not_(inside)
    return Encoded(gone, gone, found)
