"""Approval is never a default: something has to approve."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.draft import Draft


def check_approval(draft: Draft) -> None:
    """R406 where no rule, band or row concludes APPROVE."""
    outcomes = {each.outcome for part in draft.parts() for each in part.part.conclusive()}
    if Outcome.APPROVE in outcomes or not draft.stages:
        return
    message = "no rule, band or row approves, so that every application is referred or declined"
    hint = "approval is never a default: add a rule with `then: APPROVE`"
    draft.report.error("R406", draft.root.node.key_place("stages"), message, hint)
