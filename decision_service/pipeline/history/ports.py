"""Past decisions as the store keeps them for history, and the port that reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.pipeline.ports import StoredEntry

MOST_PAST = 1000
"""How many decisions are read under one key, newest first."""


class ReportedLoans(msgspec.Struct, frozen=True, array_like=True):
    """The newest reports of a decision's loans together; amounts in minor units.

    `outstanding` and `due` (each month) are those of the `open` ones alone. `drawn` is what was
    paid out, None where the reports leave nothing of the offer: a part was not taken up, or a
    closed loan names no amount.
    """

    outstanding: int
    due: int
    open: int
    overdue: int
    repaid: int
    drawn: int | None = None


class PastDecision(msgspec.Struct, frozen=True):
    """A decision with what it may come to be owed; `loans` is None where none was reported.

    `approved` and `instalment` are minor units of `currency`, None where there is no such amount.
    `reviewed` is when a person decided it, and the result is then that of the person. One that was
    `replaced` was decided again: its loans count, and nothing else of it.
    """

    decision_id: str
    user_id: str
    caller: str
    customer_ref: str
    product: str
    outcome: Outcome
    created: datetime
    currency: str
    approved: int | None
    instalment: int | None
    expires: datetime | None
    loans: ReportedLoans | None = None
    reviewed: datetime | None = None
    replaced: bool = False


class Past(msgspec.Struct, frozen=True):
    """The decisions under one key, and the number of the last of them; 0 where there is none."""

    last: int = 0
    decisions: tuple[PastDecision, ...] = ()

    @property
    def cut(self) -> bool:
        """Whether there may be older decisions that were not read."""
        return len(self.decisions) >= MOST_PAST


NOTHING_PAST = Past()
NOTHING_FOUND: Mapping[bytes, Past] = MappingProxyType({})
"""No key was looked up yet."""


class LookedUp(msgspec.Struct, frozen=True):
    """The decision of a request, if there is one, and the past under each key asked for."""

    entry: StoredEntry | None
    past: Mapping[bytes, Past]


class HistoryLog(Protocol):
    """Reads decisions by request and by key; raises StoreUnavailable."""

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        """The decision of this caller's request, and in the same visit the past under keys."""

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """The newest decisions under each key; NOTHING_PAST where there is none."""
