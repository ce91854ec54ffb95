"""Data that is erased or withdrawn while another process, or a reading, is about to store it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import httpx2
import pytest
from msgspec.structs import replace

from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.decide.application import KEYED
from decision_service.decide.codec import read_snapshot
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import ConsentMoved, ReviewRefused
from decision_service.domain.ports import Erased, HistoryEntry, StoredEntry
from decision_service.runtime.clock import Ids, SystemClock
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.sandbox import person_like
from decision_service.standin.server import Simulator, build_app
from decision_service.standin.world import World
from decision_service.store.errors import HeldUp
from decision_service.store.postgres import LOCK_MS
from decision_service.store.store import Store
from tests.fakes.world import NOW, SetClock, application
from tests.fakes.world import World as Deciding
from tests.kits.cases import until
from tests.kits.decision_log import NOON, SNAPSHOT, as_stored, numbered
from tests.kits.history_log import KEYS
from tests.kits.outcome_log import BOOKED
from tests.kits.review_log import claimed_by, completed_by, referred
from tests.kits.stores import opened
from tests.kits.warm_log import MARK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.kits.postgres import Postgres

USER = SNAPSHOT.user_id

COLD = numbered(1, snapshot=SNAPSHOT)

_BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"

_STORED = "SELECT count(*) FROM snapshots"


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A new database with tables."""
    return postgres.migrated()


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who can hold a table."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
async def stores(url: str) -> AsyncIterator[tuple[Store, Store]]:
    """The process that decides and the one that erases."""
    deciding, erasing = await Store.open(url), await Store.open(url)
    yield deciding, erasing
    await deciding.aclose()
    await erasing.aclose()


async def decide(store: Store) -> None:
    """Record a decision with what was read for it."""
    assert await store.commit(COLD) == as_stored(COLD)


async def keep(store: Store) -> None:
    """Store a reading beside decisions."""
    assert await store.keep_warm(SNAPSHOT, MARK, 0)


@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize(
    ("work", "table"), [(decide, "decisions"), (decide, "known_counts"), (keep, "known_counts")]
)
async def test_what_was_read_before_an_erasure_is_gone_after_it(
    stores: tuple[Store, Store],
    other: asyncpg.Connection,
    work: Callable[[Store], Awaitable[None]],
    table: str,
    *,
    known: bool,
) -> None:
    """However far what stores it has come: the erasure waits for it, and leaves nothing.

    Where the machine is slower than a lock's patience, one of them is refused and left nothing.
    """
    deciding, erasing = stores
    if known:
        await deciding.commit(numbered(2, snapshot=replace(SNAPSHOT, id="earlier")))
    held = other.transaction()
    await held.start()
    await other.execute(f"LOCK TABLE {table} IN SHARE MODE")
    storing = asyncio.ensure_future(work(deciding))
    await until(lambda: blocked(other, 1))
    erased = asyncio.ensure_future(erasing.erase(USER))
    await until(lambda: ended_or_blocked(other, erased))
    await held.rollback()
    with suppress(HeldUp):
        await storing
    await carried_out(erased, erasing)
    assert await other.fetchval(_STORED) == 0
    assert await erasing.snapshot(USER, SNAPSHOT.id) is None
    found = await erasing.user_state(USER)
    assert (found.consent, found.last, found.counts) == (1, None, ())


async def test_what_was_read_before_an_erasure_is_refused_after_it(
    stores: tuple[Store, Store], other: asyncpg.Connection
) -> None:
    """Though it came when the erasure was not yet through, and the user was not known before."""
    deciding, erasing = stores
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE link_tokens IN SHARE MODE")
    erased = asyncio.ensure_future(erasing.erase(USER))
    await until(lambda: blocked(other, 1))
    deciding_late = asyncio.ensure_future(deciding.commit(COLD))
    await until(lambda: ended_or_blocked(other, deciding_late))
    await held.rollback()
    [refused, late] = await asyncio.gather(erased, deciding_late, return_exceptions=True)
    if isinstance(refused, HeldUp):
        await erasing.erase(USER)
    else:
        assert isinstance(late, (ConsentMoved, HeldUp))
    assert not await deciding.keep_warm(SNAPSHOT, MARK, 0)
    assert await other.fetchval(_STORED) == 0


async def complete(store: Store) -> None:
    """Complete a claimed review, which changes the history of its decision."""
    [review] = await store.reviews.of_decision(numbered(1).decision_id)
    await store.reviews.step(review.review_id, completed_by("ana"))


async def report(store: Store) -> None:
    """Report a loan, which changes the history of its decision."""
    told = replace(BOOKED, decision_id=numbered(1).decision_id)
    await store.record_outcome(told, numbered(1).caller, NOON)


@pytest.mark.parametrize("erase_decisions", [False, True])
@pytest.mark.parametrize("work", [complete, report])
async def test_no_erasure_waits_for_who_waits_for_it(
    url: str,
    other: asyncpg.Connection,
    work: Callable[[Store], Awaitable[None]],
    *,
    erase_decisions: bool,
) -> None:
    """What is said of a decision while it is erased comes before or after, and both get through."""
    async with opened(url) as saying, opened(url, erase_decisions=erase_decisions) as erasing:
        keys = tuple((key, 0) for key in KEYS.all)
        await saying.commit(referred(1, user_id=USER, history=HistoryEntry(keys, "PHP")))
        [review] = await saying.reviews.of_decision(numbered(1).decision_id)
        await saying.reviews.step(review.review_id, claimed_by("ana"))
        held = other.transaction()
        await held.start()
        await other.execute("SELECT decision_id FROM history FOR UPDATE")
        erased = asyncio.ensure_future(erasing.erase(USER))
        await until(lambda: blocked(other, 1))
        said = asyncio.ensure_future(work(saying))
        await until(lambda: ended_or_blocked(other, said))
        await held.rollback()
        assert (await carried_out(erased, erasing)).known
        with suppress(ReviewRefused, HeldUp):
            await said
    assert (
        await other.fetchval("SELECT count(*) FROM history_keys WHERE key = ANY($1)", HASHES) == 0
    )


async def test_an_erasure_waits_for_another_vacuum(
    stores: tuple[Store, Store], other: asyncpg.Connection
) -> None:
    """However long the server's own takes, which holds the table as its own lock does here."""
    deciding, erasing = stores
    await deciding.commit(COLD)
    held = other.transaction()
    await held.start()
    await other.execute("LOCK TABLE decisions IN SHARE UPDATE EXCLUSIVE MODE")
    erased = asyncio.ensure_future(erasing.erase(USER))
    done, _ = await asyncio.wait({erased}, timeout=1.5 * LOCK_MS / 1000)
    await held.rollback()
    assert not done
    assert (await erased).snapshots == 1


HASHES = [key for key in KEYS.all if key[:1] in KEYED]


async def carried_out(erased: asyncio.Future[Erased], erasing: Store) -> Erased:
    """What was erased; again where the first try was refused for waiting too long."""
    try:
        return await erased
    except HeldUp:
        return await erasing.erase(USER)


async def blocked(other: asyncpg.Connection, waiters: int) -> bool:
    """Whether so many transactions wait for another's lock."""
    return bool(await other.fetchval(_BLOCKED) >= waiters)


async def ended_or_blocked(other: asyncpg.Connection, second: asyncio.Future[object]) -> bool:
    """Whether the second of two is through, or waits as the first does."""
    return second.done() or await blocked(other, 2)


GEORGE = "george-1"

NEVER = 1_000

LAST = 6

"""How many requests one reading takes: what is withdrawn before the last of them is noticed."""


class Revoking(httpx2.AsyncBaseTransport):
    """The stand-in in memory; before the request with this number all accounts are revoked."""

    faults = ()

    def __init__(self, app: Simulator, number: int) -> None:
        self._inner = httpx2.ASGITransport(app)
        self._app = app
        self._left = number
        self._one_by_one = asyncio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        async with self._one_by_one:
            if self._left == 0:
                for person in self._app.tenant.world:
                    for source in person.sources:
                        self._app.tenant.revoke(source.id)
            self._left -= 1
            return await self._inner.handle_async_request(request)


class WallClock(SetClock):
    """Data does not age, deadlines pass."""

    def monotonic(self) -> float:
        return SystemClock().monotonic()


async def decided(app: Simulator, log: Store, request_id: str, revoked_at: int) -> StoredEntry:
    """A decision whose consent is withdrawn before the request with this number."""
    clock = WallClock()
    limits = SmileLimits(requests_per_second=10_000)
    transport = Revoking(app, revoked_at)
    url = "http://vendor.test/v1"
    source = SmileSource(url, "k", "s", clock, limits=limits, transport=transport)
    world = Deciding(source, log, clock, ids=Ids())  # type: ignore[arg-type]  # the real store for the fake
    try:
        asked = application(request_id=request_id, user_id=GEORGE)
        return await world.decide(leases=log.leases)(asked, world.call())
    finally:
        await source.aclose()


@pytest.mark.parametrize("number", range(1, LAST))
async def test_a_withdrawal_destroys_what_was_stored_and_stores_nothing(
    tmp_path: Path, number: int
) -> None:
    """Whichever request it precedes, earlier evidence has no key any more, and no new is kept."""
    people = {GEORGE: partial(person_like, "George", GEORGE, NOW.date())}
    app = build_app(
        World(NOW.date(), people),
        api_key="k",
        api_secret="s",
        clock=lambda: NOW,
        requests_per_second=10_000,
    )
    log = await Store.open(f"sqlite:///{tmp_path}/decisions.db")
    before = await decided(app, log, "r-1", NEVER)
    assert before.snapshot_id is not None
    key = key_of(tmp_path)
    after = await decided(app, log, "r-2", number)
    decision = CreateDecisionResponse.FromString(after.reply).decision
    assert [reason.code for reason in decision.reasons] == ["CONSENT_REVOKED"]
    assert await log.snapshot(GEORGE, before.snapshot_id) is None
    assert await log.get(before.decision_id) == before
    body = await log.snapshot(GEORGE, after.snapshot_id or "")
    assert body is not None
    kept = read_snapshot(body)
    assert all(not read.records for read in reads_of(kept))
    assert (await log.user_state(GEORGE)).counts == ()
    await log.aclose()
    for file in tmp_path.glob("decisions.db*"):
        assert key not in file.read_bytes()


def reads_of(snapshot: object) -> list:
    """What was read of each kind."""
    kinds = [kind.value for kind in Kind if kind is not Kind.ACCOUNTS]
    return [read for read in (getattr(snapshot, kind) for kind in kinds) if read is not None]


def key_of(folder: Path) -> bytes:
    """The key of the user's evidence, as the file holds it."""
    with closing(sqlite3.connect(f"file:{folder}/decisions.db?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT key FROM consents WHERE user_id = ?", (GEORGE,))
        return bytes(found.fetchone()[0])
