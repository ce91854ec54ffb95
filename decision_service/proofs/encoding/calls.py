"""Functions of the rule language on encoded values: the same cases as in `evaluation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from decision_service.language.evaluation import arithmetic
from decision_service.proofs.encoding import arithmetic as terms
from decision_service.proofs.encoding.encoded import (
    Encoded,
    absent,
    either,
    present,
    strictly,
)
from decision_service.proofs.encoding.functions import folding, tabulated
from decision_service.proofs.encoding.instalments import instalments
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term


def called(b: Builder, name: str, given: Sequence[Encoded]) -> Encoded:
    """The result of a function."""
    match name:
        case "coalesce":
            return _coalesced(b, given)
        case "known":
            return Encoded(given[0].tainted, given[0].tainted, b.not_(given[0].gone))
        case "tainted":
            return present(b, given[0].tainted)
        case "missing":
            return Encoded(given[0].tainted, given[0].tainted, given[0].gone)
    return strictly(b, given, lambda *args: _function(b, name, args))


def _coalesced(b: Builder, given: Sequence[Encoded]) -> Encoded:
    """The first that is not absent; all absent, it is missing."""
    result = given[-1]
    for value in reversed(given[:-1]):
        result = either(b, absent(b, value), result, value)
    return result


def _function(b: Builder, name: str, args: Sequence[Term]) -> Encoded | Term:
    match name:
        case "min" | "max":
            return terms.least(b, args, largest=name == "max")
        case "abs":
            return terms.size(b, args[0])
        case "round" | "floor":
            return _rounded(b, name, args)
        case "annuity":
            return instalments(b, name, arithmetic.annuity, args)
        case "annuity_amount":
            return instalments(b, name, arithmetic.annuity_amount, args)
        case "add_days":
            return terms.later(b, args[0], args[1])
    return tabulated(b, _TABULATED[name], args)


def _rounded(b: Builder, name: str, args: Sequence[Term]) -> Encoded | Term:
    value, step = args
    compute = arithmetic.round_to if name == "round" else arithmetic.floor_to
    encoded = partial(terms.stepped, b, nearest=name == "round")
    found: Encoded | Term = folding(b, compute, encoded)(value, step)
    return found


_TABULATED: Mapping[str, Callable[..., Any]] = {
    "exp": arithmetic.exponential,
    "ln": arithmetic.logarithm,
    "power": arithmetic.power,
}
