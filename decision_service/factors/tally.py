"""The transactions of a day or a longer period by class, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain

from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.factors.evidence import Weight, top_weights

EARNED, FEES, REVERSED, WITHDRAWN, MAPPED, UNMAPPED, FOREIGN = range(7)
"""Where a transaction stands in a day's buckets; MAPPED is any other class."""

BUCKET_OF = {
    TransactionClass.EARNING: EARNED,
    TransactionClass.FEE: FEES,
    TransactionClass.REVERSAL: REVERSED,
    TransactionClass.WITHDRAWAL: WITHDRAWN,
    TransactionClass.TOP_UP: MAPPED,
    TransactionClass.LOAN: MAPPED,
    TransactionClass.OTHER: MAPPED,
    None: UNMAPPED,
}
UNMAPPED_LIMIT = 5
"""More than one part in five (20 %) of the amounts unmapped makes a window UNCLASSIFIED."""

Buckets = Sequence[list[Transaction]]
"""A day's transactions, one list for each bucket."""


def empty_buckets() -> Buckets:
    """A day on which nothing has been entered yet."""
    return [], [], [], [], [], [], []


class Tally:
    """The sums of some days in minor units of the ruleset's currency.

    `earned`, `fees`, `reversed` and `withdrawn` are signed sums; `turnover` and `unmapped` sums of
    absolute amounts; `largest` is the largest single earning, `foreign` says whether there is
    another currency; `active` counts the days with an earning, the last of which is `last_active`;
    `first` and `last` are the dates of the records.
    """

    __slots__ = (
        "active",
        "buckets",
        "earned",
        "fees",
        "first",
        "foreign",
        "largest",
        "last",
        "last_active",
        "records",
        "reversed",
        "sizes",
        "turnover",
        "unmapped",
        "withdrawn",
    )

    def __init__(self, days: Sequence[tuple[date, Buckets]]) -> None:
        self.buckets = _joined([buckets for _, buckets in days])
        amounts = [[record.amount for record in bucket] for bucket in self.buckets[:FOREIGN]]
        self.earned, self.fees, self.reversed, self.withdrawn = map(sum, amounts[:MAPPED])
        self.sizes = [list(map(abs, each)) for each in amounts]
        self.turnover, self.unmapped = sum(map(sum, self.sizes)), sum(self.sizes[UNMAPPED])
        self.largest = max(amounts[EARNED], default=0)
        self.foreign = bool(self.buckets[FOREIGN])
        self.records = sum(map(len, self.buckets))
        active = [day for day, buckets in days if buckets[EARNED]]
        self.active, self.last_active = len(active), active[-1] if active else None
        self.first = days[0][0] if days else None
        self.last = days[-1][0] if days else None

    @property
    def net(self) -> int:
        """What is left of the earnings: earned plus fees plus reversals, all signed."""
        return self.earned + self.fees + self.reversed

    @property
    def unclassified(self) -> bool:
        """Whether more than 20 % of the amounts have no class."""
        return unclassified(self.unmapped, self.turnover)

    def heaviest(self, *, earnings_only: bool = False) -> Sequence[Weight]:
        """The records of the largest absolute amounts in the ruleset's currency."""
        chosen = FEES if earnings_only else FOREIGN
        records = list(chain.from_iterable(self.buckets[:chosen]))
        return top_weights(records, list(chain.from_iterable(self.sizes[:chosen])))

    def add(self, later: Tally) -> None:
        """Take in the sums of later days; their records stay where they are."""
        self.first = self.first or later.first
        self.last = later.last or self.last
        self.active += later.active
        self.last_active = later.last_active or self.last_active
        self.records += later.records
        self.earned += later.earned
        self.fees += later.fees
        self.reversed += later.reversed
        self.withdrawn += later.withdrawn
        self.turnover += later.turnover
        self.unmapped += later.unmapped
        self.foreign = self.foreign or later.foreign
        self.largest = max(self.largest, later.largest)


def _joined(days: Sequence[Buckets]) -> Buckets:
    if not days:
        return empty_buckets()
    return [list(chain.from_iterable(lists)) for lists in zip(*days, strict=True)]


def unclassified(unmapped: int, turnover: int) -> bool:
    """Whether more than 20 % of the amounts in a window have no class."""
    return unmapped * UNMAPPED_LIMIT > turnover


def total(tallies: Iterable[Tally]) -> Tally:
    """The sums of several periods, earlier ones first."""
    found = Tally(())
    for tally in tallies:
        found.add(tally)
    return found
