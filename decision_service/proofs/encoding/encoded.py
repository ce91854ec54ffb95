"""A value of the rule language as terms: whether it is missing, whether tainted, and the value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term


class NotEncodable(Exception):
    """A part of the rules that terms cannot say; the message names the part."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One value; where it is `gone` the `term` means nothing. `tainted` implies `gone`.

    Money is in minor units, a date is its ordinal, a text its number among the builder's texts.
    """

    gone: Term
    tainted: Term
    term: Term


class Values(Protocol):
    """The values of a ruleset by slot, of any person."""

    @property
    def builder(self) -> Builder:
        """The builder of their terms."""

    def read(self, slot: int) -> Encoded:
        """The value in a slot."""


def present(b: Builder, term: Term) -> Encoded:
    """A value that is there."""
    return Encoded(b.false, b.false, term)


def constant(b: Builder, value: Any) -> Encoded:
    """A literal, as evaluation has it."""
    return present(b, literal(b, value))


def literal(b: Builder, value: Any) -> Term:
    """The term of a literal."""
    if isinstance(value, bool):
        return b.truth(value)
    if isinstance(value, str):
        return b.text(value)
    return b.number(value.toordinal() if isinstance(value, date) else value)


def absent(b: Builder, value: Encoded) -> Term:
    """Whether a value is missing and not tainted."""
    return b.and_(value.gone, b.not_(value.tainted))


def holds(b: Builder, value: Encoded) -> Term:
    """Whether a flag is there and true."""
    return b.and_(b.not_(value.gone), value.term)


def fails(b: Builder, value: Encoded) -> Term:
    """Whether a flag is there and false."""
    return b.and_(b.not_(value.gone), b.not_(value.term))


def either(b: Builder, condition: Term, then: Encoded, otherwise: Encoded) -> Encoded:
    """One of two values, by a condition that is never missing."""
    return Encoded(
        b.ite(condition, then.gone, otherwise.gone),
        b.ite(condition, then.tainted, otherwise.tainted),
        b.ite(condition, then.term, otherwise.term),
    )


def strictly(
    b: Builder, values: Sequence[Encoded], result: Callable[..., Encoded | Term]
) -> Encoded:
    """A result that is missing as soon as one of the values is."""
    gone = b.or_(*(v.gone for v in values))
    found = result(*(v.term for v in values))
    own = found if isinstance(found, Encoded) else present(b, found)
    tainted = b.or_(*(v.tainted for v in values), b.and_(b.not_(gone), own.tainted))
    return Encoded(b.or_(gone, own.gone), tainted, own.term)


def first_of(b: Builder, cases: Iterable[tuple[Term, Encoded]], otherwise: Encoded) -> Encoded:
    """The value of the first case that holds."""
    result = otherwise
    for when, value in reversed(list(cases)):
        result = either(b, when, value, result)
    return result
