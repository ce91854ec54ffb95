"""`annuity` and `annuity_amount` on terms."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product

from decision_service.language.evaluation.arithmetic import exactly
from decision_service.proofs.encoding.encoded import Encoded, present
from decision_service.proofs.encoding.functions import (
    MOST_COMBINATIONS,
    PRESENT,
    Apply,
    folded,
    outcome,
    tabulated,
)
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.interning import as_decimal
from decision_service.proofs.terms.term import Exact, Function, Term

_LEAST_RATE = Fraction(1, 10**15)


def instalments(b: Builder, name: str, function: Apply, args: Sequence[Term]) -> Encoded:
    """`annuity` and `annuity_amount`: linear in the amount for every rate and term."""
    amount, rate, months = args
    rates, terms = b.cases(rate), b.cases(months)
    if rates is None or terms is None or len(rates) * len(terms) > MOST_COMBINATIONS:
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
    if state != PRESENT or amount.constant:
        return folded(b, function, (amount, b.number(rate), b.number(months)))
    exact = b.scaled(amount, Fraction(unit))  # the unit is itself rounded, hence four roundings
    key = (name, rate, months)
    rises = (1,)
    term = b.rounded(exact, lambda value: function(value, r, n), key, (amount,), rises, roundings=4)
    return present(b, term)
