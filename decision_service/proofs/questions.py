"""What is to be proved, posed to a solver, and judged by the evaluator where it finds somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from decision_service.domain.verdict import Verdict
from decision_service.language.types import Symbol
from decision_service.proofs.people import People, Variant
from decision_service.proofs.person import TODAY, PersonValues, facts_of
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.proofs.world import FactorModel
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import evaluate


@dataclass(frozen=True, slots=True)
class Period:
    """The days on which parameters stay as they are; the last period has no end."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as terms: whether any of these people breaks the claim.

    `changed` are the values of names in which the same person differs a second time.
    """

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
    """The periods from today on."""
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
    """The inputs that are always sent, by name without prefix."""
    return frozenset(n for r in rulesets for n, spec in r.inputs.items() if spec.required)


def people_of(question: Question, fixed: Mapping[str, Any]) -> People:
    """Any person to whom all rules of a question apply."""
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
    """What holds of everybody: the ranges of variables, the laws, and which day it is.

    The laws hold also of the same person a `second` time.
    """
    b, found = people.builder, list(question.world.kept(people, second))
    today = people.variables.get(TODAY)
    if today is not None:
        found.append(b.le(b.number(period.start.toordinal()), today.value.term))
        if period.end is not None:
            found.append(b.lt(today.value.term, b.number(period.end.toordinal())))
    return [*people.constraints, *found]


def verdict_on(person: PersonValues, ruleset: CompiledRuleset, day: date) -> Verdict:
    """What the evaluator decides."""
    return evaluate(ruleset, facts_of(person, ruleset, day))
