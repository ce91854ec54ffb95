"""The sums of a period's transactions by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from decision_service.domain.needs import TransactionClass

EARNED, FEES, REVERSED, WITHDRAWN, REPAID, MAPPED, UNMAPPED, FOREIGN = range(8)
"""Where a transaction stands in a source's buckets; REPAID are debits of class LOAN, MAPPED is any
other class."""

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


class Tally(msgspec.Struct, frozen=True, gc=False):
    """Sums in minor units of the ruleset's currency.

    `counts` holds how many transactions each bucket has, `sums` the signed sum of each bucket but
    FOREIGN; `turnover` and `unmapped` are sums of absolute amounts.
    """

    counts: Sequence[int]
    sums: Sequence[int]
    turnover: int
    unmapped: int

    @property
    def foreign(self) -> bool:
        """Whether there is a transaction in another currency."""
        return self.counts[FOREIGN] > 0

    @property
    def net(self) -> int:
        """Earnings after fees and reversals, whatever was given back."""
        return sum([self.sums[bucket] for bucket in OF_NET])

    @property
    def unclassified(self) -> bool:
        """Whether more than 20 % of the amounts have no class."""
        return unclassified(self.unmapped, self.turnover)

    def records(self, of: Iterable[int]) -> int:
        """How many transactions some buckets have."""
        return sum([self.counts[bucket] for bucket in of])


def unclassified(unmapped: int, turnover: int) -> bool:
    """Whether more than 20 % of the amounts in a window have no class."""
    return unmapped * UNMAPPED_LIMIT > turnover
