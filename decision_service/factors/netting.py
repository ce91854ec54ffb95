"""The part of refunds to an account that does not count."""

from __future__ import annotations

from decision_service.factors.pages import Page
from decision_service.factors.runs import TransactionRun
from decision_service.factors.stretches import first_of
from decision_service.factors.tally import FEES, REVERSED


def undue(page: Page, month: int, since: int | None = None) -> int:
    """What one account was given back in a month (Month.index) beyond what was taken from it.

    Credits of class REVERSAL count up to the FEEs and the REVERSAL debits of the same month and of
    the one before, so that money sent to oneself as a "refund" is no income. No month before
    `since` is looked at.
    """
    refunds = [run for bucket, run in page if bucket == REVERSED and run.sign == 1]
    given_back = sum([_total(run, month, month) for run in refunds])
    if not given_back:
        return 0
    first = month - 1 if since is None else max(month - 1, since)
    return max(given_back - _taken(page, first, month), 0)


def _taken(page: Page, first: int, last: int) -> int:
    """What fees and reversals took in some months, as a positive amount."""
    debits = [run for bucket, run in page if bucket == REVERSED and run.sign == -1]
    fees = [run for bucket, run in page if bucket == FEES]
    return max(-sum([_total(run, first, last) for run in (*debits, *fees)]), 0)


def _total(run: TransactionRun, first: int, last: int) -> int:
    """The signed sum of a run in some months."""
    return run.total(run.cut(first_of(first)), run.cut(first_of(last + 1)))
