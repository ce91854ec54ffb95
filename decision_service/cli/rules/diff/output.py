"""Differences between versions or states of the rules, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from msgspec.structs import asdict

from decision_service.cli.display.output import console
from decision_service.cli.display.text import counted
from decision_service.cli.rules.diff.states import RulesDiff
from decision_service.language.changes import WrittenChange
from decision_service.ruleset.diff.versions import RulesetDiff
from decision_service.ruleset.program.model import CompiledRuleset


def print_states(pair: str, comparison: RulesDiff) -> None:
    """The differences of two states for people."""
    out = console()
    same = "" if comparison else ": no version, plan or list differs"
    out.print(f"{pair}{same}", markup=False, soft_wrap=True)
    for name in comparison.gone:
        out.print(f"{name} is gone", markup=False)
    for one, told in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        words = "is new" if told is None else _decides(told)
        out.print(f"{one.name}{against}: {words}", markup=False)
        print_changes(() if told is None else told.changes, "  ")
    for plan in comparison.plans:
        out.print(
            f"{plan.product} rollout plan: {counted(len(plan.changes), 'change')}", markup=False
        )
        print_changes(plan.changes, "  ", directed=True)
    for change in comparison.lists:
        out.print(f"{change.path} {change.words}", markup=False, soft_wrap=True)
    print_changes(comparison.guards, directed=True)


def _decides(comparison: RulesetDiff) -> str:
    return "decides alike" if comparison.alike else counted(len(comparison.changes), "change")


def states_dict(comparison: RulesDiff) -> dict[str, Any]:
    """The differences of two states for programs."""
    return {
        "gone": list(comparison.gone),
        "versions": [
            {
                "role": one.role,
                "before": one.before and ruleset_dict(one.before),
                "after": ruleset_dict(one.after),
                **({} if told is None else comparison_dict(told)),
            }
            for one, told in comparison.versions
        ],
        "plans": [
            {
                "product": plan.product,
                "before": plan.before or None,
                "after": plan.after or None,
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in comparison.plans
        ],
        "lists": [asdict(change) for change in comparison.lists],
        "guards": [asdict(change) for change in comparison.guards],
    }


def print_changes(
    changes: Iterable[WrittenChange], indent: str = "", *, directed: bool = False
) -> None:
    """The sentences below their groups, with the direction of each where it is asked for."""
    out = console()
    for group, found in groupby(changes, key=lambda change: change.group):
        out.print(f"{indent}{group}", style="bold", markup=False)
        for change in found:
            first = f"{change.direction}: " if directed else ""
            words = f"{indent}  {first}{change.subject} {change.words}"
            out.print(words, markup=False, soft_wrap=True)


def comparison_dict(comparison: RulesetDiff) -> dict[str, Any]:
    """The differences of two versions for programs."""
    return {
        "identical": comparison.identical,
        "alike": comparison.alike,
        "changes": [asdict(change) for change in comparison.changes],
    }


def ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    """A version for programs."""
    return {
        "ruleset": ruleset.ruleset,
        "version": ruleset.version,
        "digest": ruleset.digest,
    }
