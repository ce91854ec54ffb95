"""A decision in progress, and what deciding needs of the world."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from decision_service.domain.errors import RequestIdReused
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.ports import (
    Clock,
    DecisionLog,
    Lease,
    Leases,
    NewId,
    ReplyEncoder,
    SnapshotSource,
    StoredEntry,
)
from decision_service.pipeline.rollout_ports import ArmLog
from decision_service.pipeline.snapshots.cache import SnapshotCache

FLOOR = 0.300
"""With less than this left a decision is not begun."""

OnRecorded = Callable[[StoredEntry, str], None]
"""Hears of each decision when it is recorded, with its arm; not of one that is told again."""


class Deps(msgspec.Struct, frozen=True):
    """What deciding needs of the world."""

    source: SnapshotSource
    log: DecisionLog
    arms: ArmLog
    encoder: ReplyEncoder
    clock: Clock
    new_id: NewId
    leases: Leases
    warm: SnapshotCache | None = None


class CallContext(msgspec.Struct, frozen=True):
    """Who asks, and until when (Clock.monotonic) an answer is of use."""

    caller: str
    deadline: float


class DecisionRun(msgspec.Struct):
    """A decision in progress; `until` is the deadline of its most patient caller.

    The `lease` is had before the vendor is asked, and never where nothing is gathered.
    """

    application: Application
    content: bytes
    call: CallContext
    until: float
    lease: Lease | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Of runs with one key only one is in progress."""
        return self.call.caller, self.application.request_id


def reused() -> RequestIdReused:
    """The error that reveals nothing of the first request."""
    return RequestIdReused(
        "this request_id was already used for a request with other content: use a new one"
    )
