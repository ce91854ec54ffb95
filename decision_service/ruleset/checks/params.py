"""Dated parameters without a value on some dates."""

from __future__ import annotations

from datetime import date

from decision_service.ruleset.reading.draft import RulesetDraft


def check_params(draft: RulesetDraft) -> None:
    """R431 for a parameter that begins later than another one, or later than today."""
    firsts = {
        (name, each.label or ("default" if param.by else "")): each.steps[0].start
        for name, param in draft.params.items()
        for each in param.series
    }
    begun = min((first for first in firsts.values() if first is not None), default=None)
    today = _today(draft)
    for (name, label), first in firsts.items():
        if first is None or begun is None:
            continue
        if first > begun:
            hint = f"other parameters begin on {begun}: give it a value from then on"
            _report(name, label, first, hint, draft)
        elif today is not None and first > today:
            hint = f"today is {today}: give it a value from then on"
            _report(name, label, first, hint, draft)


def _today(draft: RulesetDraft) -> date | None:
    if draft.now is None or draft.zone is None:
        return None
    return draft.now.astimezone(draft.zone).date()


def _report(name: str, label: str, first: date, hint: str, draft: RulesetDraft) -> None:
    what = f"`params.{name}`{f' of {label}' if label else ''}"
    message = f"{what} has no value before {first}"
    draft.report.error("R431", draft.places[f"params.{name}"], message, hint)
