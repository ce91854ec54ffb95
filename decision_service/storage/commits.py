"""A decision on its way into the database."""

from __future__ import annotations

import msgspec

from decision_service.pipeline.ports import ArmDecision, Entry, StoredEntry, WarmMark
from decision_service.storage.decisions import microseconds
from decision_service.storage.snapshots import PackedSnapshot

Rest = tuple[str, int, str | None, int | None, str | None]
"""What must be so when a decision is recorded: a user's count of withdrawals, which reading may
serve and when it was read, and a snapshot that must be stored; None where that does not matter."""


class Commit(msgspec.Struct, frozen=True):
    """A decision, what it rests on, and what it means for its rollout, as they will be written.

    `snapshot` is None where nothing has to be stored of it. With a `fence` it is written only while
    the lease of that fence is held.
    """

    entry: StoredEntry
    rest: Rest | None
    snapshot: PackedSnapshot | None = None
    arm: ArmDecision | None = None
    warm: WarmMark | None = None
    fence: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it leaves nothing behind but its own rows."""
        return self.snapshot is None and self.warm is None and not self.fence

    @property
    def key(self) -> tuple[str, str]:
        """(caller, request_id)"""
        return self.entry.caller, self.entry.request_id


def rest_of(entry: Entry, *, stored: bool) -> Rest | None:
    """What an entry rests on; None where it rests on no data.

    With `stored` its snapshot is not written with it. That of the reading that may serve is there.
    """
    if entry.snapshot is None:
        return None
    mark = entry.rests_on
    if mark is None:
        return entry.user_id, entry.consent, None, None, None
    asked = entry.snapshot.id if stored and entry.snapshot.id != mark.snapshot_id else None
    return entry.user_id, entry.consent, mark.snapshot_id, microseconds(mark.fetched), asked
