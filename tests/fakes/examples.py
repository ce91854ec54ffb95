"""Which examples a property or an oracle is tried on, and how many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
_SHARE = 4
_FEWEST = 20
ALL = os.environ.get("EXAMPLES") == "all"
"""Whether this run takes all of them."""


DAY = os.environ.get("SEED_OF_DAY", "")
"""The seed of `make day`; without one the examples are the same in every run."""

FIRST = int(DAY or 0)
"""The first number that made-up people, rules and broken files are drawn by."""


def examples(many: int) -> int:
    """A quarter of so many, at least 20; all of them where EXAMPLES=all.

    They are the same every time, so that more of them find nothing new; `make day` takes others.
    """
    return many if ALL else min(many, max(_FEWEST, many // _SHARE))


def some(every: Iterable[T], step: int) -> Sequence[T]:
    """One of so many, evenly; all of them where EXAMPLES=all."""
    return list(islice(every, 0, None, 1 if ALL else step))
