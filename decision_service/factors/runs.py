"""One source's transactions of one bucket and sign by date: sums and the heaviest of neighbours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from operator import attrgetter

from decision_service.domain.snapshot import Transaction
from decision_service.factors.evidence import Weight, top_weights

IndexRange = tuple[int, int]
"""Some neighbours in a run: from which index on, and before which one."""


class TransactionRun:
    """At least one transaction, in order of their dates; `sign` is that of all their amounts.

    It is None where they have several. What has been asked of a run is kept.
    """

    __slots__ = ("_amounts", "_cuts", "_records", "_sums", "_tops", "dates", "sign")

    def __init__(self, records: Sequence[Transaction]) -> None:
        self._records, self.dates = _by_date(records)
        self._amounts = [record.amount for record in self._records]
        self.sign = _sign(self._amounts)
        self._cuts: dict[date, int] = {}
        self._sums: dict[int, int] = {}
        self._tops: dict[IndexRange, Sequence[Weight]] = {}

    def cut(self, day: date) -> int:
        """How many are of earlier days."""
        found = self._cuts.get(day)
        if found is None:
            found = self._cuts[day] = bisect_left(self.dates, day)
        return found

    def total(self, first: int, end: int) -> int:
        """The signed sum of some neighbours; of several that have been added up, a difference."""
        sums = self._sums or {first: 0}
        if first in sums and end in sums:
            return sums[end] - sums[first]
        amount = sum(self._amounts[first:end])
        if first in sums:
            sums[end] = sums[first] + amount
            self._sums = sums
        return amount

    def top(self, first: int, end: int) -> Sequence[Weight]:
        """The five of some neighbours with the largest absolute amounts."""
        found = self._tops.get((first, end))
        if found is None:
            sizes = self.sizes(first, end)
            found = self._tops[first, end] = top_weights(self._records[first:end], sizes)
        return found

    def largest(self, first: int, end: int) -> int:
        """The largest amount of at least one of them, debits below credits."""
        return max(self._amounts[first:end])

    def sizes(self, first: int, end: int) -> Sequence[int]:
        """The absolute amounts of some neighbours."""
        amounts = self._amounts[first:end]
        return amounts if self.sign == 1 else list(map(abs, amounts))


class RunSlice:
    """Some neighbours in a run as a heap of evidence; `peak` is their largest absolute amount."""

    __slots__ = ("_end", "_first", "_run", "peak")

    def __init__(self, run: TransactionRun, first: int, end: int) -> None:
        self._run, self._first, self._end = run, first, end
        self.peak = max(run.sizes(first, end))

    def top(self) -> Sequence[Weight]:
        """The five heaviest of them."""
        return self._run.top(self._first, self._end)


def _sign(amounts: Sequence[int]) -> int | None:
    if amounts[0] > 0:
        return 1 if min(amounts) > 0 else None
    highest = max(amounts)
    return -1 if highest < 0 else 0 if highest == 0 == min(amounts) else None


def _by_date(records: Sequence[Transaction]) -> tuple[Sequence[Transaction], Sequence[date]]:
    """Oldest first; a list that came in order, or newest first, is not sorted again."""
    dates = [record.date for record in records]
    ordered = sorted(dates)
    if dates == ordered:
        return records, ordered
    if dates[::-1] == ordered:
        return records[::-1], ordered
    return sorted(records, key=attrgetter("date")), ordered
