"""Sums and quantiles of amounts, in memory that does not grow with their number."""

from __future__ import annotations

import msgspec

_STEPS = 64
"""Buckets between a power of two and the next: at most 1.6 % wide."""


class Amounts(msgspec.Struct):
    """Amounts in minor units, at least 0: how many and their sum, in all and in each bucket."""

    count: int = 0
    total: int = 0
    counts: dict[int, int] = {}
    totals: dict[int, int] = {}

    def add(self, amount: int, many: int = 1) -> None:
        """Count an amount that so many have."""
        bucket, total = _bucket(amount), amount * many
        self.count += many
        self.total += total
        self.counts[bucket] = self.counts.get(bucket, 0) + many
        self.totals[bucket] = self.totals.get(bucket, 0) + total

    @property
    def average(self) -> int | None:
        """The mean, rounded down; None without amounts."""
        return self.total // self.count if self.count else None

    def quantile(self, percent: int) -> int | None:
        """The mean of the bucket that a quantile, 1 to 99, lies in; None without amounts."""
        rank, seen = -(-self.count * percent // 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return self.totals[bucket] // self.counts[bucket]
        return None


def _bucket(amount: int) -> int:
    """Amounts below 64 have a bucket each, larger ones share their seven leading bits."""
    shift = max(amount.bit_length() - 7, 0)
    return shift * _STEPS + (amount >> shift)
