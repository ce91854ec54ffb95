"""Functions of the rule language, of constants: computed, or tabulated for each combination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from decision_service.language.evaluation.arithmetic import Undefined, exactly
from decision_service.proofs.encoding.encoded import Encoded, literal, present
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.interning import as_decimal
from decision_service.proofs.terms.term import Function, Sort, Term

MOST_COMBINATIONS = 400
"""Combinations of constants that are tabulated; of more, nothing is known."""

UNBOUNDED = Fraction(10) ** 6145
"""What no number of the rule language reaches."""

PRESENT, ABSENT, TAINTED = range(3)
"""Whether a function has a result."""

Apply = Callable[..., Any]


def folded(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function of constants, as evaluation computes it; other arguments count as 1."""
    given = [as_decimal(a.value) if a.constant else Decimal(1) for a in args]
    with exactly():
        state, result = outcome(function, given)
    if state == PRESENT:
        return present(b, literal(b, result))
    return Encoded(b.true, b.truth(state == TAINTED), b.number(0))


def outcome(function: Apply, given: Sequence[Any]) -> tuple[int, Any]:
    """Whether a function has a result, and it."""
    try:
        return PRESENT, function(*given)
    except (ZeroDivisionError, Undefined):
        return ABSENT, 0
    except (ArithmeticError, TypeError, ValueError):
        return TAINTED, 0


def tabulated(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function for every combination of constants; else one of which nothing is known."""
    found = [b.cases(arg) for arg in args]
    known = [cases for cases in found if cases is not None]
    count = 1
    for cases in known:
        count *= len(cases)
    if len(known) < len(found) or count > MOST_COMBINATIONS:
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
    kind = b.apply(asked, args, PRESENT, TAINTED, Sort.INT)
    value = b.apply(given, args, -UNBOUNDED, UNBOUNDED)
    tainted = b.eq(kind, b.number(TAINTED))
    return Encoded(b.not_(b.eq(kind, b.number(PRESENT))), tainted, value)


def folding(b: Builder, compute: Any, encoded: Any) -> Any:
    """An operation that computes constants as evaluation does, and encodes all else."""

    def apply(*given: Term) -> Encoded | Term:
        if all(term.constant for term in given):
            return folded(b, compute, given)
        result: Encoded | Term = encoded(*given)
        return result

    return apply
