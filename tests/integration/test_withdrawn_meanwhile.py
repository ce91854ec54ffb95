"""Consent that is withdrawn while data is read, at the real adapter and the real store."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx2
import pytest

from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.decide.codec import read_snapshot
from decision_service.domain.accounts import Kind
from decision_service.domain.ports import StoredEntry
from decision_service.runtime.clock import Ids, SystemClock
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.sandbox import person_like
from decision_service.standin.server import Simulator, build_app
from decision_service.standin.world import World
from decision_service.store.store import Store
from tests.fakes.world import NOW, SetClock, application
from tests.fakes.world import World as Deciding

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
