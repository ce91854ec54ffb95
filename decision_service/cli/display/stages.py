"""Stages and rules as branches of a tree, for decisions of a server and for explained files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.tree import Tree

from decision_service.ruleset.program.part import APPLIES_WHEN

_TRUTHS = {"TRUE": "[bold]TRUE[/]", "FALSE": "false", "UNKNOWN": "UNKNOWN"}
_KINDS = {"KNOCKOUT": "knock-out"}
_WITHOUT_TRUTH = ("SCORECARD", "TABLE")
_OFFER = "offer"


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule, characteristic, row or offer line in words; `lines` stand below it.

    `truth` is TRUE, FALSE or UNKNOWN.
    """

    name: str
    truth: str
    effect: str = ""
    reason: str = ""
    lines: Sequence[str] = ()


def add_stage(tree: Tree, name: str, component: str, concluded: str, note: str = "") -> Tree:
    """A stage's branch: kind, conclusion and note."""
    kind = _KINDS.get(component, component.lower())
    label = f"{escape(name)} ({kind}) → {concluded or 'nothing'}"
    return tree.add(f"{label}  {escape(note)}" if note else label)


def add_rule(branch: Tree, stage: str, component: str, rule: RuleView) -> None:
    """A rule below its stage, with its truth where the component has true and false.

    The condition of a stage has a truth whatever the component.
    """
    words = [f"{escape(rule.name):<20}"]
    judged = component not in _WITHOUT_TRUTH and stage != _OFFER
    if judged or rule.name == APPLIES_WHEN:
        words.append(_TRUTHS.get(rule.truth, ""))
    if rule.effect:
        words.append(f"→ {escape(rule.effect)}  {rule.reason}".rstrip())
    node = branch.add(" ".join(words).rstrip())
    for line in rule.lines:
        node.add(escape(line))


def comparison_text(left: str, actual: str, operator: str, right: str, required: str) -> str:
    """A comparison with the values it saw: `income.months_24m = 3   < min_months (4)`."""
    if not right:  # a missing value lies in no bin
        return f"{left} = {actual}"
    seen = f"{left} = {actual}   {operator} {right}"
    return f"{seen} ({required})" if required and required != right else seen
