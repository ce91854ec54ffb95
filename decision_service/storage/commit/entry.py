"""A decision about to be committed, with its preconditions."""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from decision_service.pipeline.ports import (
    ArmDecision,
    DecisionEntry,
    HistoryEntry,
    StoredEntry,
    WarmMark,
)
from decision_service.reviewing.opening import OpenedReview
from decision_service.rollout.allowances import Allowances
from decision_service.storage.privacy.snapshots import PackedSnapshot
from decision_service.storage.queries.decisions import microseconds


class Preconditions(msgspec.Struct, frozen=True, array_like=True):
    """Conditions that must hold at the commit; None where one does not matter.

    `consent` is the user's count of withdrawals. `reading` is the snapshot that may serve and
    `fetched` when it was read. `part` is a snapshot that must be stored. `fence` is that of the
    lease that must be held.
    """

    user_id: str
    consent: int | None = None
    reading: str | None = None
    fetched: int | None = None
    part: str | None = None
    fence: str | None = None


class Commit(msgspec.Struct, frozen=True):
    """A decision, its preconditions, and what is written with it.

    `snapshot` is None where none has to be stored, `warm` where no mark is set.
    """

    entry: StoredEntry
    preconditions: Preconditions
    snapshot: PackedSnapshot | None = None
    arm: ArmDecision | None = None
    warm: WarmMark | None = None
    history: HistoryEntry | None = None
    allowances: Allowances | None = None
    review: OpenedReview | None = None
    replaces: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """(caller, request_id)"""
        return self.entry.caller, self.entry.request_id


class CommitStatus(Enum):
    """The result of one entry's commit."""

    RECORDED = auto()
    KEY_TAKEN = auto()
    """The entry's key, or its decision's id, belongs to another decision."""
    MOVED = auto()
    """A precondition failed: consent, reading or stored snapshot has changed."""
    HISTORY_MOVED = auto()
    """Another decision came first under a key of its history."""
    ALLOWANCES_MOVED = auto()
    """Others have used up what the day allowed."""
    LEASE_LOST = auto()


def preconditions_of(entry: DecisionEntry, *, stored: bool) -> Preconditions:
    """What an entry depends on; with `stored` its snapshot is not written with it.

    That of the reading that may serve is there.
    """
    fence = entry.fence or None
    if entry.snapshot is None:
        return Preconditions(entry.user_id, fence=fence)
    mark = entry.depends_on
    if mark is None:
        return Preconditions(entry.user_id, entry.consent, fence=fence)
    part = entry.snapshot.id if stored and entry.snapshot.id != mark.snapshot_id else None
    fetched = microseconds(mark.fetched)
    return Preconditions(entry.user_id, entry.consent, mark.snapshot_id, fetched, part, fence)
