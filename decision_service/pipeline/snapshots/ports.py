"""The store's port for warm snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from decision_service.pipeline.ports import SnapshotBody, UserState, WarmMark


class WarmLog(Protocol):
    """The last good reading of each user; every method raises StoreUnavailable."""

    async def user_state(self, user_id: str) -> UserState:
        """As `DecisionLog.held`."""

    def cached_user_state(self, user_id: str) -> UserState | None:
        """What `user_state` would return, without a read of the store; None where it is not cached.

        Another process may have changed it since: it serves only for an entry that `depends_on` its
        reading, which is not stored then.
        """

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """As `DecisionLog.snapshot`."""

    async def keep_warm(self, body: SnapshotBody, mark: WarmMark, consent: int) -> bool:
        """Store a reading that no decision waits for.

        False, and nothing is stored, where consent was withdrawn, the user was quarantined or a
        later reading was stored meanwhile.
        """

    async def looked(self, user_id: str, snapshot_id: str, now: datetime) -> None:
        """Record that the accounts behind this reading are unchanged."""

    async def quarantine(self, user_id: str, now: datetime) -> None:
        """Bar all readings until now from later decisions; durable on return."""

    async def read_users(self, after: str, limit: int) -> Sequence[str]:
        """Users of whom data is stored, in order of id, strictly after this one."""
