"""The machine's clocks and new ids: the only module of the service that reads either."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from ulid import PureRandomPolicy, ULIDGenerator
from uuid_utils import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Ids:
    """New ids, each with random bits of its own: a clock that goes back repeats none."""

    def __init__(self) -> None:
        self._ulids = ULIDGenerator(policy=PureRandomPolicy())

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID: the instant's milliseconds since 1970, then 80 random bits."""
        return f"dec_{self._ulids.generate((created - _EPOCH) // _MILLISECOND)}"

    def request_id(self) -> str:
        """A UUID of version 7: this millisecond, then a counter and random bits.

        Ids in the order of time lie side by side in the store's index, where random ones each touch
        a page of their own. Those of one process ascend.
        """
        return str(uuid7())
