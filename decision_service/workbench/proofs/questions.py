"""A claim as a query to a solver, its check by the evaluator, and two verdicts compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from decision_service.domain.decision import Outcome, Verdict
from decision_service.rules.evaluate import evaluate
from decision_service.rules.keys import AMOUNT, MAXIMUM, MINIMUM, RATE, TERM, TIER
from decision_service.rules.language.types import Symbol
from decision_service.rules.program import CompiledRuleset
from decision_service.workbench.proofs.encoding import Encoded
from decision_service.workbench.proofs.people import (
    TODAY,
    FactorModel,
    People,
    PersonValues,
    Variant,
    facts_of,
)
from decision_service.workbench.proofs.ruleset import EncodedVerdict
from decision_service.workbench.proofs.terms import Builder, Term


@dataclass(frozen=True, slots=True)
class Period:
    """The days on which parameters stay as they are; the last period has no end."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Posed:
    """Whether any of these people breaks the claim; `changed` is what differs a second time."""

    people: People
    broken: Term
    constraints: Sequence[Term]
    changed: Mapping[str, Any]


class Question(Protocol):
    """A claim about rules."""

    @property
    def rulesets(self) -> Sequence[CompiledRuleset]:
        """The rules that it is about."""

    @property
    def sides(self) -> Sequence[str]:
        """What each of the verdicts that break it is of, in words."""

    @property
    def world(self) -> FactorModel:
        """Who there can be."""

    @property
    def moved(self) -> Sequence[tuple[Symbol, int]]:
        """What the same person has otherwise a second time: higher (1), lower (-1), hidden (0)."""

    def pose(self, period: Period, fixed: Mapping[str, Any]) -> Posed:
        """The question with some values fixed; raises NotEncodable."""

    def judged(
        self,
        person: PersonValues,
        changed: Mapping[str, Any],
        day: date,
        /,
        first: Verdict | None = None,
    ) -> Sequence[Verdict] | None:
        """The verdicts by which a person breaks the claim; None where it holds of the person.

        `first` may be given where the person was judged by the first of the rules before.
        """


def periods(rulesets: Sequence[CompiledRuleset], today: date) -> Sequence[Period]:
    starts = {s for r in rulesets for s in r.program.timeline.starts if s > today}
    begins = [today, *sorted(starts)]
    return [Period(s, e) for s, e in zip(begins, [*begins[1:], None], strict=True)]


def inputs_of(rulesets: Sequence[CompiledRuleset]) -> Mapping[str, Symbol]:
    """The inputs that all rules accept, by name without prefix, with the tightest bounds."""
    found: dict[str, Symbol] = {}
    for ruleset in rulesets:
        for entry in ruleset.program.intake.inputs:
            one, other = entry.symbol, found.get(entry.key)
            found[entry.key] = one if other is None else _tightest(one, other)
    return found


def _tightest(one: Symbol, other: Symbol) -> Symbol:
    lows = [s.lower for s in (one, other) if s.lower is not None]
    highs = [s.upper for s in (one, other) if s.upper is not None]
    labels = one.labels or other.labels
    if one.labels and other.labels:
        labels = tuple(label for label in one.labels if label in other.labels)
    low, high = max(lows, default=None), min(highs, default=None)
    return Symbol(one.name, one.type, one.slot, low, high, labels)


def required(rulesets: Sequence[CompiledRuleset]) -> frozenset[str]:
    return frozenset(n for r in rulesets for n, spec in r.inputs.items() if spec.required)


def people_of(question: Question, fixed: Mapping[str, Any]) -> People:
    rulesets, catalogue = question.rulesets, question.world.catalogue
    return People(
        Builder(),
        catalogue,
        rulesets[0].currency,
        required(rulesets),
        inputs_of(rulesets),
        fixed=fixed,
    )


def lawful(
    question: Question, people: People, period: Period, second: Variant | None = None
) -> list[Term]:
    """Ranges of variables, the laws, also of the same person a `second` time, and the day."""
    b, found = people.builder, list(question.world.kept(people, second))
    today = people.variables.get(TODAY)
    if today is not None:
        found.append(b.le(b.number(period.start.toordinal()), today.value.term))
        if period.end is not None:
            found.append(b.lt(today.value.term, b.number(period.end.toordinal())))
    return [*people.constraints, *found]


def verdict_on(person: PersonValues, ruleset: CompiledRuleset, day: date) -> Verdict:
    return evaluate(ruleset, facts_of(person, ruleset, day))


_FIXED = (MAXIMUM, AMOUNT, MINIMUM, TERM, RATE, TIER)
_RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}


def better_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    approved = b.and_(other.approved, b.not_(one.approved))
    return b.or_(approved, b.and_(one.declined, b.not_(other.declined)))


def is_better(one: Verdict, other: Verdict) -> bool:
    return _RANK[other.outcome] > _RANK[one.outcome]


def more_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether both make an offer, and the other one is of more money."""
    pair = [v.lines.get(AMOUNT) for v in (one, other)]
    if pair[0] is None or pair[1] is None:
        return b.false
    return b.and_(one.offered, other.offered, b.lt(pair[0].term, pair[1].term))


def is_more(one: Verdict, other: Verdict) -> bool:
    if one.offer is None or other.offer is None:
        return False
    return other.offer.approved_amount > one.offer.approved_amount


def other_price_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    """Whether the rate differs, or a fee or instalment of the same amount over the same term."""

    def unlike(*names: str) -> Term:
        return b.or_(
            *_other_lines(
                b, *({n: v.lines[n] for n in names if n in v.lines} for v in (one, other))
            )
        )

    fees = {*one.lines, *other.lines} - {*_FIXED}
    same_loan = b.not_(unlike(AMOUNT, TERM))
    differs = b.or_(unlike(RATE), b.and_(same_loan, unlike(*fees)))
    return b.and_(one.offered, other.offered, differs)


def is_other_price(one: Verdict, other: Verdict) -> bool:
    left, right = one.offer, other.offer
    if left is None or right is None:
        return False
    loans = [(offer.approved_amount, offer.term_months) for offer in (left, right)]
    fees = loans[0] == loans[1] and dict(left.outputs) != dict(right.outputs)
    return left.monthly_rate != right.monthly_rate or fees


def other_term(b: Builder, one: EncodedVerdict, other: EncodedVerdict) -> Term:
    outcomes = ((one.approved, other.approved), (one.declined, other.declined))
    unlike = [b.not_(b.eq(*pair)) for pair in (*outcomes, (one.offered, other.offered))]
    both = b.and_(one.offered, other.offered)
    unlike += [b.and_(both, line) for line in _other_lines(b, one.lines, other.lines)]
    for name in sorted({*one.conditions, *other.conditions}):
        pair = [v.conditions.get(name, b.false) for v in (one, other)]
        unlike.append(b.not_(b.eq(*pair)))
    return b.or_(*unlike)


def _other_lines(
    b: Builder, one: Mapping[str, Encoded], other: Mapping[str, Encoded]
) -> list[Term]:
    """Of each line, whether it differs; a line that only one offer has does where it is there."""
    found = []
    for name in sorted({*one, *other} - {MINIMUM}):
        left, right = one.get(name), other.get(name)
        if left is None or right is None:
            there = left or right
            found.append(b.true if there is None else b.not_(there.gone))
            continue
        alike = b.or_(left.gone, b.eq(left.term, right.term))
        found.append(b.not_(b.and_(b.eq(left.gone, right.gone), alike)))
    return found


def is_other(one: Verdict, other: Verdict) -> bool:
    """Whether outcome, offer, conditions or the time for which it holds differ."""
    return _compared_parts(one) != _compared_parts(other)


def _compared_parts(verdict: Verdict) -> tuple[Any, ...]:
    offer = verdict.offer
    conditions = {condition.id for condition in verdict.conditions}
    if offer is None:
        return verdict.outcome, None, conditions, verdict.valid_until
    fixed = (offer.approved_amount, offer.max_amount, offer.term_months, offer.monthly_rate)
    return (
        verdict.outcome,
        (*fixed, offer.tier, dict(offer.outputs)),
        conditions,
        verdict.valid_until,
    )
