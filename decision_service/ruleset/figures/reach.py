"""Cases that reach what no case reaches yet, ready to be put into a file of rule tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from decision_service.domain.factor import FactorSpec
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import MapNode
from decision_service.language.yaml.parser import read
from decision_service.ruleset.figures.case_text import case_text
from decision_service.ruleset.figures.facts.near import Near, figures_near
from decision_service.ruleset.figures.facts.samples import Sampler
from decision_service.ruleset.figures.trees import written_out
from decision_service.ruleset.figures.usual import NewCase, Usual
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles
from decision_service.ruleset.reading.shared import names_of, with_shared
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.testing.cases import CaseResult, Goal, goals_reached

SAMPLES = 2_000
"""How many made-up facts are tried in a round, for all goals together."""

ROUNDS = 2
"""In the second round those that reached something are changed further."""


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
    usual, near = Usual(ruleset, known[0]), _near(files, ruleset)
    goals = _Goals(ruleset, usual)
    bases = [r.facts for r in known if r.facts is not None]
    found: dict[Goal, NewCase] = {}
    for _ in range(ROUNDS):
        left = [goal for goal in missed if goal not in found]
        facts = _made_up(Sampler(ruleset, catalogue, bases, near)) if left else iter(())
        new = goals.nearest(facts, frozenset(left))
        found |= new
        bases = [f for one in new.values() if (f := usual.facts(one))]
    return {goal: goals.text(goal, found[goal]) for goal in found}


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
        if sample.as_of.date >= begins:
            yield sample


class _Goals:
    """Goals of coverage, each with the case that reaches it by the fewest and nearest changes."""

    def __init__(self, ruleset: CompiledRuleset, usual: Usual) -> None:
        self.ruleset, self.usual = ruleset, usual

    def nearest(self, drawn: Iterator[Facts], wanted: frozenset[Goal]) -> dict[Goal, NewCase]:
        """For each goal that drawn facts reach, those that change the least."""
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
        """The case without what the goal can do without, as it stands under `cases`."""
        least = self.usual.shrunk(case, lambda facts: goal in self._reached(facts))
        facts = self.usual.facts(least)
        assert facts is not None  # noqa: S101  they were sampled of cases that ran
        return case_text(f"{goal.what} {goal.which}", least, evaluate(self.ruleset, facts))
