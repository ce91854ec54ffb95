"""The transactions of a period by class, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import add

from decision_service.domain.needs import TransactionClass
from decision_service.domain.snapshot import Transaction
from decision_service.factors.evidence import Weight, top_weights

EARNED, FEES, REVERSED, WITHDRAWN, MAPPED, UNMAPPED, FOREIGN = range(7)
"""Where a transaction stands in a period's buckets; MAPPED is any other class."""

BUCKET_OF = {
    TransactionClass.EARNING: EARNED,
    TransactionClass.FEE: FEES,
    TransactionClass.REVERSAL: REVERSED,
    TransactionClass.WITHDRAWAL: WITHDRAWN,
    TransactionClass.TOP_UP: MAPPED,
    TransactionClass.LOAN: MAPPED,
    TransactionClass.OTHER: MAPPED,
}
UNMAPPED_LIMIT = 5
"""More than one part in five (20 %) of the amounts unmapped makes a window UNCLASSIFIED."""

OF_EARNINGS = (EARNED,)
OF_NET = (EARNED, FEES, REVERSED)
OF_ALL = tuple(range(FOREIGN))
"""Which buckets a figure is made of."""

Buckets = Sequence[list[Transaction]]
"""Transactions, one list for each bucket."""


def empty_buckets() -> Buckets:
    """A period in which nothing has been entered yet."""
    return [], [], [], [], [], [], []


class Tally:
    """The sums of a period in minor units of the ruleset's currency.

    `earned`, `fees`, `reversed` and `withdrawn` are signed sums; `turnover` and `unmapped` sums of
    absolute amounts; `largest` is the largest single earning, `foreign` says whether there is
    another currency, `counts` holds how many transactions each bucket has.
    """

    __slots__ = (
        "buckets",
        "counts",
        "earned",
        "fees",
        "foreign",
        "largest",
        "reversed",
        "sizes",
        "tops",
        "turnover",
        "unmapped",
        "withdrawn",
    )

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets
        amounts = [[record.amount for record in bucket] for bucket in buckets[:FOREIGN]]
        self.earned, self.fees, self.reversed, self.withdrawn = map(sum, amounts[:MAPPED])
        self.sizes = [list(map(abs, each)) for each in amounts]
        self.turnover, self.unmapped = sum(map(sum, self.sizes)), sum(self.sizes[UNMAPPED])
        self.largest = max(amounts[EARNED], default=0)
        self.foreign = bool(buckets[FOREIGN])
        self.counts = list(map(len, buckets))
        self.tops: dict[int, Sequence[Weight]] = {}

    @property
    def net(self) -> int:
        """What is left of the earnings: earned plus fees plus reversals, all signed."""
        return self.earned + self.fees + self.reversed

    @property
    def unclassified(self) -> bool:
        """Whether more than 20 % of the amounts have no class."""
        return unclassified(self.unmapped, self.turnover)

    def records(self, of: Iterable[int]) -> int:
        """How many transactions some buckets have."""
        return sum([self.counts[bucket] for bucket in of])

    def heaviest(self, of: Iterable[int]) -> list[Weight]:
        """The five records of the largest absolute amounts in each of some buckets."""
        return [weight for bucket in of for weight in self._top(bucket)]

    def _top(self, bucket: int) -> Sequence[Weight]:
        found = self.tops.get(bucket)
        if found is None:
            found = self.tops[bucket] = top_weights(self.buckets[bucket], self.sizes[bucket])
        return found

    def add(self, other: Tally) -> None:
        """Take in the sums of another period; its records stay where they are."""
        self.counts = list(map(add, self.counts, other.counts))
        self.earned += other.earned
        self.fees += other.fees
        self.reversed += other.reversed
        self.withdrawn += other.withdrawn
        self.turnover += other.turnover
        self.unmapped += other.unmapped
        self.foreign = self.foreign or other.foreign
        self.largest = max(self.largest, other.largest)


def unclassified(unmapped: int, turnover: int) -> bool:
    """Whether more than 20 % of the amounts in a window have no class."""
    return unmapped * UNMAPPED_LIMIT > turnover


def joined(several: Iterable[Buckets]) -> Buckets:
    """The transactions of several periods or accounts."""
    found = empty_buckets()
    for buckets in several:
        for bucket, more in zip(found, buckets, strict=True):
            bucket.extend(more)
    return found


def total(tallies: Iterable[Tally]) -> Tally:
    """The sums of several periods."""
    found = Tally(empty_buckets())
    for tally in tallies:
        found.add(tally)
    return found
