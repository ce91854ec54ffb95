"""Events of the vendor reaching a running service: warm decisions, and withdrawn consent."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2

from decision_service.server.webhooks import PATH, signature
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, at_vendor, create, outcome
from tests.kits.until import until

GEORGE = sandbox_people()[0].user_id
COLD = 7
"""Accounts, four kinds, and a closing look, since one of his accounts has nothing of a kind."""
SECRET = "one of the vendor's"
SETTINGS = {"webhook_secrets": f"a newer secret of tests,{SECRET}", "http_address": "127.0.0.1:0"}


async def send(live: Running, event_type: str, **data: Any) -> int:
    """An event as the vendor sends it."""
    event = {
        "id": f"et-{uuid.uuid4().hex}",
        "version": "v1",
        "type": event_type,
        "createdAt": "2026-11-24T04:00:00Z",
        "data": {"userId": GEORGE, **data},
    }
    body = json.dumps(event).encode()
    headers = {"smile-signature": signature(body, SECRET.encode())}
    async with httpx2.AsyncClient(base_url=live.service.http_url) as client:
        return (await client.post(PATH, content=body, headers=headers)).status_code


async def calls(live: Running) -> int:
    """Decide on George anew, and say how many of the vendor's calls that caused."""
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert outcome(decision) == "APPROVE"
    return decision.data_quality.upstream_calls


def snapshots(store: Path) -> int:
    """How many snapshots of George the file holds."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(*) FROM snapshots WHERE user_id = ?", (GEORGE,))
        return int(found.fetchone()[0])


async def test_a_second_decision_is_warm_until_an_event_says_otherwise(tmp_path: Path) -> None:
    """A cold reading, then no call; after an event data is read in the background: again none."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        assert [await calls(live), await calls(live)] == [COLD, 0]
        before = vendor.meter.total
        assert await send(live, "EINCOMES_ADDED", count=1) == 200
        await until(lambda: vendor.meter.total > before)
        assert await calls(live) == 0


async def test_a_withdrawal_that_the_vendor_confirms_erases(tmp_path: Path) -> None:
    """The data is gone from the file, and the next decision refers for CONSENT_REVOKED."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        await calls(live)
        person = vendor.tenant.person(GEORGE)
        assert person is not None
        for source in person.sources:
            vendor.tenant.disconnect(source.id)
        assert await send(live, "ACCOUNT_DISCONNECTED", sourceId=person.sources[0].id) == 200
        await until(lambda: not snapshots(tmp_path / "decisions.db"))
        decision = (await live.stub.CreateDecision(create(GEORGE))).decision
        assert outcome(decision) == "REFER"
        assert decision.reasons[0].code == "CONSENT_REVOKED"


async def test_a_forged_withdrawal_erases_nothing(tmp_path: Path) -> None:
    """Signed by a leaked secret it only makes the service look: the next decision reads again."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        await calls(live)
        before = vendor.meter.total
        assert await send(live, "ACCOUNT_DISCONNECTED", sourceId="a-made-up") == 200
        await until(lambda: vendor.meter.total > before)
        assert snapshots(tmp_path / "decisions.db") == 1
        assert await calls(live) == COLD
