"""The store: the durable record of decisions, and of all that they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Self

from decision_service.domain.errors import StoreError
from decision_service.domain.snapshot import KnownCount
from decision_service.pipeline.ports import Entry, Filter, Position, StoredEntry, StoredText
from decision_service.storage import decisions, snapshots, texts
from decision_service.storage.batches import Batches
from decision_service.storage.engine import READERS, Database, open_database
from decision_service.storage.writer import (
    LARGEST_GROUP,
    LINGER_SECONDS,
    OnCommit,
    Writer,
    unheard,
)


class Store:
    """The `DecisionLog` on SQLite or PostgreSQL."""

    def __init__(
        self,
        database: Database,
        linger: float,
        largest_group: int,
        on_commit: OnCommit = unheard,
    ) -> None:
        self._database = database
        self._writer = Writer(database, linger, largest_group, on_commit)
        self._finds: Batches[decisions.Key, StoredEntry | None] = Batches(
            self._find_together, most=largest_group
        )

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        linger: float = LINGER_SECONDS,
        largest_group: int = LARGEST_GROUP,
        readers: int = READERS,
        on_commit: OnCommit = unheard,
    ) -> Self:
        """Open the store that STORE_URL names; raises StoreRefused with what to do.

        A group of commits waits `linger` seconds for company and holds at most `largest_group`;
        `on_commit` hears of each: its seconds and its decisions.
        """
        return cls(await open_database(url, readers), linger, largest_group, on_commit)

    async def aclose(self) -> None:
        """Commit what waits, then close; later calls raise StoreUnavailable."""
        await self._writer.aclose()
        await self._finds.aclose()
        await self._database.aclose()

    async def check(self) -> None:
        """Whether decisions can be read and recorded now; raises StoreUnavailable."""
        await self._database.read(partial(decisions.by_id, decision_id=""))
        await self._writer.check()

    async def find(self, caller: str, request_id: str) -> StoredEntry | None:
        """The decision of this caller's request, if there is one."""
        return await self._finds.ask((caller, request_id))

    async def commit(self, entry: Entry) -> StoredEntry:
        """Store the decision with its snapshot, durable on return; or return the winner's."""
        return await self._writer.commit(entry)

    async def get(self, decision_id: str) -> StoredEntry | None:
        """One decision by id."""
        return await self._database.read(partial(decisions.by_id, decision_id=decision_id))

    async def list(
        self, chosen: Filter, after: Position | None, limit: int
    ) -> Sequence[StoredEntry]:
        """At most `limit` decisions, newest first, strictly after the position."""
        work = partial(decisions.page, chosen=chosen, after=after, limit=limit)
        return await self._database.read(work)

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""
        work = partial(snapshots.body, user_id=user_id, snapshot_id=snapshot_id)
        packed = await self._database.read(work)
        return None if packed is None else await snapshots.unpack(packed)

    async def known(self, user_id: str) -> Sequence[KnownCount]:
        """The most records of each kind that each source of this user ever gave."""
        return await self._database.read(partial(snapshots.known, user_id=user_id))

    async def put_texts(self, given: Iterable[StoredText]) -> None:
        """Store texts by digest; one that is already there stays as it is."""
        await self._database.write(partial(texts.record, given=tuple(given)))

    async def text(self, digest: str) -> StoredText | None:
        """A text by digest."""
        return await self._database.read(partial(texts.by_digest, digest=digest))

    async def last_text(self, kind: str) -> StoredText | None:
        """The text of a kind whose digest sorts last."""
        return await self._database.read(partial(texts.last, kind=kind))

    async def _find_together(
        self, keys: Sequence[decisions.Key]
    ) -> Sequence[StoredEntry | StoreError | None]:
        found = await self._database.read(partial(decisions.by_keys, keys=keys))
        return [found.get(key) for key in keys]
