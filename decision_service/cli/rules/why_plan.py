"""`rules test --why NAME` of a plan's case: what it gives, what each bound does, the decision."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.tree import Tree

from decision_service.pipeline.trial.plan_cases.case_text import given_parts, written
from decision_service.pipeline.trial.plan_cases.expectation import settled_parts
from decision_service.pipeline.trial.plan_cases.run import PlanCaseResult
from decision_service.pipeline.trial.plan_tests import PlanResults


def plan_case_tree(plan: PlanResults, result: PlanCaseResult) -> Tree:
    """What a case gives, then every bound with what it does, then what is decided."""
    currency = plan.tested.currency
    tree = Tree(escape(plan.name), guide_style="dim")
    for key, value in given_parts(result.case, currency).items():
        tree.add(escape(f"{key}: {written(value)}"))
    for bound in plan.bounds:
        effect = bound.effect(plan.tested.plan, result.case, currency)
        tree.add(escape(f"{bound.at} {bound.scalar.text} → {effect}"))
    tree.add(escape(f"settled: {written(settled_parts(result.settled, currency))}"))
    return tree


def plan_case_dict(plan: PlanResults, result: PlanCaseResult) -> dict[str, Any]:
    """The same for programs."""
    currency = plan.tested.currency
    bounds = [
        {
            "at": bound.at,
            "value": bound.scalar.text,
            "line": bound.scalar.place.line,
            "effect": bound.effect(plan.tested.plan, result.case, currency),
        }
        for bound in plan.bounds
    ]
    return {
        "plan": plan.product,
        "given": _plain(given_parts(result.case, currency)),
        "bounds": bounds,
        "settled": _plain(settled_parts(result.settled, currency)),
    }


def _plain(value: Any) -> Any:
    """Amounts as text, so that no digit is lost."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value if isinstance(value, bool | int | tuple) else written(value)
