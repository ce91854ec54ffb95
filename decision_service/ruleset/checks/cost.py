"""The bound on what one evaluation can cost."""

from __future__ import annotations

from decision_service.language.expressions.tree import FunctionCall, Node, walk
from decision_service.ruleset.constructs.table.read import TablePart
from decision_service.ruleset.reading.draft import RulesetDraft

MOST_STEPS = 10_000
_CURVE = 20
_CURVES = ("annuity", "annuity_amount", "exp", "ln", "power")


def check_cost(draft: RulesetDraft) -> None:
    """R320 where all expressions together have more than 10,000 steps.

    Nothing loops, so the bound holds for every evaluation and none needs counting.
    """
    rows = [len(p.part.grid.rows) for p in draft.stages if isinstance(p.part, TablePart)]
    steps = sum(map(_steps, draft.trees())) + sum(rows)
    if steps > MOST_STEPS:
        message = f"the ruleset takes {steps:,} steps; {MOST_STEPS:,} are allowed"
        hint = "share expressions under `derived:`, or split the product"
        draft.report.error("R320", draft.root.node.place, message, hint)


def _steps(node: Node) -> int:
    """One for each part, more for the functions that take a power or a logarithm."""
    return sum(
        _CURVE if isinstance(part, FunctionCall) and part.function in _CURVES else 1
        for part in walk(node)
    )
