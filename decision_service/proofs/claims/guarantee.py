"""Guarantees of one version as questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from decision_service.domain.verdict import Outcome, Verdict
from decision_service.language.types import Symbol
from decision_service.proofs.claims.judged import (
    breaks,
    is_among,
    is_better_off,
    is_of_offers,
    is_worse,
)
from decision_service.proofs.claims.second import moved_term, second_values, worse_term
from decision_service.proofs.encoding.encoded import Encoded, fails, holds
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.encoding.ruleset import EncodedVerdict, encode_ruleset
from decision_service.proofs.people import People, Variant
from decision_service.proofs.person import PersonValues
from decision_service.proofs.questions import Period, Posed, lawful, people_of, verdict_on
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.proofs.world import FactorModel
from decision_service.ruleset.program.guarantees import Guarantee
from decision_service.ruleset.program.model import CompiledRuleset


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
    world: FactorModel

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

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        """What is better the second time, or hidden."""
        return (*self.guarantee.monotone, *((symbol, 0) for symbol in self.guarantee.hidden))

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        """Whether anybody breaks the guarantee."""
        people = people_of(self, fixed)
        first = encode_ruleset(self.ruleset, people, period.start)
        if self.guarantee.monotone or self.guarantee.hidden:
            return self._twice(people, first, period)
        return self._once(people, first, period)

    def _once(self, people: People, verdict: EncodedVerdict, period: Period) -> Posed:
        broken = self._broken(people.builder, verdict)
        return Posed(people, broken, lawful(self, people, period), {})

    def _twice(self, people: People, first: EncodedVerdict, period: Period) -> Posed:
        """The same person with other values of some names."""
        b, others = people.builder, second_values(self.guarantee, people)
        again = Variant(people, others)
        second = encode_ruleset(self.ruleset, again, period.start)
        worse = worse_term(b, self.guarantee, first, second)
        differs = moved_term(self.guarantee, people, others)
        among = b.and_(self._among(b, first), self._among(b, second))
        broken = b.and_(differs, among, worse)
        return Posed(people, broken, lawful(self, people, period, again), others)

    def _broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        guarantee, values = self.guarantee, _Final(b, verdict.values)
        when = self._among(b, verdict)
        if guarantee.always is not None:
            claimed = fails(b, encode(guarantee.always, values))
        else:
            outcomes = {
                Outcome.APPROVE: verdict.approved,
                Outcome.REFER: verdict.referred,
                Outcome.DECLINE: verdict.declined,
            }
            claimed = outcomes[guarantee.never or Outcome.APPROVE]
        return b.and_(when, claimed)

    def _among(self, b: Builder, verdict: EncodedVerdict) -> Term:
        """Whether the guarantee is about the person of this verdict."""
        when = self.guarantee.when
        offered = verdict.offered if is_of_offers(self.guarantee) else b.true
        if when is None:
            return offered
        return b.and_(offered, holds(b, encode(when, _Final(b, verdict.values))))

    def judged(
        self,
        person: PersonValues,
        changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        """The verdicts by which the guarantee is broken."""
        first = first or verdict_on(person, self.ruleset, day)
        if not changed:
            return (first,) if breaks(self.guarantee, first) else None
        other = PersonValues({**person.values, **changed}, person.answers)
        second = verdict_on(other, self.ruleset, day)
        among = is_among(self.guarantee, first) and is_among(self.guarantee, second)
        if not (among and is_better_off(self.guarantee, person, changed)):
            return None
        return (first, second) if is_worse(self.guarantee, first, second) else None


@dataclass(frozen=True, slots=True)
class Nobody(Kept):
    """Whether a guarantee is about nobody: its `when` is never true."""

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        """One verdict is enough."""
        return ()

    def _broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        return self._among(b, verdict)

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        """Whether it is about anybody."""
        people = people_of(self, fixed)
        return self._once(people, encode_ruleset(self.ruleset, people, period.start), period)

    def judged(
        self,
        person: PersonValues,
        _changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        """The verdict on somebody whom it is about."""
        verdict = first or verdict_on(person, self.ruleset, day)
        return (verdict,) if is_among(self.guarantee, verdict) else None
