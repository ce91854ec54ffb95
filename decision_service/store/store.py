"""The store: the durable record of decisions and of the data behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Self

from decision_service.decide.application import IdentityKey
from decision_service.domain.ports import Disconnected, Erased
from decision_service.store import errors, history
from decision_service.store.applicants import Applicants
from decision_service.store.arms import Arms
from decision_service.store.commit import LARGEST_GROUP, LINGER_SECONDS, Commits, OnCommit, no_op
from decision_service.store.decisions import Decisions
from decision_service.store.engine import (
    READERS,
    Database,
    PostgresServer,
    SqliteFile,
    parse_journal,
    parse_store_url,
    writes,
)
from decision_service.store.erasure import Erasing, ErasureTerms, expire
from decision_service.store.erasure_journal import ErasureJournal, JournalFile, begin_tables
from decision_service.store.events import Events
from decision_service.store.history import Lookups
from decision_service.store.keys import (
    IDENTITY_KEYS,
    PLAIN,
    DataKeys,
    count_others,
    open_data_keys,
    take_over,
)
from decision_service.store.notices import Notices
from decision_service.store.outbox import Outbox, identify
from decision_service.store.outcomes import Outcomes
from decision_service.store.releases import ReleaseSteps
from decision_service.store.replicas import LEASE_SECONDS, Processes, SharedLeases, SoleProcess
from decision_service.store.reviews import Reviews
from decision_service.store.rollouts import RolloutSteps, Texts
from decision_service.store.seals import JournalKeys, Seals, open_journal_keys
from decision_service.store.sqlite import migrate_sqlite, open_sqlite
from decision_service.store.subject_access import SubjectAccess


class Store(
    Commits,
    Lookups,
    Decisions,
    Events,
    Texts,
    Arms,
    RolloutSteps,
    ReleaseSteps,
    Outcomes,
    Applicants,
    Processes,
):
    """The durable record on SQLite or PostgreSQL; what it does of a subject is in its module."""

    def __init__(
        self,
        database: Database,
        linger: float,
        largest_group: int,
        leases: SharedLeases | SoleProcess | None = None,
        on_commit: OnCommit = no_op,
        erasing: Erasing | None = None,
        identity_keys: tuple[IdentityKey, ...] = (),
        data_keys: DataKeys = PLAIN,
        journal_keys: JournalKeys | None = None,
    ) -> None:
        leases = leases or SoleProcess()
        Commits.__init__(
            self,
            database,
            data_keys,
            leases=leases,
            linger=linger,
            largest_group=largest_group,
            on_commit=on_commit,
        )
        Lookups.__init__(self, database, largest_group)
        seals = Seals(journal_keys)
        RolloutSteps.__init__(self, database, seals)
        ReleaseSteps.__init__(self, database, seals)
        self._erasing = erasing or Erasing(database, None)
        self._on_erase: list[Callable[[str], None]] = [self._held.forget]
        self.keeps_journal = self._erasing.keeps_journal
        self.identity_keys = identity_keys
        self.reviews = Reviews(database, identity_keys)
        self.notices = Notices(database)
        self.outbox = Outbox(database)
        self.subject_access = SubjectAccess(database, data_keys)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        linger: float = LINGER_SECONDS,
        largest_group: int = LARGEST_GROUP,
        readers: int = READERS,
        lease: float = LEASE_SECONDS,
        init: bool = False,
        on_commit: OnCommit = no_op,
        journal: str = "",
        erase_decisions: bool = False,
        identity_keys: Path | None = None,
        data_keys: Path | None = None,
        keep_data_keys: bool = False,
        journal_keys: Path | None = None,
    ) -> Self:
        """Open the store that DECISION_STORE_URL names; raises StoreRefused with what to do.

        A group of commits waits `linger` seconds for more and holds at most `largest_group`.
        A process that hangs keeps what it decides from the others for `lease` seconds.
        Where a SQLite file is missing that was there once, only `init` begins a new one.
        `on_commit` is called with each group's seconds and decisions. `journal` is the erasure
        journal's URL, by default of the SQLite file's name with `.erasures`, and none for
        PostgreSQL; what it has and the database lacks is erased before this returns.
        With `erase_decisions` an erasure takes a user's decisions as well as the data behind them.
        `identity_keys` is the file of the keys by which accounts and persons are hashed, by default
        the SQLite file's name with `.identity-keys`, made where there is none; with PostgreSQL
        there is none, and nothing is hashed. `data_keys` is the file of the keys that wrap users'
        keys; with `keep_data_keys` it is by default the SQLite file's name with `.data-keys`, made
        where there is none. A file of SQLite is wrapped by the newest of them before this returns.
        `journal_keys` is the file of the keys by which the journals of releases and rollouts are
        sealed and verified; without it they are neither.
        """
        database = await open_database(url, readers, init=init)
        noted: ErasureJournal | None = None
        try:
            address = parse_store_url(url)
            with errors.opening(address.shown):
                if journal:
                    noted = await open_journal(parse_journal(journal))
                elif isinstance(address, SqliteFile):
                    noted = await open_journal(SqliteFile(address.companion(".erasures")))
                wrapping = await open_data_keys(url, data_keys, database, make=keep_data_keys)
                sealing = await open_journal_keys(journal_keys, database)
                used = await database.read(history.key_ids)
                own_file = IDENTITY_KEYS.beside(url) if identity_keys is None else None
                keys = await asyncio.to_thread(IDENTITY_KEYS.open, identity_keys, used, own_file)
                erasing = Erasing(database, noted, ErasureTerms(wrapping, keys, erase_decisions))
                # Before anything is decided: what a restored backup brought back is erased first.
                await erasing.catch_up()
                await take_over(database, wrapping)
                await database.write(identify)
        except BaseException:
            if noted is not None:
                await noted.aclose()
            await database.aclose()
            raise
        leases = SharedLeases(database, lease) if database.shared else None
        return cls(
            database,
            linger,
            largest_group,
            leases=leases,
            on_commit=on_commit,
            erasing=erasing,
            identity_keys=keys,
            data_keys=wrapping,
            journal_keys=sealing,
        )

    async def aclose(self) -> None:
        # The database last, since what is under way still writes to it.
        await self._erasing.aclose()
        await self._groups.aclose()
        await self.leases.aclose()
        await self._lookups.aclose()
        await self._database.aclose()

    expire = writes(expire)

    async def count_others(self) -> int:
        """How many users' keys the newest data key does not wrap; none where there is no key."""
        newest = self.data_keys.newest
        if newest is None:
            return 0
        return await self._database.read(lambda connection: count_others(connection, newest))

    def on_erase(self, forget: Callable[[str], None]) -> None:
        """Call a cache's `forget` for each erased user, before and after the erasure."""
        self._on_erase.append(forget)

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        # Before, so that nothing begins with the old data; afterwards, for what began meanwhile.
        self._forget(user_id)
        try:
            return await self._erasing.erase(user_id, disconnected, known_only=known_only)
        finally:
            self._forget(user_id)

    def _forget(self, user_id: str) -> None:
        for forget in self._on_erase:
            forget(user_id)


async def open_journal(place: SqliteFile | PostgresServer) -> ErasureJournal:
    """Open the journal, made where there is none; raises StoreRefused."""
    if isinstance(place, SqliteFile):
        return ErasureJournal(await JournalFile.open(place.path))
    # Imported here: a tenth of the start.
    from decision_service.store.postgres import open_tables

    return ErasureJournal(await open_tables(place, begin_tables, "DECISION_ERASURE_JOURNAL"))


async def open_database(url: str, readers: int = READERS, *, init: bool = False) -> Database:
    """Open the store that DECISION_STORE_URL names; raises StoreRefused.

    A SQLite file is created where there never was one; where one is missing, only with `init`.
    Tables of an older version are left alone.
    """
    address = parse_store_url(url)
    if isinstance(address, SqliteFile):
        return await open_sqlite(address, readers, init=init)
    # Imported here: a tenth of the start.
    from decision_service.store.postgres import open_postgres

    return await open_postgres(address, readers)


async def migrate(url: str, *, init: bool = False) -> None:
    """Bring the tables to this program's version, creating them at need; raises StoreRefused."""
    address = parse_store_url(url)
    if isinstance(address, SqliteFile):
        await asyncio.to_thread(migrate_sqlite, address, init=init)
    else:
        from decision_service.store.postgres import migrate_postgres

        await migrate_postgres(address)
