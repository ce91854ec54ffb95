"""One scheme: its payments by month, and the windows in which they are counted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence

import msgspec

from decision_service.factors.figures import longest_run
from decision_service.factors.series import MonthSpan

Amounts = Mapping[int, int]
"""Minor units by month (Month.index)."""


class Scheme(msgspec.Struct, frozen=True):
    """One scheme's payments; `paid` are its months with one, in order.

    `lag` is the last month whose posting lag has passed, `settled` the last one that is posted or
    past its lag; `first` is its first month with a record; `accounts` told of them.
    """

    provider: str
    amounts: Amounts
    paid: Sequence[int]
    first: int
    lag: int
    settled: int
    live: bool
    accounts: Collection[str]

    def most_paid(self, months: int) -> int:
        """The most paid months in a window that ends from the lag month to the settled one."""
        return max(self._paid(end, months) for end in range(self.lag, self.settled + 1))

    def _paid(self, end: int, months: int) -> int:
        return bisect_right(self.paid, end) - bisect_left(self.paid, end - months + 1)

    def ends(self, months: int) -> MonthSpan:
        """The last months up to the settled one."""
        return self.settled - months + 1, self.settled

    def windows(self, months: int) -> MonthSpan:
        """The months of the windows that end from the lag month to the settled one."""
        return self.lag - months + 1, self.settled

    def since_last(self) -> int:
        """Months from the last paid month to the settled one; there must be a paid month."""
        return self.settled - self.paid[-1]

    def longest_gap(self, months: int, observed_from: int) -> int:
        """The longest run of unpaid observed months among the last ones."""
        first = max(self.settled - months + 1, observed_from)
        return longest_run([not paid for paid in self._runs(first)])

    def longest_streak(self) -> int:
        """The longest run of paid months."""
        return longest_run(self._runs(self.first))

    def _runs(self, first: int) -> Sequence[bool]:
        """Of each month from one on whether it was paid."""
        held = frozenset(self.paid)
        return [month in held for month in range(first, self.settled + 1)]
