"""What an account keeps of a month: its earnings, less fees, with a cap on money given back."""

from __future__ import annotations

from collections.abc import Iterable

from decision_service.factors.pages import Page
from decision_service.factors.runs import Run
from decision_service.factors.stretches import first_of
from decision_service.factors.tally import FEES, OF_NET, REVERSED


def month_net(page: Page, month: int, since: int | None = None) -> int:
    """One account's earnings of a month (Month.index) after fees and reversals.

    Credits of class REVERSAL count up to the FEEs and the REVERSAL debits of the same month and of
    the one before, so that money sent to oneself as a "refund" is no income. No month before
    `since` is looked at.
    """
    total = sum([_total(run, month, month) for bucket, run in page if bucket in OF_NET])
    given_back = sum([_total(run, month, month) for run in _credits(page)])
    if not given_back:
        return total
    first = month - 1 if since is None else max(month - 1, since)
    return total - max(given_back - _taken(page, first, month), 0)


def _taken(page: Page, first: int, last: int) -> int:
    """What fees and reversals took in some months, as a positive amount."""
    debits = [run for bucket, run in page if bucket == REVERSED and run.sign == -1]
    fees = [run for bucket, run in page if bucket == FEES]
    return max(-sum([_total(run, first, last) for run in (*debits, *fees)]), 0)


def _credits(page: Page) -> Iterable[Run]:
    return [run for bucket, run in page if bucket == REVERSED and run.sign == 1]


def _total(run: Run, first: int, last: int) -> int:
    """The signed sum of a run in some months."""
    return run.total(run.cut(first_of(first)), run.cut(first_of(last + 1)))
