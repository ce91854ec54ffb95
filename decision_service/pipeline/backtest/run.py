"""A whole backtest: divided, mapped, merged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.backtest.ports import KeyRange, OnProgress, Partitions

PARTITIONS = 64
"""Ranges of a run, whatever the number of workers: so many steps has its progress."""

_MICROSECOND = timedelta(microseconds=1)


def divided(first: datetime, last: datetime, parts: int = PARTITIONS) -> Sequence[KeyRange]:
    """Ranges of equal length that hold every instant from the first to the last, each once."""
    whole = (last - first) // _MICROSECOND + 1
    count = min(parts, whole)
    edges = [first + _MICROSECOND * (whole * number // count) for number in range(count + 1)]
    return [KeyRange(since, before) for since, before in pairwise(edges)]


def summed(
    ranges: Sequence[KeyRange], partitions: Partitions, on_progress: OnProgress
) -> ImpactSums:
    """The sums over all ranges; raises what a worker raises."""
    sums = ImpactSums()
    with closing(partitions.map_partitions(ranges)) as parts:
        for done, (_, part) in enumerate(parts, 1):
            sums.merge(msgspec.json.decode(part, type=ImpactSums))
            on_progress(done, len(ranges), sums.decisions)
    return sums
