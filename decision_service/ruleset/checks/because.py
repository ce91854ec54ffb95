"""Missing data that is looked past, or held against somebody, without a word why."""

from __future__ import annotations

from decision_service.ruleset.draft import Draft


def check_because(draft: Draft) -> None:
    """R404 for SKIP, DECLINE on missing and generous fixed points without `because`."""
    for part in draft.parts():
        for place, message in part.part.unexcused():
            draft.report.error("R404", place, message, 'add `because: "…"`')
