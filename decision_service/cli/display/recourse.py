"""What would have to be different, as a branch of a decision's tree."""

from __future__ import annotations

from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.display.text import money_text, value_text

_NOTHING = "nothing of what is looked at changes the decision"


def add_recourse(tree: Tree, decision: pb.Decision) -> None:
    """Add the answer with its changes, where there is one."""
    if not decision.HasField("recourse"):
        return
    recourse = decision.recourse
    branch = tree.add(f"recourse · {escape(recourse_text(recourse))}")
    for change in recourse.changes:
        branch.add(escape(change_text(change)))


def recourse_text(recourse: pb.Recourse) -> str:
    """The answer in a line."""
    if recourse.kind == "NOTHING":
        return _NOTHING
    day = recourse.decide_again_on
    what = {"WAIT": f"decide again on {day}"}.get(recourse.kind, "the smallest change")
    words = [f"{what}, from {day} on" if recourse.changes and day else what]
    if recourse.HasField("approved_amount"):
        words.append(f"approves {money_text(recourse.approved_amount)}")
    words.append("may be told" if recourse.may_be_told else "not to be told to applicants")
    return " · ".join(words)


def change_text(change: pb.FactorChange) -> str:
    """`liabilities.overdue_total: ₱ 2,000.00 → ₱ 1,000.00 (5 steps)`."""
    told = "" if change.may_be_told else ", not to be told"
    steps = f"{change.steps} step{'' if change.steps == '1' else 's'}"
    values = f"{value_text(change.value)} → {value_text(change.needed)}"
    return f"{change.factor}: {values} ({steps}{told})"
