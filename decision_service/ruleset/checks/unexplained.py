"""Missing data looked past without `because`, and adverse outcomes without a reason."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.constructs.rules.read import RulesPart
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


def check_reason_factors(draft: RulesetDraft) -> None:
    """R211 for a `reason_factor` that is a parameter: it tells nothing of the applicant."""
    for part in draft.parts():
        for rule in part.part.rules if isinstance(part.part, RulesPart) else ():
            if rule.reason_factor.startswith("params."):
                message = (
                    f"the `reason_factor` of {rule.what} is `{rule.reason_factor}`, which is the "
                    "same for everybody"
                )
                hint = "name what is compared with it"
                draft.report.error("R211", rule.place, message, hint)
