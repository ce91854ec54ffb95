"""Diagnostics, with lines, of changed plans that do not fit their running rollouts."""

from __future__ import annotations

from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.yaml import parser as yaml
from decision_service.pipeline.rollout.plan_migration import UnmigratedPlan
from decision_service.pipeline.rules.folder import RuleFolder, TextFile
from decision_service.rollout.reading.shares import place_of

_CODE = "P501"
_HINT = "bring back what the running rollout stands on, or move the rollout to 0 % first"


def plan_conflict_problems(folder: RuleFolder, unsettled: UnmigratedPlan) -> tuple[Diagnostic, ...]:
    """A diagnostic for each conflict, at the plan's key in question."""
    plans = {one.product: one.plan for one in folder.products if one.plan is not None}
    report = Report()
    for product, clashes in unsettled.clashes.items():
        for clash in clashes:
            place = _place(plans[product], clash.keys, report)
            report.error(_CODE, place, clash.message, _HINT)
    return tuple(found for found in report.diagnostics() if found.code == _CODE)


def _place(plan: TextFile, keys: tuple[str, ...], report: Report) -> Place:
    root = yaml.read(plan.path, plan.text, report)
    return Place(plan.path, 1, 1, 2) if root is None else place_of(root, *keys)
