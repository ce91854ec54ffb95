"""A decision in progress, and the adapters that deciding needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from decision_service.domain.decision import Assignment
from decision_service.domain.errors import RequestIdReused
from decision_service.domain.verdict import Verdict
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.history.ports import NOTHING_FOUND, Past
from decision_service.pipeline.history.read import ReadHistory
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
from decision_service.tracing import NO_SPAN, NO_TRACER, Attributes, Span, Tracer

FLOOR = 0.300
"""With less than this left a decision is not begun."""

OnRecorded = Callable[[StoredEntry, str, Verdict], None]
"""Called with each newly recorded decision, its arm and its verdict; not with a repeated answer."""


class Deps(msgspec.Struct, frozen=True):
    """The adapters that deciding needs."""

    source: SnapshotSource
    log: DecisionLog
    arms: ArmLog
    encoder: ReplyEncoder
    clock: Clock
    new_id: NewId
    leases: Leases
    history: ReadHistory
    warm: SnapshotCache | None = None
    tracer: Tracer = NO_TRACER


class CallContext(msgspec.Struct, frozen=True):
    """The caller, and the deadline (Clock.monotonic) of the answer."""

    caller: str
    deadline: float


class DecisionRun(msgspec.Struct):
    """A decision in progress; `until` is the deadline of its most patient caller.

    The `lease` is taken before the first vendor call, and never where no data is read. `span` is
    that of the whole run. `past` was looked up with the request: it serves once, where neither the
    vendor nor other decisions on the user were waited for.
    """

    application: Application
    content: bytes
    call: CallContext
    until: float
    past: Mapping[bytes, Past] = NOTHING_FOUND
    lease: Lease | None = None
    span: Span = NO_SPAN

    @property
    def key(self) -> tuple[str, str]:
        """Caller and request id; at most one run of a key is in progress."""
        return self.call.caller, self.application.request_id


def span_attributes(stored: StoredEntry, assignment: Assignment) -> Attributes:
    """What a run's span says of its recorded decision; nothing of the person."""
    said = {
        "decision.id": stored.decision_id,
        "decision.product": stored.product,
        "decision.outcome": stored.outcome.value,
    }
    if assignment.arm is None or assignment.version is None:
        return said
    return said | {"decision.version": assignment.version, "decision.arm": assignment.arm.value}


def reused() -> RequestIdReused:
    """The error that reveals nothing of the first request."""
    return RequestIdReused(
        "this request_id was already used for a request with other content: use a new one"
    )
