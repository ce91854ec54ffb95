"""The store on a real PostgreSQL server: several processes, broken connections, restarts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from msgspec import structs
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from decision_service.author.backtest.replica import StoreReader
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import StoreBusy, StoreError, StoreUnavailable
from decision_service.domain.ports import Filter, SnapshotBody
from decision_service.domain.snapshot import KnownCount
from decision_service.store import decisions, schema
from decision_service.store import postgres as postgres_database
from decision_service.store.commit import Commit, preconditions_of, record_group
from decision_service.store.errors import StoreRefused
from decision_service.store.keys import PLAIN
from decision_service.store.store import Store, migrate
from tests.kits.arm_log import CHAMPION
from tests.kits.cases import until
from tests.kits.decision_log import ENTRY, as_stored, numbered
from tests.kits.postgres import Postgres
from tests.kits.stores import opened

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT;"


class Cut(Enum):
    """What the proxy does to the next COMMIT that comes by."""

    NEVER = "never"
    BEFORE = "before"
    """The server never sees it."""
    AFTER = "after"
    """The server carries it out, and nobody hears of that."""


@dataclass(slots=True)
class Meter:
    """Counts the bytes of one direction, over all connections; lets `left` more through, if set."""

    seen: int = 0
    left: int | None = None

    def passing(self, data: bytes) -> tuple[bytes, bool]:
        """What of this may pass, and whether the connection is cut behind it; used up by a cut."""
        self.seen += len(data)
        if self.left is None:
            return data, False
        if len(data) <= self.left:
            self.left -= len(data)
            return data, False
        data, self.left = data[: self.left], None
        return data, True


class Proxy:
    """A socket like the server's; `cut` is used up by one COMMIT, `refusing` lets nobody in.

    The next `silent` connections are let in and get no answer.
    `forth` and `back` count what goes to the server and comes from it, and cut anywhere.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self.cut = Cut.NEVER
        self.refusing = False
        self.silent = 0
        self.running: set[asyncio.Task[None]] = set()
        self.cuts = 0
        self.forth = Meter()
        self.back = Meter()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, noted while it lasts."""
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        try:
            await self.serve(reader, writer)
        finally:
            self.running.discard(task)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it, or the cut does."""
        if self.refusing:
            writer.close()
            return
        if self.silent:
            self.silent -= 1
            with closing(writer):
                while await reader.read(1 << 16):
                    pass
            return
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(self._server)
        back = asyncio.create_task(self._pump(upstream_reader, writer))
        try:
            await self._forth(reader, upstream_reader, upstream_writer, back)
        finally:
            back.cancel()
            upstream_writer.close()
            writer.close()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                cut = self.cut if _COMMIT in data else Cut.NEVER
                if cut is Cut.NEVER:
                    data, done = self.forth.passing(data)
                    upstream.write(data)
                    if done:
                        await upstream.drain()
                        self.cuts += 1
                        return
                    continue
                self.cut = Cut.NEVER
                self.cuts += 1
                if cut is Cut.AFTER:
                    back.cancel()
                    with suppress(asyncio.CancelledError):
                        await back
                    upstream.write(data)
                    await answers.read(1)
                return

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                data, done = self.back.passing(data)
                writer.write(data)
                if done:
                    self.cuts += 1
                    break
        writer.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy to the server of this URL, and the URL through it; the socket's path is short."""
    address = make_url(url)
    proxy = Proxy(Path(str(address.query["host"])) / _SOCKET)
    with TemporaryDirectory() as folder:
        server = await asyncio.start_unix_server(proxy.take, Path(folder) / _SOCKET)
        try:
            yield proxy, address.set(query={"host": folder}).render_as_string(hide_password=False)
        finally:
            server.close()
            await server.wait_closed()
            await asyncio.gather(*proxy.running, return_exceptions=True)


CUTS = 12
ASLEEP = """
SELECT count(*) FROM pg_stat_activity
WHERE state = 'active' AND query = 'SELECT pg_sleep(30)' AND datname = current_database()
"""

CONNECTED = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'decision-service' AND datname = current_database()
"""


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A new database with tables."""
    return postgres.migrated()


async def ids(store: Store) -> list[str]:
    return [row.decision_id for row in await store.list(Filter(), None, 10_000)]


async def test_groups_of_any_size_are_recorded_whole(postgres: Postgres) -> None:
    """Whatever rows a statement has beyond the group's, each is there once, with its arm."""
    url = postgres.migrated()
    names = count(1)
    async with opened(url) as store:
        for size in (*range(1, 36), 100, 128, 130):
            group = [lone_commit(f"{next(names):026}") for _ in range(size)]
            told = await store._database.commit(partial(record_group, group=group, data_keys=PLAIN))
            assert told == [commit.stored for commit in group]
    made = next(names) - 1
    connection = await asyncpg.connect(url)
    for table in ("decisions", "arm_decisions"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == made
    await connection.close()


def lone_commit(name: str) -> Commit:
    """One that leaves no more than its own rows."""
    own = {"decision_id": f"dec_{name}", "request_id": name}
    entry = structs.replace(ENTRY, **own, snapshot=None, arm=CHAMPION)
    return Commit(entry, decisions.stored(entry), preconditions_of(entry))


@pytest.mark.parametrize("times", [1, 2])
async def test_a_reader_that_leaves_takes_no_connection_along(url: str, times: int) -> None:
    """However often it is told to leave while the server works, the one connection serves on."""
    watch = await asyncpg.connect(url)
    async with opened(url, readers=1) as store:
        database = store._database
        for _ in range(3):
            asleep = asyncio.create_task(
                database.read(lambda connection: connection.execute(text("SELECT pg_sleep(30)")))
            )
            await until(lambda: watch.fetchval(ASLEEP))
            for _ in range(times):
                asleep.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await asleep
            assert await database.read(lambda c: c.execute(text("SELECT 2")).scalar()) == 2
    await watch.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Callable[[], Awaitable[set[int]]]]:
    """What tells the connections of all stores; those of one that has closed may still leave."""
    watch = await asyncpg.connect(url)

    async def pids() -> set[int]:
        return {row["pid"] for row in await watch.fetch(CONNECTED)}

    try:
        yield pids
    finally:
        await watch.close()


async def test_the_first_decisions_wait_for_no_connection(url: str) -> None:
    """What an open store reads, commits and notes goes over connections that it opened before."""
    async with connected(url) as pids, opened(url, readers=3) as store:
        before = await pids()
        sleep = partial(Connection.execute, statement=text("SELECT pg_sleep(0.05)"))
        await asyncio.gather(
            *(store._database.read(sleep) for _ in range(3)),
            store._database.look_up(sleep),
            store._database.note(sleep),
            store.commit(numbered(1)),
        )
        assert await pids() <= before
        assert len(before) >= 7


async def test_two_processes_agree_on_every_key(url: str) -> None:
    """Two stores that commit the same keys at once leave one row per key and give equal answers."""
    async with opened(url) as one, opened(url) as two:
        firsts = [numbered(n) for n in range(50)]
        seconds = [numbered(n + 1000, request_id=f"request-{n}") for n in range(50)]
        random.Random(7).shuffle(seconds)
        answers = await asyncio.gather(
            *(one.commit(entry) for entry in firsts), *(two.commit(entry) for entry in seconds)
        )
        by_key: dict[str, set[bytes]] = {}
        for answer in answers:
            by_key.setdefault(answer.request_id, set()).add(answer.decision_id.encode())
        assert len(by_key) == 50
        assert all(len(found) == 1 for found in by_key.values())
        assert len(await ids(one)) == 50


async def test_processes_that_share_users_do_not_block_each_other(url: str) -> None:
    """Two stores that write the same snapshots and counts in opposite orders all succeed."""
    snapshots = [
        SnapshotBody(
            f"s-{n}",
            f"user-{n % 4}",
            b"body",
            tuple(KnownCount(f"a-{k}", kind, n) for k in (1, 2) for kind in Kind),
        )
        for n in range(40)
    ]
    async with opened(url, largest_group=8) as one, opened(url, largest_group=8) as two:
        forward = [numbered(n, snapshot=s) for n, s in enumerate(snapshots)]
        backward = [numbered(n + 100, snapshot=s) for n, s in reversed([*enumerate(snapshots)])]
        await asyncio.gather(
            *(one.commit(entry) for entry in forward), *(two.commit(entry) for entry in backward)
        )
        known = (await one.user_state("user-3")).counts
        assert {count.count for count in known} == {39}
        assert len(await ids(one)) == 80


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
async def test_a_connection_cut_at_the_commit_is_settled(url: str, cut: Cut) -> None:
    """Whether or not the server carried the COMMIT out, each decision is recorded once and told."""
    async with proxied(url) as (proxy, through), opened(through) as store:
        await store.commit(numbered(0))
        proxy.cut = cut
        entries = [numbered(n) for n in range(1, 20)]
        answers = await asyncio.gather(*(store.commit(entry) for entry in entries))
        assert proxy.cuts == 1
        assert answers == [as_stored(entry) for entry in entries]
        assert len(await ids(store)) == 20


@pytest.mark.parametrize("way", ["forth", "back"])
async def test_a_connection_cut_anywhere_in_a_commit_is_settled(url: str, way: str) -> None:
    """After any number of bytes to or from the server each decision is recorded once and told."""
    async with proxied(url) as (proxy, through), opened(through) as store:
        meter: Meter = getattr(proxy, way)
        for number in range(2):  # the second commit's statements are prepared already
            before = meter.seen
            await store.commit(numbered(number))
        length = meter.seen - before
        for number in range(CUTS):
            meter.left = number * length // CUTS
            entry = numbered(100 + number)
            assert await store.commit(entry) == as_stored(entry)
        assert proxy.cuts == CUTS
        assert len(await ids(store)) == 2 + CUTS


async def test_a_server_that_cannot_be_reached_is_unavailable_until_it_can(url: str) -> None:
    """Without a server nothing is acknowledged; when it is back the same store serves again."""
    async with proxied(url) as (proxy, through), opened(through) as store:
        await store.commit(numbered(0))
        proxy.refusing = True
        proxy.cut = Cut.BEFORE
        with pytest.raises(StoreUnavailable) as refused:
            await store.commit(numbered(1))
        assert refused.value.retry_after
        proxy.cut = Cut.BEFORE
        with pytest.raises(StoreUnavailable):
            await store.check()
        proxy.refusing = False
        await store.check()
        await store.commit(numbered(2))
        assert sorted(await ids(store)) == [numbered(n).decision_id for n in (0, 2)]


async def test_a_crash_of_the_server_loses_nothing_acknowledged(
    postgres: Postgres, url: str
) -> None:
    """After an immediate shutdown under load and a restart, all that was told is there."""
    told: list[int] = []

    async def commit_until_told_otherwise(store: Store, first: int) -> None:
        for number in range(first, first + 100_000):
            await store.commit(numbered(number))
            told.append(number)

    async with opened(url) as store:
        committers = [
            asyncio.create_task(commit_until_told_otherwise(store, n * 100_000)) for n in range(8)
        ]
        await until(lambda: len(told) >= 100, pause=0.001)
        await ids(store)  # leaves a reading connection behind, which the crash breaks
        try:
            await asyncio.to_thread(postgres.crash)
            done = await asyncio.gather(*committers, return_exceptions=True)
        finally:
            await asyncio.to_thread(postgres.restart)
        assert all(isinstance(one, StoreUnavailable) for one in done)
        assert {numbered(n).decision_id for n in told} <= set(await ids(store))
        await store.commit(numbered(900_000))


async def test_a_key_that_another_transaction_holds_is_waited_for_and_then_refused(
    url: str,
) -> None:
    """Another's unfinished insert of the key makes the commit unavailable, not wrong."""
    async with opened(url) as store:
        await store.commit(numbered(0))
        other = await asyncpg.connect(url)
        held = other.transaction()
        await held.start()
        await other.execute(
            "INSERT INTO decisions SELECT 'dec_x', caller, 'request-1', content, user_id, product, "
            "application_id, customer_ref, outcome, created, reply, facts FROM decisions"
        )
        with pytest.raises(StoreUnavailable, match="another transaction"):
            await store.commit(numbered(1))
        await held.rollback()
        await other.close()
        assert await store.commit(numbered(1)) == as_stored(numbered(1))


async def test_a_call_whose_deadline_comes_first_leaves_the_queue(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wait ends with it and takes no connection along; what has no deadline waits longer."""
    monkeypatch.setattr(postgres_database, "POOL_SECONDS", 0.5)
    async with opened(url, readers=1) as store:
        sleeping = asyncio.create_task(
            store._database.read(lambda c: c.execute(text("SELECT pg_sleep(1.5)")).all())
        )
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await store.get("dec_0")
        with pytest.raises(StoreBusy, match="connections are all busy"):
            await store.get("dec_0")
        await sleeping
        assert await store.get("dec_0") is None


async def test_commits_have_a_connection_of_their_own(url: str) -> None:
    """What else is written and read may hold every other connection: decisions are recorded."""
    async with opened(url, readers=1) as store:
        database = store._database
        busy = [
            asyncio.create_task(way(lambda c: c.execute(text("SELECT pg_sleep(30)")).all()))
            for way in (database.read, database.write)
        ]
        await asyncio.sleep(0)
        assert await store.commit(ENTRY) == as_stored(ENTRY)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_a_statement_that_takes_too_long_is_ended(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server gives up before its client does, and the connection stays good."""
    monkeypatch.setitem(postgres_database._SETTINGS, "statement_timeout", "1000")
    async with opened(url) as store:
        pid = text("SELECT pg_backend_pid()")
        before = await store._database.write(lambda c: c.execute(pid).scalar())
        with pytest.raises(StoreUnavailable, match="too long"):
            await store._database.write(lambda c: c.execute(text("SELECT pg_sleep(30)")).all())
        assert await store._database.write(lambda c: c.execute(pid).scalar()) == before


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_the_server_undoes_for_anothers_sake_is_done_again(url: str, state: str) -> None:
    """A serialization failure or deadlock is repeated twice, then told as unavailable."""
    undone = text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
    runs = 0

    def undone_so_often(times: int) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            nonlocal runs
            runs += 1
            if runs <= times:
                connection.execute(undone)
            return runs

        return work

    async with opened(url) as store:
        assert await store._database.commit(undone_so_often(2)) == 3
        runs = 0
        with pytest.raises(StoreUnavailable, match="busy"):
            await store._database.commit(undone_so_often(3))


async def test_a_server_that_refuses_is_named_without_its_password(postgres: Postgres) -> None:
    """A wrong database, user or address is one sentence that repeats no password."""
    good = postgres.url("postgres").replace("postgres:@", "postgres:hunter2@")
    bad = {
        "nowhere": good.replace("/postgres?", "/nowhere?"),
        "nobody": good.replace("postgres:hunter2@", "nobody:hunter2@"),
        "127.0.0.1": "postgresql://u:hunter2@127.0.0.1:1/db",
        "sslmode": good + "&sslmode=nonsense",
    }
    for word, url in bad.items():
        with pytest.raises(StoreError) as refused:
            await Store.open(url)
        assert word in refused.value.message
        assert "hunter2" not in refused.value.message
        assert "\n" not in refused.value.message


async def test_a_server_that_is_slow_at_first_is_waited_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is not there in time is tried again at the start, where nobody waits."""
    monkeypatch.setattr(postgres_database, "CONNECT_SECONDS", 1.0)
    async with proxied(url) as (proxy, through):
        proxy.silent = 1
        async with opened(through) as store:
            assert not proxy.silent
            await store.commit(numbered(0))


async def test_a_server_that_may_not_be_written_is_refused_at_the_start(
    postgres: Postgres,
) -> None:
    """A replica, which reads only, is no store."""
    url = postgres.empty()
    await migrate(url)
    database = url.partition("@/")[2].partition("?")[0]
    postgres.server.psql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(StoreRefused, match="read-only"):
        await Store.open(url)


async def test_a_database_that_fails_at_the_start_is_quoted(postgres: Postgres) -> None:
    """What it cannot do is no value that cannot be stored, and there is nothing to try again."""
    url = postgres.empty()
    await migrate(url)
    database = url.partition("@/")[2].partition("?")[0]
    said = 'relation "consents" does not exist'
    postgres.server.psql(f"\\c {database}\nDROP TABLE consents")
    for opening in (Store.open(url), StoreReader.open(url)):
        with pytest.raises(StoreRefused, match=f"/{database}.* cannot be used .*{said}"):
            await opening


@pytest.mark.parametrize("first", [migrate, Store.open, StoreReader.open])
async def test_a_server_that_is_too_old_is_refused(
    url: str, first: Callable[[str], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked of it that it does not know, with its version and the least one."""
    monkeypatch.setattr(schema, "LEAST_POSTGRES", 99)
    with pytest.raises(StoreRefused, match=r"is PostgreSQL \d+\.\d+, and .* needs PostgreSQL 99"):
        await first(url)


async def test_commits_are_synchronous_on_the_server(url: str) -> None:
    """Whatever the server's default, the service's transactions wait for the disk."""
    async with opened(url) as store:
        query = text("SELECT current_setting('synchronous_commit')")
        assert await store._database.write(lambda c: c.execute(query).scalar()) == "on"
        await store.commit(ENTRY)
