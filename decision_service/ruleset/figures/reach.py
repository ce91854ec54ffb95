"""Cases that reach what no case reaches yet, ready to be put into a file of rule tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec
from decision_service.domain.time import AsOf
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import MapNode
from decision_service.language.yaml.parser import read
from decision_service.ruleset.figures.case_text import case_text
from decision_service.ruleset.figures.facts.near import Near, figures_near
from decision_service.ruleset.figures.facts.samples import Base, Sampler
from decision_service.ruleset.figures.trees import written_out
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.shared import names_of, with_shared
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers
from decision_service.ruleset.testing.case_reading import Given
from decision_service.ruleset.testing.cases import CaseResult, Goal, goals_reached
from decision_service.ruleset.testing.given_lists import given_list

SAMPLES = 2_000
"""How many made-up facts are tried in a round, for all goals together."""

ROUNDS = 2
"""In the second round those that reached something are changed further."""


class _Ready(msgspec.Struct, frozen=True):
    """Facts by what they change: factors and inputs by name (None: not sent), lists, the day."""

    factors: Mapping[str, Any]
    inputs: Mapping[str, Any]
    as_of: AsOf | None
    lists: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        changed = (self.factors, self.inputs, self.lists)
        return sum(map(len, changed)) + (self.as_of is not None)


def ready_cases(
    files: RulesetFiles,
    ruleset: CompiledRuleset,
    catalogue: Mapping[str, FactorSpec],
    results: Sequence[CaseResult],
    missed: Sequence[Goal],
) -> Mapping[Goal, str]:
    """For goals that no case reaches, the text of one that does, for the file of the first case.

    Each expects what the version decides now. There are none where there is no case to begin with,
    and for goals that no made-up facts reach.
    """
    known = [r for r in results if r.facts is not None and not r.case.snapshot]
    if not known or not missed:
        return {}
    usual, near = _Usual(ruleset, known[0]), _near(files, ruleset)
    bases = [Base(r.case.name, r.facts) for r in known if r.facts is not None]
    found: dict[Goal, _Ready] = {}
    for _ in range(ROUNDS):
        left = [goal for goal in missed if goal not in found]
        facts = _made_up(Sampler(ruleset, catalogue, bases, near)) if left else iter(())
        new = usual.smallest(facts, frozenset(left))
        found |= new
        bases = [Base(goal.what, f) for goal, one in new.items() if (f := usual.facts(one))]
    return {goal: usual.text(goal, usual.shrunk(goal, found[goal])) for goal in found}


def _near(files: RulesetFiles, ruleset: CompiledRuleset) -> Near:
    root = read(files.path, files.text, Report())
    kept = names_of(ruleset)
    tree = written_out(with_shared(root, files, Report(), kept), files) if root else None
    assert isinstance(tree, MapNode)  # noqa: S101  the version compiles
    return figures_near(tree, ruleset.params, ruleset.currency)


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
        if sample.facts.as_of.date >= begins:
            yield sample.facts


class _Usual:
    """The defaults of a file of cases, which a new case changes."""

    def __init__(self, ruleset: CompiledRuleset, first: CaseResult) -> None:
        self.ruleset = ruleset
        self.defaults: Given = first.case.defaults
        assert first.facts is not None  # noqa: S101  only such are asked
        self.as_of = first.case.usual or first.facts.as_of
        self.dated = first.case.usual is not None

    def changes(self, facts: Facts) -> _Ready:
        """What a case must say beside the defaults, so as to have these facts."""
        factors, inputs = self.defaults.factors, self.defaults.inputs
        names = [*facts.inputs, *(name for name in inputs if name not in facts.inputs)]
        other_day = not self.dated or facts.as_of.date != self.as_of.date
        return _Ready(
            {n: v for n, v in facts.factors.items() if n not in factors or factors[n] != v},
            {n: facts.inputs.get(n) for n in names if facts.inputs.get(n) != inputs.get(n)},
            facts.as_of if other_day else None,
            self._lists(facts),
        )

    def _lists(self, facts: Facts) -> dict[str, Sequence[str]]:
        """The lists that would answer otherwise by themselves, with what must stand on them."""
        day, instead = facts.as_of.date, self.defaults.lists
        usual = {
            (one.list, one.input): one.listed
            for one in list_answers(self.ruleset, facts.inputs, day, instead=instead)
        }
        other = {a.list for a in facts.answers if usual.get((a.list, a.input)) is not a.listed}
        return {
            name: [str(facts.inputs[a.input]) for a in facts.answers if a.listed and a.list == name]
            for name in sorted(other)
        }

    def facts(self, ready: _Ready) -> Facts | None:
        """The facts of a case; None where a factor is left out or an input would be refused."""
        unsent = frozenset(name for name, value in ready.inputs.items() if value is None)
        sent = {name: value for name, value in ready.inputs.items() if value is not None}
        lists = {name: given_list(name, keys) for name, keys in ready.lists.items()}
        given = Given(sent, ready.factors, unsent, lists).over(self.defaults)
        bound = bind_inputs(self.ruleset, given.inputs)
        if bound.problems or not set(self.ruleset.needs.factors) <= set(given.factors):
            return None
        at = ready.as_of or self.as_of
        answers = list_answers(self.ruleset, bound.values, at.date, instead=given.lists)
        return Facts(given.factors, bound.values, at, answers=answers)

    def smallest(self, drawn: Iterator[Facts], wanted: frozenset[Goal]) -> dict[Goal, _Ready]:
        """For each goal that drawn facts reach, those that change the fewest values."""
        found: dict[Goal, _Ready] = {}
        for facts in drawn:
            for goal in wanted.intersection(self._reached(facts)):
                ready = self.changes(facts)
                if goal not in found or ready.size < found[goal].size:
                    found[goal] = ready
        return found

    def _reached(self, facts: Facts) -> Iterable[Goal]:
        return goals_reached(self.ruleset, evaluate(self.ruleset, facts))

    def shrunk(self, goal: Goal, ready: _Ready) -> _Ready:
        """The same without each change that the goal can do without."""
        for smaller in _without_one(ready):
            facts = self.facts(smaller)
            if facts is not None and goal in self._reached(facts):
                return self.shrunk(goal, smaller)
        return ready

    def text(self, goal: Goal, ready: _Ready) -> str:
        """The case as it stands under `cases`."""
        facts = self.facts(ready)
        assert facts is not None  # noqa: S101  they were sampled of cases that ran
        verdict = evaluate(self.ruleset, facts)
        name = f"{goal.what} {goal.which}"
        return case_text(name, ready.as_of, ready.inputs, ready.factors, ready.lists, verdict)


def _without_one(ready: _Ready) -> Iterator[_Ready]:
    for name in ready.factors:
        yield replace(ready, factors={n: v for n, v in ready.factors.items() if n != name})
    for name in ready.inputs:
        yield replace(ready, inputs={n: v for n, v in ready.inputs.items() if n != name})
    for name in ready.lists:
        yield replace(ready, lists={n: v for n, v in ready.lists.items() if n != name})
