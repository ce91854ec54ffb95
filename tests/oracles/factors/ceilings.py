"""The most that a scheme tells of a month's income, by law."""

from __future__ import annotations

from fnmatch import fnmatchcase

from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant


def ceiling_of(who: Applicant, provider_id: str, month: int) -> int | None:
    """The most that a scheme tells of a month's income, in minor units."""
    fitting = [
        one
        for one in who.policy.ceilings
        if fnmatchcase(provider_id, one.provider)
        and one.currency == who.policy.currency
        and one.since <= Month(month).first_day
    ]
    return max(fitting, key=lambda one: one.since).amount if fitting else None


def clipped(who: Applicant, provider_id: str, month: int, amount: int) -> int:
    """An estimate, or the scheme's ceiling where it is above that."""
    ceiling = ceiling_of(who, provider_id, month)
    return amount if ceiling is None else min(amount, ceiling)
