"""Who moves a factor: the applicant by what the applicant does, the calendar, or nobody.

A factor that is moved by the applicant goes the way that is better. What can be moved only by
tricks (shares of sources, matches of names, links to other lenders) is moved by nobody.
"""

from __future__ import annotations

import re
from decimal import Decimal

from decision_service.domain.factor import Action, Better, Mover, ValueType

_APPLICANT = (
    r"accounts\.(connected_count|providers_count|error_count|disconnected_count)",
    r"accounts\.(newest|oldest)_sync_age_days",
    r"history\.(exposure|exposure_instalments|overdue_loans)",
    r"income\.(conservative|calendar_average|average|median|min|max|sum)_\w+",
    r"income\.(latest_month|latest_payroll_month|latest_share|current_amount)",
    r"liabilities\.(overdue|outstanding)_\w+",
    r"liabilities\.(matured_unpaid_total|monthly_amortization)",
    r"liabilities\.ongoing_amortization_\w+",
    r"transactions\.(earnings|net|active_days|count)_\d+[md]",
    r"transactions\.days_since_last",
)
_WAITING = (
    r"accounts\.oldest_connection_days",
    r"contributions\.months_\w+",
    r"employment\.\w+_tenure_months",
    r"employment\.months_since_last_end",
    r"history\.(applications|declines)_\d+d",
    r"history\.(days_since_last_decline|last_decline_date|today)",
    r"identity\.age_\w+",
    r"income\.(months_\d+m|months_total|months_since_\w+)",
    r"income\.(backed_months_12m|gap_months_\d+m|longest_gap_\d+m)",
)
_STEPS = {ValueType.INTEGER: Decimal(1), ValueType.NUMBER: Decimal("0.05")}
_BY_NOBODY = Action()


def action_of(name: str, type_: ValueType, better: Better) -> Action:
    """Who moves a factor, and its step: one, 0.05, or for money a tenth of its value (None)."""
    if _any(_WAITING, name):
        return Action(Mover.WAITING, Decimal(1))
    if better is not Better.NONE and _any(_APPLICANT, name):
        return Action(Mover.APPLICANT, _STEPS.get(type_))
    return _BY_NOBODY


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)
