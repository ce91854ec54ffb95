"""Sums and quantiles of amounts, in memory that does not grow with their number."""

from __future__ import annotations

import msgspec

_STEPS = 64
"""Buckets between a power of two and the next: at most 1.6 % wide."""


class Amounts(msgspec.Struct):
    """Amounts in minor units, at least 0: how many, their sum, and how many in each bucket."""

    count: int = 0
    total: int = 0
    buckets: dict[int, int] = {}

    def add(self, amount: int) -> None:
        """Count one amount."""
        self.count += 1
        self.total += amount
        bucket = _bucket(amount)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    @property
    def average(self) -> int | None:
        """The mean, rounded down; None without amounts."""
        return self.total // self.count if self.count else None

    def quantile(self, percent: int) -> int | None:
        """The least amount of the bucket of the quantile, 1 to 99; None without amounts."""
        rank, seen = -(-self.count * percent // 100), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return _least(bucket)
        return None


def _bucket(amount: int) -> int:
    """Amounts below 64 have a bucket each, larger ones share their seven leading bits."""
    shift = max(amount.bit_length() - 7, 0)
    return shift * _STEPS + (amount >> shift)


def _least(bucket: int) -> int:
    """The least amount of a bucket."""
    if bucket < 2 * _STEPS:
        return bucket
    shift = bucket // _STEPS - 1
    return (bucket - shift * _STEPS) << shift
