"""The same person a second time, as a guarantee has it: with better values, or with less data."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.domain.factor import ValueType
from decision_service.proofs.claims.verdicts import better_term, more_term
from decision_service.proofs.encoding.encoded import Encoded
from decision_service.proofs.encoding.ruleset import EncodedVerdict
from decision_service.proofs.people import People
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.program.guarantees import Guarantee

_OTHER = "other "


def second_values(guarantee: Guarantee, people: People) -> Mapping[str, Encoded]:
    """The second values by name: others in the range, or missing ones."""
    if guarantee.hidden:
        return {symbol.name: _hidden(people, symbol.name) for symbol in guarantee.hidden}
    again = People(
        people.builder,
        people.catalogue,
        people.currency,
        people.required,
        people.bounds,
        _OTHER,
        people.fixed,
    )
    found = {symbol.name: _variable(again, symbol.name, people) for symbol, _ in guarantee.monotone}
    people.constraints += again.constraints
    return found


def _variable(again: People, name: str, people: People) -> Encoded:
    symbol = people.variables[name].symbol
    if name.startswith("inputs."):
        return again.sent(name.removeprefix("inputs."), symbol)
    return again.factor(symbol)


def _hidden(people: People, name: str) -> Encoded:
    """The name missing for a cause that it can have, absent or tainted."""
    b, value = people.builder, people.variables[name].value
    tainted = b.false
    if name in people.catalogue:
        causes = people.catalogue[name].causes
        tainted = b.flag(f"{_OTHER}{name} is tainted")
        if not any(cause.tainted for cause in causes):
            tainted = b.false
        elif all(cause.tainted for cause in causes):
            tainted = b.true
    return Encoded(b.true, tainted, value.term)


def moved_term(guarantee: Guarantee, people: People, others: Mapping[str, Encoded]) -> Term:
    """Whether the person has all values at first, and the second ones are not worse."""
    b, found = people.builder, people.builder.true
    for name in others:
        found = b.and_(found, b.not_(people.variables[name].value.gone))
    for symbol, way in guarantee.monotone:
        one, other = people.variables[symbol.name].value.term, others[symbol.name]
        pair = (one, other.term) if way > 0 else (other.term, one)
        order = b.implies(*pair) if symbol.type is ValueType.FLAG else b.le(*pair)
        found = b.and_(found, order, b.not_(other.gone))
    return found


def worse_term(
    b: Builder, guarantee: Guarantee, first: EncodedVerdict, second: EncodedVerdict
) -> Term:
    """Whether the better value costs something, or leaving out brings money."""
    if guarantee.monotone:
        return b.or_(better_term(b, second, first), more_term(b, second, first))
    gained = b.and_(second.approved, b.not_(first.approved))
    return b.or_(gained, b.and_(second.approved, more_term(b, first, second)))
