"""Withdrawn consent: what was read of a person is beyond reach, what was decided stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from sqlalchemy import Connection, select

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan
from bench.reliability.history import Request
from bench.reliability.score import Score
from bench.reliability.sender import SECRETS, event, post_all, signed
from bench.reliability.server import free_port
from bench.reliability.setting import Setting
from bench.reliability.stores import files, looked
from bench.reliability.vendor import person
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.errors import StoreUnavailable
from decision_service.store.keys import opened
from decision_service.store.snapshots import consents, snapshots

PART = "erasure"
PEOPLE = 60
STAYING = 5
"""Further people, who withdraw nothing."""

WITHIN = 60.0
"""Seconds from the vendor's event until nothing can be read any more."""

REVOKED = b"CONSENT_REVOKED"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store has of one person's data: the key and the encrypted bodies by their ids."""

    key: bytes | None
    bodies: Mapping[str, bytes] = field(default_factory=dict)

    def readable(self) -> bool:
        """Whether whoever has this can read something."""
        return self.key is not None and any(_opens(self.key, *one) for one in self.bodies.items())


Stored = Mapping[str, Kept]


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Decide, withdraw at the vendor, tell the service, and look past it until all is gone."""
    del seconds  # the people bound this part
    address = f"127.0.0.1:{free_port()}"
    settings = {"webhook_secrets": b",".join(SECRETS).decode(), "http_address": address}
    count = setting.options.scaled(PEOPLE, 10)
    async with bench(setting, PART, count + STAYING, **settings) as on:
        everybody = [loan(f"erase-{n}", person("George", n)) for n in range(count + STAYING)]
        leaving, staying = everybody[:count], everybody[count:]
        told = {one.request_id: await on.client.decide(one) for one in everybody}
        before = await looked(on.store_url, stored)
        found = _in_files(on.store_url, leaving, before)
        began = time.monotonic()
        await _withdraw(on, leaving, address)
        gone = await _until_gone(on, leaving, before, began + WITHIN * setting.options.slack)
        after = await looked(on.store_url, stored)
        unlike = [one for one in everybody if not await _stands(on, told[one.request_id], one)]
        used = [one for one in leaving if REVOKED not in await on.client.decide(_anew(one))]
        searched = bool(files(on.store_url))
    blind = sum(not before[one.user_id].readable() for one in everybody) + (searched and not found)
    robbed = sum(not after[one.user_id].readable() for one in staying)
    took = None if gone is None else gone - began
    _report_time(score, took, setting.options.slack, "rows and files" if searched else "rows")
    score.none(PART, "not readable before, or of those who stay", blind + robbed)
    score.none(PART, f"decisions that do not read back, of {len(everybody)}", len(unlike))
    score.none(PART, f"new decisions on withdrawn data, of {count}", len(used))
    wrong = "still there" if gone is None else "did not stand" if unlike or used else ""
    score.row("W8", wrong)


def _report_time(score: Score, took: float | None, slack: float, where: str) -> None:
    told = "never" if took is None else f"{took:.1f} s"
    kept = took is not None and took <= WITHIN * slack
    name, promise = f"everybody's data gone from {where}", f"<= {WITHIN * slack:.0f} s"
    score.judged(PART, name, told, promise, kept=kept)


async def _withdraw(on: Bench, leaving: list[Request], address: str) -> None:
    """Every account of theirs is left behind at the vendor, whose events say so."""
    tenant, posts = on.vendor.app.tenant, []
    for one in leaving:
        them = tenant.person(one.user_id)
        assert them is not None
        for source in them.sources:
            tenant.disconnect(source.id)
            body = event(source.id, "ACCOUNT_DISCONNECTED", one.user_id, sourceId=source.id)
            posts.append(signed(body))
    statuses = await post_all(address, posts)
    assert set(statuses) == {200}, f"the service took its vendor's events with {set(statuses)}"


async def _until_gone(
    on: Bench, leaving: list[Request], before: Stored, until: float
) -> float | None:
    """The moment from which nobody's data is in the store nor in its files; None if never."""
    while time.monotonic() < until:
        now = await looked(on.store_url, stored)
        rows = [one for one in leaving if one.user_id in now and now[one.user_id].key]
        bodies = [one for one in leaving if one.user_id in now and now[one.user_id].bodies]
        if not rows and not bodies and not _in_files(on.store_url, leaving, before):
            return time.monotonic()
        await asyncio.sleep(0.1)
    return None


def _in_files(url: str, leaving: list[Request], before: Stored) -> bool:
    """Whether a key or a body is in SQLite's pages though no row has it any more."""
    content = b"".join(file.read_bytes() for file in files(url))
    kept = [before[one.user_id] for one in leaving]
    traces = [one.key for one in kept if one.key]
    traces += [body[:40] for one in kept for body in one.bodies.values()]
    return any(trace in content for trace in traces)


def stored(connection: Connection) -> dict[str, Kept]:
    """What the store has of everybody's data, past the service."""
    found = connection.execute(select(consents.c.user_id, consents.c.key))
    keys = {row.user_id: row.key for row in found}
    bodies: dict[str, dict[str, bytes]] = {}
    rows = connection.execute(
        select(snapshots.c.user_id, snapshots.c.snapshot_id, snapshots.c.body)
    )
    for user, snapshot, body in rows:
        bodies.setdefault(user, {})[snapshot] = body
    return {user: Kept(keys.get(user), bodies.get(user, {})) for user in keys.keys() | bodies}


def _opens(key: bytes, snapshot: str, body: bytes) -> bool:
    try:
        return bool(opened(key, body, snapshot))
    except StoreUnavailable:
        return False


async def _stands(on: Bench, told: bytes, request: Request) -> bool:
    """Whether the decision reads back as it was told, by its id and by its request."""
    decision = service_pb.CreateDecisionResponse.FromString(told).decision
    asked = service_pb.GetDecisionRequest(decision_id=decision.decision_id)
    try:
        found = await on.client.decisions.GetDecision(asked, timeout=10)
        again = await on.client.decide(request)
    except grpc.RpcError:
        return False
    # What is shown of a reading alone, and is no part of the record.
    for name in ("income_months", "outcome_in_force", "approved_amount_in_force"):
        found.decision.ClearField(name)
    return again == told and found.decision == decision


def _anew(request: Request) -> Request:
    return loan(f"{request.request_id}-anew", request.user_id)
