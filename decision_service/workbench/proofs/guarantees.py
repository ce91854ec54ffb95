"""The guarantees of one version as queries, and their check on one applicant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from decision_service.domain.decision import Outcome, Verdict
from decision_service.domain.factor import ValueType
from decision_service.rules.construct import Trace
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.types import Symbol, reads
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.program import CompiledRuleset, Guarantee
from decision_service.workbench.proofs.encoding import Encoded, encode, fails, holds
from decision_service.workbench.proofs.people import FactorModel, People, PersonValues, Variant
from decision_service.workbench.proofs.questions import (
    Period,
    Posed,
    better_term,
    is_better,
    is_more,
    lawful,
    more_term,
    people_of,
    verdict_on,
)
from decision_service.workbench.proofs.ruleset import EncodedVerdict, encode_ruleset
from decision_service.workbench.proofs.terms import Builder, Term

_OTHER = "other "


def is_of_offers(guarantee: Guarantee) -> bool:
    nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
    return any(s.name.startswith("offer.") for node in nodes for s in reads(node))


def is_among(guarantee: Guarantee, verdict: Verdict) -> bool:
    if verdict.offer is None and is_of_offers(guarantee):
        return False
    if guarantee.when is None:
        return True
    with exactly():
        return _compiled(guarantee.when)(_final_values(verdict)) is True


def breaks(guarantee: Guarantee, verdict: Verdict) -> bool:
    if not is_among(guarantee, verdict):
        return False
    if guarantee.always is None:
        return verdict.outcome is guarantee.never
    with exactly():
        return _compiled(guarantee.always)(_final_values(verdict)) is False


def is_worse(guarantee: Guarantee, first: Verdict, second: Verdict) -> bool:
    """Whether the better value costs something, or leaving out brings money."""
    if guarantee.monotone:
        return is_better(second, first) or is_more(second, first)
    approved = second.outcome is Outcome.APPROVE
    return approved and (is_better(first, second) or is_more(first, second))


def is_better_off(guarantee: Guarantee, person: PersonValues, changed: Mapping[str, Any]) -> bool:
    """Whether the person has all values that change, and the changed ones are the better ones."""
    for symbol, way in guarantee.monotone:
        one, other = person.values[symbol.name], changed[symbol.name]
        if not (one <= other if way > 0 else other <= one):
            return False
    return not any(isinstance(person.values[name], Unknown) for name in changed)


_compiled = lru_cache(64)(compile_tree)
"""The function of a tree, made once."""


def _final_values(verdict: Verdict) -> Sequence[Any]:
    trace = verdict.raw_trace
    assert isinstance(trace, Trace)  # noqa: S101  the evaluator's own
    return trace.values


def second_values(guarantee: Guarantee, people: People) -> Mapping[str, Encoded]:
    if guarantee.hidden:
        return {symbol.name: _hidden(people, symbol.name) for symbol in guarantee.hidden}
    again = replace(people, prefix=_OTHER, variables={}, answers={}, constraints=[])
    found: dict[str, Encoded] = {}
    for name in (symbol.name for symbol, _ in guarantee.monotone):
        symbol, sent = people.variables[name].symbol, name.removeprefix("inputs.")
        found[name] = again.factor(symbol) if sent == name else again.sent(sent, symbol)
    people.constraints += again.constraints
    return found


def _hidden(people: People, name: str) -> Encoded:
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
    if guarantee.monotone:
        return b.or_(better_term(b, second, first), more_term(b, second, first))
    gained = b.and_(second.approved, b.not_(first.approved))
    return b.or_(gained, b.and_(second.approved, more_term(b, first, second)))


@dataclass(frozen=True, slots=True)
class _Final:
    builder: Builder
    values: Mapping[int, Encoded]

    def read(self, slot: int) -> Encoded:
        return self.values[slot]


@dataclass(frozen=True, slots=True)
class Kept:
    ruleset: CompiledRuleset
    guarantee: Guarantee
    world: FactorModel

    @property
    def sides(self) -> Sequence[str]:
        if self.guarantee.monotone:
            return ("at first", "with the better value")
        return ("with all data", "with less") if self.guarantee.hidden else ("the verdict",)

    @property
    def rulesets(self) -> Sequence[CompiledRuleset]:
        return (self.ruleset,)

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        return (*self.guarantee.monotone, *((symbol, 0) for symbol in self.guarantee.hidden))

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        people = people_of(self, fixed)
        first = encode_ruleset(self.ruleset, people, period.start)
        twice = self.guarantee.monotone or self.guarantee.hidden
        return (self._twice if twice else self._once)(people, first, period)

    def _once(self, people: People, verdict: EncodedVerdict, period: Period) -> Posed:
        broken = self._broken(people.builder, verdict)
        return Posed(people, broken, lawful(self, people, period), {})

    def _twice(self, people: People, first: EncodedVerdict, period: Period) -> Posed:
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
            return b.and_(when, fails(b, encode(guarantee.always, values)))
        outcomes = {
            Outcome.APPROVE: verdict.approved,
            Outcome.REFER: verdict.referred,
            Outcome.DECLINE: verdict.declined,
        }
        return b.and_(when, outcomes[guarantee.never or Outcome.APPROVE])

    def _among(self, b: Builder, verdict: EncodedVerdict) -> Term:
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
    """Whether a guarantee applies to no person at all: its `when` is never true."""

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        return ()

    def _broken(self, b: Builder, verdict: EncodedVerdict) -> Term:
        return self._among(b, verdict)

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
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
        verdict = first or verdict_on(person, self.ruleset, day)
        return (verdict,) if is_among(self.guarantee, verdict) else None
