"""New cases of rule tests as text: by what they change in the usual facts, with what a version
decides now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Verdict
from decision_service.domain.factor import FactorSpec, FactorValue, value_sent
from decision_service.domain.values import AsOf, Money
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.expectations import OFFER_KEYS
from decision_service.rules.inputs import bind_made_up, list_answers, made_up
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.yaml import Scalar
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests import CaseResult, Goal, goals_reached
from decision_service.rules.tests_file import Given, given_list
from decision_service.workbench.made_up_facts import Sampler, figures_near, shown_value
from decision_service.workbench.mutants import RuleTree

NONE = "none"
Part = str | tuple[str, ...]
Holds = Callable[[Facts], bool]

SAMPLES = 2_000
"""How many made-up facts are tried in a round, for all goals together."""

ROUNDS = 2
"""In the second round those that reached something are changed further."""

_UNQUOTED = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")
_PLAIN = re.compile(r"[A-Za-z](?:[^:#\"'{}]|:(?! ))*[^:#\"'{}\s]")
"""A name that YAML reads as it is."""

_BARE = re.compile(r"[\w.-]+")
_LISTED = ("conditions", "tags", "data_requests")
_NOWHERE = Place("", 1, 1, end=2)


class VerdictDifference(NamedTuple):
    part: str
    before: str
    after: str


def first_difference(one: Verdict, other: Verdict) -> VerdictDifference | None:
    before = dict(parts_of(one))
    after = dict(parts_of(other))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            old, new = (f"{name} {_text(side.get(name))}" for side in (before, after))
            return VerdictDifference(name, old, new)
    return None


def _text(part: Part | None) -> str:
    return part if isinstance(part, str) else ", ".join(part or ()) or NONE


def parts_of(verdict: Verdict) -> Iterator[tuple[str, Part]]:
    """Everything that a case can expect, by the names that it has under `expect`."""
    yield "outcome", verdict.outcome.value
    yield "refer_kind", verdict.refer_kind.value if verdict.refer_kind else NONE
    yield "reasons", tuple(str(reason.code) for reason in verdict.reasons)
    for score in verdict.scores:
        yield f"scores.{score.scorecard}", shown_value(score.score)
        yield f"bands.{score.scorecard}", score.band
    yield "conditions", tuple(condition.id for condition in verdict.conditions)
    yield "tags", tuple(tag.name for tag in verdict.tags)
    yield "data_requests", tuple(request.factor for request in verdict.data_requests)
    if verdict.offer is not None:
        for name in OFFER_KEYS:
            value = getattr(verdict.offer, name)
            yield f"offer.{name}", NONE if value is None else shown_value(value)
        for name, value in verdict.offer.outputs.items():
            yield f"offer.{name}", shown_value(value)


class NewCase(msgspec.Struct, frozen=True):
    """Facts by what they change: factors and inputs by name (None: not sent), lists, the day."""

    factors: Mapping[str, Any]
    inputs: Mapping[str, Any]
    as_of: AsOf | None
    lists: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        changed = (self.factors, self.inputs, self.lists)
        return sum(map(len, changed)) + (self.as_of is not None)


class Usual:
    def __init__(self, ruleset: CompiledRuleset, first: CaseResult) -> None:
        self.ruleset = ruleset
        self.defaults: Given = first.case.defaults
        assert first.facts is not None  # noqa: S101  only such are asked
        self.as_of = first.case.usual or first.facts.as_of
        self.dated = first.case.usual is not None

    def changes(self, facts: Facts) -> NewCase:
        factors = self.defaults.factors
        inputs = self.defaults.inputs
        given = made_up(facts.inputs)
        names = [*given, *(name for name in inputs if name not in given)]
        other_day = not self.dated or facts.as_of.date != self.as_of.date
        return NewCase(
            {n: v for n, v in facts.factors.items() if n not in factors or factors[n] != v},
            {n: given.get(n) for n in names if given.get(n) != inputs.get(n)},
            facts.as_of if other_day else None,
            lists=self._lists(facts),
        )

    def _lists(self, facts: Facts) -> dict[str, Sequence[str]]:
        """The lists that would answer otherwise by themselves, with what must be on them."""
        day = facts.as_of.date
        instead = self.defaults.lists
        given = {name: value_sent(one) for name, one in facts.inputs.items()}
        usual = {
            (one.list, one.input): one.listed
            for one in list_answers(self.ruleset, facts.inputs, day, instead=instead)
        }
        other = {a.list for a in facts.answers if usual.get((a.list, a.input)) is not a.listed}
        return {
            name: [str(given[a.input]) for a in facts.answers if a.listed and a.list == name]
            for name in sorted(other)
        }

    def facts(self, case: NewCase) -> Facts | None:
        """The facts of a case; None where a factor is left out or an input would be refused."""
        unsent = frozenset(name for name, value in case.inputs.items() if value is None)
        sent = {name: value for name, value in case.inputs.items() if value is not None}
        lists = {name: given_list(name, keys) for name, keys in case.lists.items()}
        given = Given(sent, case.factors, unsent, lists=lists).over(self.defaults)
        at = case.as_of or self.as_of
        bound = bind_made_up(self.ruleset, given.inputs, at.date)
        if bound.problems or not set(self.ruleset.needs.factors) <= set(given.factors):
            return None
        answers = list_answers(self.ruleset, bound.values, at.date, instead=given.lists)
        return Facts(given.factors, bound.values, at, answers=answers)

    def rank(self, case: NewCase) -> tuple[int, Decimal]:
        """Fewer changes go before more, and of equally many those of the values nearest by."""
        factors = self.defaults.factors
        inputs = self.defaults.inputs
        far = [_distance(factors.get(name), value) for name, value in case.factors.items()]
        far += [_distance(inputs.get(name), value) for name, value in case.inputs.items()]
        return case.size, sum(far, Decimal(0))

    def shrunk(self, case: NewCase, holds: Holds) -> NewCase:
        """The same without each change without which its facts still hold."""
        for smaller in _without_one(case):
            facts = self.facts(smaller)
            if facts is not None and holds(facts):
                return self.shrunk(smaller, holds)
        return case


def _without_one(case: NewCase) -> Iterator[NewCase]:
    for name in case.factors:
        yield replace(case, factors={n: v for n, v in case.factors.items() if n != name})
    for name in case.inputs:
        yield replace(case, inputs={n: v for n, v in case.inputs.items() if n != name})
    for name in case.lists:
        yield replace(case, lists={n: v for n, v in case.lists.items() if n != name})


def _distance(old: Any, new: Any) -> Decimal:
    """How far a value is from another in shares of it, 1 where they are no numbers."""
    one = _number(old)
    other = _number(new)
    if one is None or other is None:
        return Decimal(1)
    return abs(one - other) / max(abs(one), Decimal(1))


def _number(value: Any) -> Decimal | None:
    plain = value.value if isinstance(value, FactorValue) else value
    if isinstance(plain, Money):
        return plain.major
    if isinstance(plain, int | Decimal) and not isinstance(plain, bool):
        return Decimal(plain)
    return None


def case_text(name: str, case: NewCase, verdict: Verdict, part: str = "") -> str:
    """The case for a file's `cases`; `part` is one that it expects with the usual ones."""
    lines = [f"  - name: {_unless(_PLAIN, name)}"]
    if case.as_of is not None:
        lines.append(f"    as_of: {case.as_of.date}")
    given = (("inputs", case.inputs), ("factors", case.factors), ("lists", case.lists))
    for key, values in given:
        if values:
            written = ", ".join(f"{name}: {_written(v)}" for name, v in values.items())
            lines.append(f"    {key}: {{{written}}}")
    expected = ", ".join(_expected(verdict, part))
    return "\n".join([*lines, f"    expect: {{{expected}}}"])


def _unless(plain: re.Pattern[str], text: str) -> str:
    """A text as YAML reads it, in quotes unless it is plain."""
    return text if plain.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if value is None:
        return "missing NOT_SENT"
    shown = shown_value(value)
    text = getattr(value, "value", value)
    plain = not isinstance(text, str) or (
        _UNQUOTED.fullmatch(text) and Scalar(text, plain=True, place=_NOWHERE).is_text
    )
    return shown if plain else json.dumps(shown, ensure_ascii=False)


def _expected(verdict: Verdict, part: str) -> Iterator[str]:
    yield f"outcome: {verdict.outcome}"
    if verdict.refer_kind is not None:
        yield f"refer_kind: {verdict.refer_kind}"
    yield f"reasons: [{', '.join(str(reason.code) for reason in verdict.reasons)}]"
    group, _, name = part.partition(".")
    value = dict(parts_of(verdict)).get(part, ())
    if group in _LISTED:
        yield f"{group}: [{', '.join(value)}]"
    elif group == "offer" and verdict.offer is None:
        yield "offer: none"
    elif name:
        text = value if isinstance(value, str) else NONE
        yield f"{group}: {{{name}: {_unless(_BARE, text)}}}"


def ready_cases(
    files: RulesetFiles,
    ruleset: CompiledRuleset,
    catalogue: Mapping[str, FactorSpec],
    results: Sequence[CaseResult],
    missed: Sequence[Goal],
) -> Mapping[Goal, str]:
    """For goals that no case reaches, the text of one that does and expects what is decided now."""
    known = [r for r in results if r.facts is not None and not r.case.snapshot]
    if not known or not missed:
        return {}
    usual = Usual(ruleset, known[0])
    near = figures_near(RuleTree(files, ruleset, catalogue).root, ruleset.params, ruleset.currency)
    goals = _Goals(ruleset, usual)
    bases = [r.facts for r in known if r.facts is not None]
    found: dict[Goal, NewCase] = {}
    for _ in range(ROUNDS):
        left = [goal for goal in missed if goal not in found]
        facts = _made_up(Sampler(ruleset, catalogue, bases, near=near)) if left else iter(())
        new = goals.nearest(facts, frozenset(left))
        found |= new
        bases = [f for one in new.values() if (f := usual.facts(one))]
    return {goal: goals.text(goal, found[goal]) for goal in found}


def _made_up(sampler: Sampler) -> Iterator[Facts]:
    """Facts of days on which every parameter has a value; an input may not be sent."""
    for spec in sampler.ruleset.inputs.values():
        pool = sampler.pools[f"inputs.{spec.name}"]
        if not spec.required and None not in pool:
            pool.append(None)
    params = sampler.ruleset.params.values()
    firsts = [each.steps[0].start for param in params for each in param.series]
    begins = max((first for first in firsts if first is not None), default=date.min)
    for sample in sampler.samples(SAMPLES):
        if sample.as_of.date >= begins:
            yield sample


class _Goals:
    def __init__(self, ruleset: CompiledRuleset, usual: Usual) -> None:
        self.ruleset = ruleset
        self.usual = usual

    def nearest(self, drawn: Iterator[Facts], wanted: frozenset[Goal]) -> dict[Goal, NewCase]:
        found: dict[Goal, tuple[tuple[int, Decimal], NewCase]] = {}
        for facts in drawn:
            case = self.usual.changes(facts)
            rank = self.usual.rank(case)
            for goal in wanted.intersection(self._reached(facts)):
                if goal not in found or rank < found[goal][0]:
                    found[goal] = rank, case
        return {goal: case for goal, (_, case) in found.items()}

    def _reached(self, facts: Facts) -> Iterable[Goal]:
        return goals_reached(self.ruleset, evaluate(self.ruleset, facts))

    def text(self, goal: Goal, case: NewCase) -> str:
        least = self.usual.shrunk(case, lambda facts: goal in self._reached(facts))
        facts = self.usual.facts(least)
        assert facts is not None  # noqa: S101  they were sampled of cases that ran
        return case_text(f"{goal.what} {goal.which}", least, evaluate(self.ruleset, facts))
