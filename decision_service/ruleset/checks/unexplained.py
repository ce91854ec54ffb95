"""Missing data looked past without `because`, and adverse outcomes without a reason."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.reading.draft import RulesetDraft


def check_because(draft: RulesetDraft) -> None:
    """R404 for SKIP, DECLINE on missing and generous fixed points without `because`."""
    for part in draft.parts():
        for place, message in part.part.unexcused():
            draft.report.error("R404", place, message, 'add `because: "…"`')


def check_reasonless(draft: RulesetDraft) -> None:
    """R403 for a DECLINE or REFER without a reason."""
    for part in draft.parts():
        for each in part.part.conclusive():
            if each.outcome is not Outcome.APPROVE and not each.has_reason:
                message = f"{each.what} concludes {each.outcome} without a reason"
                hint = "add `reason:` with a code from `reasons:`"
                draft.report.error("R403", each.place, message, hint)
