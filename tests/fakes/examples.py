"""How many examples a property is tried on."""

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


def examples(many: int) -> int:
    """A quarter of so many, at least 20; all of them where EXAMPLES=all.

    CI draws the same examples every time, so that more of them find nothing new there.
    """
    return many if ALL else min(many, max(_FEWEST, many // _SHARE))


def some(every: Iterable[T], step: int) -> Sequence[T]:
    """One of so many, evenly; all of them where EXAMPLES=all."""
    return list(islice(every, 0, None, 1 if ALL else step))
