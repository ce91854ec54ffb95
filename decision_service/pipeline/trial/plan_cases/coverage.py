"""Coverage of a plan: each bound lets a case pass, and holds another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from decision_service.language.diagnostics import Place
from decision_service.pipeline.trial.plan_cases.bounds import BoundEffect, PlanBound
from decision_service.pipeline.trial.plan_cases.case_text import plan_case_text
from decision_service.pipeline.trial.plan_cases.made_up import made_up
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest
from decision_service.ruleset.testing.cases import Goal, GoalCoverage


def plan_coverage(
    tested: PlanUnderTest, bounds: Sequence[PlanBound], cases: Sequence[PlanCase]
) -> GoalCoverage:
    """The goals that cases reached, of all that can be reached."""
    places: dict[Goal, Place] = {
        goal: bound.scalar.place for bound in bounds for goal in bound.goals(tested.plan)
    }
    reached = {goal for bound in bounds for case in cases for goal in _reached(tested, bound, case)}
    return GoalCoverage(
        tuple(goal for goal in places if goal in reached),
        tuple(goal for goal in places if goal not in reached),
        places,
    )


def _reached(tested: PlanUnderTest, bound: PlanBound, case: PlanCase) -> Iterator[Goal]:
    effect = bound.effect(tested.plan, case, tested.currency)
    if effect is not BoundEffect.NOTHING:
        yield Goal(bound.what, effect)


def ready_plan_cases(
    tested: PlanUnderTest,
    bounds: Sequence[PlanBound],
    missed: Sequence[Goal],
    defaults: frozenset[str],
) -> dict[Goal, str]:
    """For goals that no case reaches, the text of a case at the bound's edge, where there is one.

    `defaults` are the keys that the defaults of the file have.
    """
    found: dict[Goal, str] = {}
    for bound in bounds:
        for goal in bound.goals(tested.plan):
            case = made_up(bound, BoundEffect(goal.which), tested) if goal in missed else None
            if case is not None:
                named = replace(case, defaults=defaults)
                found[goal] = plan_case_text(f"{goal.what} {goal.which}", named, tested)
    return found
