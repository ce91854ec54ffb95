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
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.emitter import compile_tree
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.expressions.tree import Node, reads
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.proofs.claims.verdicts import better_term, is_better, is_more, more_term
from decision_service.proofs.people import People, Variant
from decision_service.proofs.person import Person
from decision_service.proofs.questions import Period, Posed, World, lawful, people_of, verdict_on
from decision_service.ruleset.program.findings import Trace
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
        second = encode_ruleset(self.ruleset, Variant(people, others), period.start)
        worse = self._worse(b, first, second)
        differs = self._differs(b, people, others)
        among = b.and_(self._among(b, first), self._among(b, second))
        broken = b.and_(moved, differs, among, worse)
        return Posed(people, broken, lawful(self, people, period), others)

    def _worse(self, b: Builder, first: EncodedVerdict, second: EncodedVerdict) -> Term:
        """Whether the better value costs something, or leaving out brings money."""
        if self.guarantee.monotone:
            return b.or_(better_term(b, second, first), more_term(b, second, first))
        gained = b.and_(second.approved, b.not_(first.approved))
        return b.or_(gained, b.and_(second.approved, more_term(b, first, second)))

    def _is_worse(self, first: Verdict, second: Verdict) -> bool:
        if self.guarantee.monotone:
            return is_better(second, first) or is_more(second, first)
        approved = second.outcome is Outcome.APPROVE
        return approved and (is_better(first, second) or is_more(first, second))

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
        nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
        offered = verdict.offered if self._of_offers(nodes) else b.true
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

    def _is_among(self, verdict: Verdict) -> bool:
        if self.guarantee.when is None:
            return True
        with exactly():
            return compile_tree(self.guarantee.when)(_final_values(verdict)) is True

    def _of_offers(self, nodes: Sequence[Node]) -> bool:
        return any(s.name.startswith("offer.") for node in nodes for s in reads(node))

    def judged(
        self, person: Person, changed: Mapping[str, Any], day: date
    ) -> Sequence[Verdict] | None:
        """The verdicts by which the guarantee is broken."""
        first = verdict_on(person, self.ruleset, day)
        if not changed:
            return (first,) if self._breaks(first) else None
        other = Person({**person.values, **changed}, person.answers)
        second = verdict_on(other, self.ruleset, day)
        among = self._is_among(first) and self._is_among(second)
        if not (among and self._ordered(person, changed)):
            return None
        return (first, second) if self._is_worse(first, second) else None

    def _ordered(self, person: Person, changed: Mapping[str, Any]) -> bool:
        """Whether the second values are the better ones, and the person had the first."""
        for symbol, way in self.guarantee.monotone:
            one, other = person.values[symbol.name], changed[symbol.name]
            if not (one <= other if way > 0 else other <= one):
                return False
        return not any(isinstance(person.values[name], Unknown) for name in changed)

    def _breaks(self, verdict: Verdict) -> bool:
        guarantee = self.guarantee
        nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
        if self._of_offers(nodes) and verdict.offer is None:
            return False
        if not self._is_among(verdict):
            return False
        if guarantee.always is not None:
            with exactly():
                return compile_tree(guarantee.always)(_final_values(verdict)) is False
        return verdict.outcome is guarantee.never


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
        self, person: Person, _changed: Mapping[str, Any], day: date
    ) -> Sequence[Verdict] | None:
        """The verdict on somebody whom it is about."""
        verdict = verdict_on(person, self.ruleset, day)
        return (verdict,) if self._is_among(verdict) else None


def _final_values(verdict: Verdict) -> Sequence[Any]:
    """The values at the end of an evaluation, by slot."""
    trace = verdict.raw_trace
    assert isinstance(trace, Trace)  # noqa: S101  the evaluator's own
    return trace.values


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
