"""The part of refunds to an account that no fee explains: a fee is given back once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from decision_service.factors.context import FactorContext
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.ledger import ledger
from decision_service.factors.pages import Page
from decision_service.factors.tally import FEES, REVERSED

Unexplained = Mapping[date, int]
"""What was given back on a day beyond what may be, of the days on which it was more."""


def unexplained(context: FactorContext, source: str) -> Unexplained:
    """An account's refunds that nothing explains, from the first day that stands in as income."""
    since = stand_in_from(context.as_of.date)
    return context.once(
        ("unexplained", source), lambda c: beyond_taken(ledger(c).pages.get(source, ()), since)
    )


def beyond_taken(page: Page, since: date) -> Unexplained:
    """Refunds beyond what was taken.

    In order of time credits of class REVERSAL count up to the FEEs and the REVERSAL debits from
    `since` to their day that no earlier credit has used, so that money sent to oneself as a
    "refund" is no income.
    """
    refunds = [run for bucket, run in page if bucket == REVERSED and run.sign == 1]
    days = sorted({day for run in refunds for day in run.dates if day >= since})
    taken = [run for bucket, run in page if bucket in (FEES, REVERSED) and run.sign == -1]
    places = [run.cut(since) for run in taken]
    found: dict[date, int] = {}
    left = 0
    for day in days:
        after = day + timedelta(days=1)
        ends = [run.cut(after) for run in taken]
        sums = [run.total(*span) for run, *span in zip(taken, places, ends, strict=True)]
        places, left = ends, left - sum(sums)
        back = sum([run.total(run.cut(day), run.cut(after)) for run in refunds])
        if back > left:
            found[day] = back - left
        left = max(left - back, 0)
    return found


def within_days(found: Unexplained, begins: date, before: date) -> int:
    """The sum of the days from one on and before another."""
    return sum(amount for day, amount in found.items() if begins <= day < before)
