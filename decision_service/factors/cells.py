"""Transactions as the ledger keeps them: in cells that no window cuts apart, each added up once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from decision_service.domain.snapshot import Transaction
from decision_service.factors.evidence import MOST_SHOWN, Weight, top_weights
from decision_service.factors.tally import EARNED, FOREIGN, UNMAPPED, Tally, total

Buckets = tuple[list[Transaction], ...]
"""Transactions, one list for each bucket."""


class Cell:
    """One source's transactions of some days of one month, with the distinct dates they have."""

    __slots__ = ("_amounts", "_tally", "_tops", "buckets", "dates")

    def __init__(self) -> None:
        self.buckets: Buckets = ([], [], [], [], [], [], [])
        self.dates: list[date] = []
        self._amounts: Sequence[Sequence[int]] = ()
        self._tally: Tally | None = None
        self._tops: dict[int, Sequence[Weight]] = {}

    @property
    def tally(self) -> Tally:
        """The cell's sums."""
        if self._tally is None:
            self._tally = self._added_up()
        return self._tally

    def top(self, bucket: int) -> Sequence[Weight]:
        """The five records of the largest absolute amounts in a bucket, once it is added up."""
        found = self._tops.get(bucket)
        if found is None:
            found = top_weights(self.buckets[bucket], self._amounts[bucket])
            self._tops[bucket] = found
        return found

    def set_foreign_apart(self, currency: str) -> None:
        """Move what is in another currency to a bucket of its own, before anything is added up."""
        for bucket in self.buckets[:FOREIGN]:
            self.buckets[FOREIGN].extend(r for r in bucket if r.currency != currency)
            bucket[:] = [r for r in bucket if r.currency == currency]

    def _added_up(self) -> Tally:
        amounts = [[record.amount for record in bucket] for bucket in self.buckets[:FOREIGN]]
        self._amounts = amounts
        turnovers = [sum(map(abs, each)) for each in amounts]
        return Tally(
            counts=[len(bucket) for bucket in self.buckets],
            sums=[sum(each) for each in amounts],
            turnover=sum(turnovers),
            unmapped=turnovers[UNMAPPED],
            largest=max(amounts[EARNED], default=0),
        )


class Stretch:
    """Some cells together: a month of one account, or a window over all of them."""

    __slots__ = ("_cells", "_tops", "tally")

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = cells
        self._tops: dict[int, Sequence[Weight]] = {}
        self.tally = total([cell.tally for cell in cells])

    def heaviest(self, of: Iterable[int]) -> Sequence[Weight]:
        """The five records of the largest absolute amounts in some buckets together."""
        return _five([self._top(bucket) for bucket in of])

    def dates(self) -> list[date]:
        """The dates that have a transaction, each once for each account."""
        return [day for cell in self._cells for day in cell.dates]

    def earning_days(self) -> set[date]:
        """The dates that have an earning."""
        return {record.date for cell in self._cells for record in cell.buckets[EARNED]}

    def _top(self, bucket: int) -> Sequence[Weight]:
        found = self._tops.get(bucket)
        if found is None:
            held = [cell for cell in self._cells if cell.buckets[bucket]]
            found = self._tops[bucket] = _five([cell.top(bucket) for cell in held])
        return found


def _five(tops: Sequence[Sequence[Weight]]) -> Sequence[Weight]:
    if len(tops) == 1:
        return tops[0]
    return sorted([weight for top in tops for weight in top])[:MOST_SHOWN]
