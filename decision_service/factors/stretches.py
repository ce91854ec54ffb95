"""A period of one account's transactions or of several: sums, edges, the heaviest records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

from decision_service.domain.months import Month
from decision_service.factors.evidence import RecordGroup, Weight, five
from decision_service.factors.pages import Page
from decision_service.factors.runs import RunSlice, TransactionRun
from decision_service.factors.tally import EARNED, FOREIGN, UNMAPPED, Tally


@lru_cache(maxsize=1200)
def first_of(month: int) -> date:
    """The first day of a month (Month.index); asked for again with each applicant."""
    return Month(month).first_day


class Stretch:
    """The transactions of some pages from a day on and before another one."""

    __slots__ = ("_found", "_tops", "tally")

    def __init__(self, pages: Iterable[Page], begins: date, before: date) -> None:
        every = [(b, run, run.cut(begins), run.cut(before)) for page in pages for b, run in page]
        self._found = [(b, run, first, end) for b, run, first, end in every if first < end]
        self._tops: dict[int, Sequence[Weight]] = {}
        self.tally = _added_up(self._found)

    def edges(self) -> tuple[date, date] | None:
        """The first and the last date with a transaction."""
        if not self._found:
            return None
        firsts = [run.dates[first] for _, run, first, _ in self._found]
        return min(firsts), max([run.dates[end - 1] for _, run, _, end in self._found])

    def heaviest(self, of: Sequence[int]) -> Sequence[Weight]:
        """The five records of the largest absolute amounts in some buckets together."""
        if len(of) == 1:
            return self._top(of[0])
        return five([weight for bucket in of for weight in self._top(bucket)])

    def heaps(self, bucket: int) -> tuple[RecordGroup, ...]:
        """The records of a bucket, in which nobody has looked yet for the heaviest."""
        return tuple([RunSlice(run, first, end) for run, first, end in self._of(bucket)])

    def earning_days(self) -> set[date]:
        """The dates that have an earning."""
        return {day for run, first, end in self._of(EARNED) for day in run.dates[first:end]}

    def last_earning(self) -> date | None:
        """The latest date that has an earning."""
        return max([run.dates[end - 1] for run, _, end in self._of(EARNED)], default=None)

    def largest_earning(self) -> int:
        """The largest single earning; 0 without one."""
        return max([run.largest(first, end) for run, first, end in self._of(EARNED)], default=0)

    def _of(self, bucket: int) -> Sequence[tuple[TransactionRun, int, int]]:
        return [(run, first, end) for b, run, first, end in self._found if b == bucket]

    def _top(self, bucket: int) -> Sequence[Weight]:
        found = self._tops.get(bucket)
        if found is None:
            tops = [run.top(first, end) for run, first, end in self._of(bucket)]
            found = tops[0] if len(tops) == 1 else five([each for top in tops for each in top])
            self._tops[bucket] = found
        return found


def month_of_page(page: Page, month: int) -> Stretch:
    """One account's transactions of a month (Month.index)."""
    return Stretch((page,), first_of(month), first_of(month + 1))


def _added_up(found: Sequence[tuple[int, TransactionRun, int, int]]) -> Tally:
    counts, sums, turnovers = [0] * (FOREIGN + 1), [0] * FOREIGN, [0] * FOREIGN
    for bucket, run, first, end in found:
        counts[bucket] += end - first
        if bucket != FOREIGN:
            amount = run.total(first, end)
            sums[bucket] += amount
            turnovers[bucket] += abs(amount)
    return Tally(counts, sums, sum(turnovers), turnovers[UNMAPPED])
