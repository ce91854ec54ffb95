"""Dated parameters without a value on some dates."""

from __future__ import annotations

from decision_service.ruleset.draft import Draft


def check_params(draft: Draft) -> None:
    """R431 for a parameter that begins later than another one."""
    firsts = {name: param.steps[0].start for name, param in draft.params.items()}
    dates = [first for first in firsts.values() if first is not None]
    if not dates:
        return
    for name, first in firsts.items():
        if first is not None and first > min(dates):
            message = f"`params.{name}` has no value before {first}"
            hint = f"other parameters begin on {min(dates)}: give it a value from then on"
            draft.report.error("R431", draft.places[f"params.{name}"], message, hint)
