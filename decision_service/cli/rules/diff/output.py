"""Differences between versions or states of the rules, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from msgspec.structs import asdict

from decision_service.cli.display.text import counted
from decision_service.cli.rules.diff.states import RulesDiff
from decision_service.language.changes import Direction, WrittenChange
from decision_service.ruleset.diff.versions import RulesetDiff
from decision_service.ruleset.program.model import CompiledRuleset


def state_lines(comparison: RulesDiff) -> Iterator[str]:
    """The differences of two states for people, none where nothing differs."""
    for name in comparison.gone:
        yield f"{name} is gone"
    for one, told in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        words = "is new" if told is None else _decides(told)
        yield f"{one.name}{against}: {words}"
        yield from change_lines(() if told is None else told.changes, "  ")
    for plan in comparison.plans:
        yield f"{plan.product} rollout plan: {counted(len(plan.changes), 'change')}"
        yield from change_lines(plan.changes, "  ")
    for change in comparison.lists:
        yield f"{Direction.CHANGES}: {change.path} {change.words}"
    yield from change_lines(comparison.guards)


def _decides(comparison: RulesetDiff) -> str:
    return "decides alike" if comparison.alike else counted(len(comparison.changes), "change")


def states_dict(comparison: RulesDiff) -> dict[str, Any]:
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


def change_lines(changes: Iterable[WrittenChange], indent: str = "") -> Iterator[str]:
    """The sentences below their groups, each with its direction."""
    for group, found in groupby(changes, key=lambda change: change.group):
        yield f"{indent}{group}"
        for change in found:
            yield f"{indent}  {change.direction}: {change.subject} {change.words}"


def comparison_dict(comparison: RulesetDiff) -> dict[str, Any]:
    return {
        "identical": comparison.identical,
        "alike": comparison.alike,
        "changes": [asdict(change) for change in comparison.changes],
    }


def ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    return {
        "ruleset": ruleset.ruleset,
        "version": ruleset.version,
        "digest": ruleset.digest,
    }
