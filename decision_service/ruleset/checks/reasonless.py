"""Outcomes against an applicant that nobody could explain."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.draft import Draft


def check_reasonless(draft: Draft) -> None:
    """R403 for a DECLINE or REFER without a reason."""
    for part in draft.parts():
        for each in part.part.conclusive():
            if each.outcome is not Outcome.APPROVE and not each.has_reason:
                message = f"{each.what} concludes {each.outcome} without a reason"
                hint = "add `reason:` with a code from `reasons:`"
                draft.report.error("R403", each.place, message, hint)
