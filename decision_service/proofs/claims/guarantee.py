"""Guarantees of one version as questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.domain.verdict import Outcome, Verdict
from decision_service.language.encoding.encoded import Encoded, fails, holds
from decision_service.language.encoding.expressions import encode
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.proofs.claims.judged import (
    breaks,
    is_among,
    is_better_off,
    is_of_offers,
    is_worse,
)
from decision_service.proofs.claims.verdicts import better_term, more_term
from decision_service.proofs.people import People, Variant
from decision_service.proofs.person import Person
from decision_service.proofs.questions import Period, Posed, lawful, people_of, verdict_on
from decision_service.proofs.world import World
from decision_service.ruleset.program.guarantees import Guarantee
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.encode import EncodedVerdict, encode_ruleset

_OTHER = "other "


@dataclass(frozen=True, slots=True)
class _Final:
    """The values at the end of an evaluation."""

    builder: Builder
    values: Mapping[int, Encoded]

    def read(self, slot: int) -> Encoded:
        """The value in a slot."""
        return self.values[slot]


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a version keeps one of its guarantees."""

    ruleset: CompiledRuleset
    guarantee: Guarantee
    world: World

    @property
    def sides(self) -> Sequence[str]:
        """One verdict, or those on the same person twice."""
        if self.guarantee.monotone:
            return ("at first", "with the better value")
        return ("with all data", "with less") if self.guarantee.hidden else ("the verdict",)

    @property
    def rulesets(self) -> Sequence[CompiledRuleset]:
        """The version."""
        return (self.ruleset,)

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        """Whether anybody breaks the guarantee."""
        people = people_of(self, fixed)
        first = encode_ruleset(self.ruleset, people, period.start)
        if self.guarantee.monotone or self.guarantee.hidden:
            return self._twice(people, first, period)
        broken = self._broken(people.builder, first)
        return Posed(people, broken, lawful(self, people, period), {})

    def _twice(self, people: People, first: EncodedVerdict, period: Period) -> Posed:
        """The same person with other values of some names."""
        b, others, moved = people.builder, self._others(people), self._moved(people)
        again = Variant(people, others)
        second = encode_ruleset(self.ruleset, again, period.start)
        worse = self._worse(b, first, second)
        differs = self._differs(b, people, others)
        among = b.and_(self._among(b, first), self._among(b, second))
        broken = b.and_(moved, differs, among, worse)
        return Posed(people, broken, lawful(self, people, period, again), others)

    def _worse(self, b: Builder, first: EncodedVerdict, second: EncodedVerdict) -> Term:
        """Whether the better value costs something, or leaving out brings money."""
        if self.guarantee.monotone:
            return b.or_(better_term(b, second, first), more_term(b, second, first))
        gained = b.and_(second.approved, b.not_(first.approved))
        return b.or_(gained, b.and_(second.approved, more_term(b, first, second)))

    def _others(self, people: People) -> Mapping[str, Encoded]:
        """The second values: others in the range, or missing ones."""
        b, guarantee = people.builder, self.guarantee
        if not guarantee.hidden:
            again = People(b, people.catalogue, people.currency, people.required, people.bounds,
                           _OTHER, people.fixed)  # fmt: skip
            found = {s.name: _variable(again, s.name, people) for s, _ in guarantee.monotone}
            people.constraints += again.constraints
            return found
        return {s.name: _hidden(people, s.name) for s in guarantee.hidden}

    def _moved(self, people: People) -> Term:
        """Whether the people of the question have the values at all."""
        b, names = people.builder, [s.name for s, _ in self.guarantee.monotone]
        names += [s.name for s in self.guarantee.hidden]
        return b.and_(*(b.not_(people.variables[name].value.gone) for name in names))

    def _differs(self, b: Builder, people: People, others: Mapping[str, Encoded]) -> Term:
        found = b.true
        for symbol, way in self.guarantee.monotone:
            one, other = people.variables[symbol.name].value.term, others[symbol.name]
            pair = (one, other.term) if way > 0 else (other.term, one)
            order = b.implies(*pair) if symbol.type is ValueType.FLAG else b.le(*pair)
            found = b.and_(found, order, b.not_(other.gone))
        return found

    def _broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        guarantee, values = self.guarantee, _Final(b, verdict.values)
        when = self._among(b, verdict)
        offered = verdict.offered if is_of_offers(guarantee) else b.true
        if guarantee.always is not None:
            claimed = fails(b, encode(guarantee.always, values))
        else:
            outcomes = {
                Outcome.APPROVE: verdict.approved,
                Outcome.REFER: verdict.referred,
                Outcome.DECLINE: verdict.declined,
            }
            claimed = outcomes[guarantee.never or Outcome.APPROVE]
        return b.and_(when, offered, claimed)

    def _among(self, b: Builder, verdict: EncodedVerdict) -> Term:
        """Whether the guarantee is about the person of this verdict."""
        when = self.guarantee.when
        return b.true if when is None else holds(b, encode(when, _Final(b, verdict.values)))

    def judged(
        self, person: Person, changed: Mapping[str, Any], day: date, /, first: Verdict | None = None
    ) -> Sequence[Verdict] | None:
        """The verdicts by which the guarantee is broken."""
        first = first or verdict_on(person, self.ruleset, day)
        if not changed:
            return (first,) if breaks(self.guarantee, first) else None
        other = Person({**person.values, **changed}, person.answers)
        second = verdict_on(other, self.ruleset, day)
        among = is_among(self.guarantee, first) and is_among(self.guarantee, second)
        if not (among and is_better_off(self.guarantee, person, changed)):
            return None
        return (first, second) if is_worse(self.guarantee, first, second) else None


@dataclass(frozen=True, slots=True)
class Nobody(Kept):
    """Whether a guarantee is about nobody: its `when` is never true."""

    def _broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        return self._among(b, verdict)

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        """Whether it is about anybody."""
        people = people_of(self, fixed)
        verdict = encode_ruleset(self.ruleset, people, period.start)
        broken = self._broken(people.builder, verdict)
        return Posed(people, broken, lawful(self, people, period), {})

    def judged(
        self,
        person: Person,
        _changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        """The verdict on somebody whom it is about."""
        verdict = first or verdict_on(person, self.ruleset, day)
        return (verdict,) if is_among(self.guarantee, verdict) else None


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
