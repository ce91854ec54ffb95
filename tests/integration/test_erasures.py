"""A restored backup is erased again before anything reads it, on both dialects."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from msgspec import structs
from sqlalchemy.engine import make_url

from decision_service.casework.onboarding import IssuedToken
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import ConsentMoved, StoreUnavailable
from decision_service.domain.ports import Disconnected, Erased, HistoryEntry, UserState
from decision_service.domain.reviews import ReviewEnd
from decision_service.domain.snapshot import KnownCount
from decision_service.store.engine import SqliteFile, parse_journal
from decision_service.store.erasure_journal import new_erasure
from decision_service.store.errors import StoreRefused
from decision_service.store.store import Store, open_journal
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, as_stored, numbered
from tests.kits.history_log import KEYS
from tests.kits.postgres import Postgres
from tests.kits.review_log import referred
from tests.kits.stores import opened

USER = SNAPSHOT.user_id
OTHER = structs.replace(SNAPSHOT, user_id="user-2")
DECIDED = structs.replace(ENTRY, snapshot=SNAPSHOT)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is; `copy` copies it while closed to the place that the result names."""

    url: str
    journal: str
    copy: Callable[[], str]
    empty_journal: Callable[[], str]
    psql: Callable[[str], object] = print

    async def open(self, url: str | None = None) -> Store:
        """The store, or its copy, with the journal."""
        return await Store.open(url or self.url, journal=self.journal)

    async def note_alone(self) -> None:
        """Note an erasure that the store does not know."""
        journal = await open_journal(parse_journal(self.journal))
        await journal.note([new_erasure(USER)])
        await journal.aclose()

    async def noted(self) -> list[str]:
        """The ids of the erasures that the journal holds."""
        journal = await open_journal(parse_journal(self.journal))
        marks = await journal.marks()
        await journal.aclose()
        return sorted(marks)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store on each dialect, with its journal in a file and in a database of its own."""
    return a_place(request, tmp_path, request.param)


@pytest.fixture
def journal_in_postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store on PostgreSQL, with its journal in a database of its own."""
    return a_place(request, tmp_path, "postgresql")


def a_place(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Place:
    """An empty store and an empty journal."""
    if kind == "sqlite":
        names = (f"sqlite:///{tmp_path}/erasures-{number}" for number in count())
        path, backup = tmp_path / "decisions.db", tmp_path / "backup.db"

        def copy() -> str:
            shutil.copy(path, backup)
            return f"sqlite:///{backup}"

        return Place(f"sqlite:///{path}", next(names), copy, names.__next__)
    server: Postgres = request.getfixturevalue("postgres")
    return Place(server.migrated(), server.empty(), server.copied, server.empty, server.server.psql)


async def test_caches_forget_a_user_before_and_after_the_erasure(place: Place) -> None:
    """What is read while data is being erased is forgotten as well; of others nothing is."""
    store = await place.open()
    heard: list[tuple[str, bool]] = []
    await store.commit(DECIDED)
    assert (
        (await store.user_state(OTHER.user_id)).consent
        == (await store.user_state(USER)).consent
        == 0
    )
    store.on_erase(
        lambda user_id: heard.append((user_id, store.cached_user_state(user_id) is None))
    )
    await store.erase(USER)
    assert heard == [(USER, True), (USER, True)]
    assert store.cached_user_state(OTHER.user_id) is not None
    await store.aclose()


@contextmanager
def away(place: Place) -> Iterator[None]:
    """The journal's file is gone, or its database takes no connections."""
    address = parse_journal(place.journal)
    if isinstance(address, SqliteFile):
        kept = address.path.rename(f"{address.path}.away")
        yield
        kept.rename(address.path)
        return
    name = make_url(place.journal).database
    place.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    cut_off(place)
    yield
    place.psql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def cut_off(place: Place) -> None:
    """End every connection to the journal's database, as a server does after days."""
    name = make_url(place.journal).database
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    place.psql(ended)


async def backed_up(place: Place) -> str:
    """The URL of a backup with two users' data, of whom one is erased after it."""
    store = await place.open()
    await store.commit(DECIDED)
    await store.commit(numbered(2, user_id="user-2", snapshot=OTHER))
    await store.aclose()
    backup = await asyncio.to_thread(place.copy)
    store = await place.open()
    assert await store.erase(USER) == Erased(snapshots=1, known=True)
    await store.aclose()
    return backup


async def test_a_restored_backup_is_erased_again(place: Place) -> None:
    """Its erased user's data is gone, decisions read back, and nobody else loses anything."""
    store = await place.open(await backed_up(place))
    assert await store.snapshot(USER, SNAPSHOT.id) is None
    assert await store.user_state(USER) == UserState((), consent=1)
    assert await store.get(DECIDED.decision_id) == as_stored(DECIDED)
    assert await store.snapshot("user-2", OTHER.id) == OTHER.body
    await store.aclose()


async def test_a_restored_review_of_who_was_erased_is_ended_again(place: Place) -> None:
    """Also where nothing was ever read of the person: it is not decided again for her."""
    store = await place.open()
    await store.commit(referred(1, user_id=USER, content=b"\x01" * 32 + b"hash"))
    await store.aclose()
    backup = await asyncio.to_thread(place.copy)
    store = await place.open()
    await store.erase(USER)
    await store.aclose()
    store = await place.open(backup)
    [review] = await store.reviews.of_decision(numbered(1).decision_id)
    assert review.end is ReviewEnd.ERASED
    kept = await store.get(numbered(1).decision_id)
    assert kept is not None
    assert kept.content == b"\x01" * 32
    await store.aclose()


async def test_without_the_journal_the_backup_has_the_data(place: Place) -> None:
    """The journal is what erases it again, and nothing else."""
    backup = await backed_up(place)
    async with opened(backup, journal=place.empty_journal()) as store:
        assert await store.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body


async def test_a_start_erases_nothing_twice(place: Place) -> None:
    """What a user gave after its erasure stays, at each later start and after a restore."""
    backup = await backed_up(place)
    for url in (place.url, backup):
        store = await place.open(url)
        await store.commit(numbered(3, snapshot=SNAPSHOT, consent=1))
        await store.aclose()
        store = await place.open(url)
        assert await store.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body
        await store.aclose()


async def test_an_erasure_that_a_crash_cut_off_is_finished(place: Place) -> None:
    """What is in the journal alone is carried out at the next start."""
    store = await place.open()
    await store.commit(DECIDED)
    await store.aclose()
    await place.note_alone()
    store = await place.open()
    assert await store.snapshot(USER, SNAPSHOT.id) is None
    await store.aclose()


async def test_an_erasure_that_failed_is_not_repeated_after_a_later_one(place: Place) -> None:
    """The next one carries it out too, so that a start takes nothing that was given since."""
    store = await place.open()
    await store.commit(DECIDED)
    await place.note_alone()
    assert await store.erase(USER) == Erased(snapshots=1, known=True)
    await store.commit(numbered(3, snapshot=SNAPSHOT, consent=1))
    await store.aclose()
    store = await place.open()
    assert await store.snapshot(USER, SNAPSHOT.id) == SNAPSHOT.body
    await store.aclose()


SINCE: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a reading": lambda store: store.commit(numbered(3, snapshot=SNAPSHOT, consent=2)),
    "a hash of who applied": lambda store: store.commit(
        numbered(3, user_id=USER, content=b"\x01" * 32 + b"hash")
    ),
    "a review": lambda store: store.commit(referred(3, user_id=USER)),
    "a link to another person": lambda store: store.commit(
        numbered(3, user_id=USER, history=HistoryEntry(tuple((one, 0) for one in KEYS.all), "PHP"))
    ),
    "a link token": lambda store: store.issued(IssuedToken("token", USER, NOON)),
}


@pytest.mark.parametrize("since", SINCE.values(), ids=SINCE.keys())
async def test_an_erasure_counts_once_until_something_is_stored(
    place: Place, since: Callable[[Store], Awaitable[object]]
) -> None:
    """Repeated it bars what was read in between, and is noted anew where it takes anything."""
    store = await place.open()
    await store.commit(DECIDED)
    for _ in range(2):
        await store.erase(USER)
        with pytest.raises(ConsentMoved):
            await store.commit(numbered(2, snapshot=SNAPSHOT, consent=0))
    assert (await store.user_state(USER)).consent == 2
    assert len(await erasures_of(store)) == 1
    await since(store)
    for _ in range(2):
        await store.erase(USER)
    assert len(await erasures_of(store)) == 2
    assert await place.noted() == await erasures_of(store)
    await store.aclose()


async def test_decisions_made_since_are_erased_by_an_erasure_of_their_own(place: Place) -> None:
    """Where erasures take decisions, a repetition finds none."""
    async with opened(place.url, journal=place.journal, erase_decisions=True) as store:
        for number in range(2):
            await store.commit(numbered(number, user_id=USER))
            for _ in range(2):
                await store.erase(USER)
        assert len(await erasures_of(store)) == 2


async def test_what_is_left_of_an_account_goes_by_an_erasure_of_its_own(place: Place) -> None:
    """Withdrawals that keep it are one, and the person's erasure is another."""
    store = await place.open()
    counts = (KnownCount("a-1", Kind.EINCOMES, 12, 24_319),)
    await store.commit(numbered(1, snapshot=structs.replace(SNAPSHOT, counts=counts)))
    disconnected = Disconnected(frozenset({"a-1"}), NOON)
    for gone, erasures in ((disconnected, 1), (disconnected, 1), (None, 2), (None, 2)):
        await store.erase(USER, gone)
        assert len(await erasures_of(store)) == erasures
    await store.aclose()


async def test_who_is_not_known_is_not_erased_where_that_is_asked(place: Place) -> None:
    """No count, no row and no line of the journal is made of a name that was made up."""
    store = await place.open()
    assert await store.erase("nobody", known_only=True) == Erased(0, known=False)
    assert await store.user_state("nobody") == UserState(())
    assert (await store.subject_access.user_rows("nobody")) is None
    assert not await place.noted()
    await store.aclose()


async def erasures_of(store: Store) -> list[str]:
    """The ids of the user's erasures, as an export has them."""
    rows = await store.subject_access.user_rows(USER)
    assert rows is not None
    return sorted(str(row["erasure_id"]) for row in rows.tables["erasures"])


async def test_a_journal_that_was_named_by_its_path_goes_on_by_its_url(
    place: Place, tmp_path: Path
) -> None:
    """Erased before the setting was a URL and restored after it: the mark and its key are kept."""
    by_path = replace(place, journal=str(tmp_path / "old erasures"))
    backup = await backed_up(by_path)
    before = await by_path.noted()
    by_url = replace(place, journal=f"sqlite:///{by_path.journal}")
    assert await by_url.noted() == before
    journal = await open_journal(parse_journal(by_url.journal))
    assert await journal.of(USER) == frozenset(before)
    store = await by_url.open(backup)
    assert await store.snapshot(USER, SNAPSHOT.id) is None
    assert await store.user_state(USER) == UserState((), consent=1)
    assert await store.snapshot(OTHER.user_id, OTHER.id) == OTHER.body
    await store.erase(OTHER.user_id)
    await store.aclose()
    assert len(await by_path.noted()) == len(before) + 1


async def test_a_lost_journal_is_written_anew(place: Place) -> None:
    """The next start notes again what the store knows, so that a restore still erases it."""
    backup = await backed_up(place)
    place = replace(place, journal=place.empty_journal())
    await (await place.open()).aclose()
    store = await place.open(backup)
    assert await store.snapshot(USER, SNAPSHOT.id) is None
    await store.aclose()


async def test_what_cannot_be_noted_is_not_erased(place: Place) -> None:
    """The caller is told to try again, and trying again erases."""
    store = await place.open()
    await store.commit(DECIDED)
    with away(place), pytest.raises(StoreUnavailable, match="nothing was erased"):
        await store.erase(USER)
    assert await store.user_state(USER) != UserState((), consent=1)
    assert await store.erase(USER) == Erased(snapshots=1, known=True)
    await store.aclose()


async def test_an_erasure_that_nobody_waits_for_is_carried_out(place: Place) -> None:
    """A caller who leaves as soon as it has begun leaves no half of it behind."""
    store = await place.open()
    await store.commit(DECIDED)
    erasing = asyncio.create_task(store.erase(USER))
    await asyncio.sleep(0)
    erasing.cancel()
    await store.aclose()
    assert erasing.cancelled()
    async with opened(place.url, journal=place.empty_journal()) as store:
        assert await store.user_state(USER) == UserState((), consent=1)


async def test_beside_sqlite_there_is_a_journal_by_itself(tmp_path: Path) -> None:
    """Without a setting the SQLite file's erasures are noted beside it."""
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        assert store.keeps_journal
        await store.erase(USER)
    journal = await open_journal(SqliteFile(tmp_path / "decisions.db.erasures"))
    assert len(await journal.marks()) == 1


async def test_a_database_that_was_away_is_asked_again(
    postgres: Postgres, journal_in_postgres: Place
) -> None:
    """An erasure after days finds its connection closed, and is noted over another one."""
    place = journal_in_postgres
    store = await place.open()
    await store.commit(DECIDED)
    await asyncio.to_thread(cut_off, place)
    assert await store.erase(USER) == Erased(snapshots=1, known=True)
    await store.aclose()
    assert told(postgres, place.journal, "SELECT count(*) FROM erasure_journal") == "1"
    assert USER not in told(postgres, place.journal, "SELECT erasure_id, mark FROM erasure_journal")


async def test_machines_that_start_at_once_erase_a_backup_once(journal_in_postgres: Place) -> None:
    """With nothing on their own disks: the withdrawal is not counted for each of them."""
    backup = await backed_up(journal_in_postgres)
    stores = await asyncio.gather(*(journal_in_postgres.open(backup) for _ in range(4)))
    for store in stores:
        assert await store.user_state(USER) == UserState((), consent=1)
        await store.aclose()


async def test_a_start_waits_for_another_that_erases_the_same(
    postgres: Postgres, journal_in_postgres: Place
) -> None:
    """For longer than a caller waits for a lock, which the second of its tries shows."""
    backup = await backed_up(journal_in_postgres)
    waiting = "SELECT xact_start FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    tries: set[str] = set()
    connection = await asyncpg.connect(backup)
    async with connection.transaction():
        await connection.execute("LOCK TABLE consents IN SHARE ROW EXCLUSIVE MODE")
        opening = asyncio.create_task(journal_in_postgres.open(backup))
        while len(tries) < 2 and not opening.done():
            await asyncio.sleep(0.05)
            tries |= {*(await asyncio.to_thread(told, postgres, backup, waiting)).splitlines()}
    await connection.close()
    store = await opening
    assert await store.user_state(USER) == UserState((), consent=1)
    await store.aclose()


async def test_a_journal_in_the_stores_database_is_refused(journal_in_postgres: Place) -> None:
    """A restored backup would bring its own older journal back."""
    place = replace(journal_in_postgres, journal=journal_in_postgres.url)
    with pytest.raises(StoreRefused, match="name a database of its own"):
        await place.open()


async def test_a_journal_without_its_key_is_refused(
    postgres: Postgres, journal_in_postgres: Place
) -> None:
    """No new key is made for erasures that it could not find again."""
    await backed_up(journal_in_postgres)
    told(postgres, journal_in_postgres.journal, "DELETE FROM erasure_journal_keys")
    with pytest.raises(StoreRefused, match="restore it from its backup"):
        await journal_in_postgres.open()


async def test_a_journal_that_cannot_be_reached_stops_the_start(journal_in_postgres: Place) -> None:
    """The sentence names the setting, and no password."""
    place = replace(journal_in_postgres, journal="postgresql://u:canary@127.0.0.1:1/journal")
    with pytest.raises(StoreRefused, match="DECISION_ERASURE_JOURNAL") as refused:
        await place.open()
    assert "canary" not in refused.value.message


async def test_an_erased_key_leaves_the_files_of_the_tables(
    postgres: Postgres, tmp_path: Path
) -> None:
    """On PostgreSQL too: the key of what was stored is in no page of its table any more."""
    url = postgres.migrated()
    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
        for number, snapshot in enumerate((SNAPSHOT, OTHER)):
            await store.commit(numbered(number, user_id=snapshot.user_id, snapshot=snapshot))
        asked = f"SELECT encode(key, 'hex') FROM consents WHERE user_id = '{USER}'"
        key = bytes.fromhex(told(postgres, url, asked))
        folder = Path(told(postgres, url, "SHOW data_directory"))
        file = folder / told(postgres, url, "SELECT pg_relation_filepath('consents')")
        told(postgres, url, "CHECKPOINT")
        assert key in file.read_bytes()
        await store.erase(USER)
        told(postgres, url, "CHECKPOINT")
        assert key not in file.read_bytes()


def told(postgres: Postgres, url: str, statement: str) -> str:
    """What psql says to a statement."""
    psql = [str(postgres.server.bin_path / "psql"), url, "-Atqc", statement]
    return subprocess.run(psql, check=True, capture_output=True, text=True).stdout.strip()
