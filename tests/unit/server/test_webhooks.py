"""The vendor's events over HTTP: who may send them, and what is taken."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from structlog.testing import capture_logs

from decision_service.decide.events import Event, Receipt, ReceiveEvents
from decision_service.domain.accounts import Kind
from decision_service.server.transport.webhooks import (
    LARGEST_BODY,
    MOST_AT_ONCE,
    Receive,
    WebhookReceiver,
)
from decision_service.smile.events import PATH, SmileEvents, read_event, signature, signing_key
from decision_service.store.snapshots import warm
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.observed import by_label
from tests.fakes.world import NOW, SetClock
from tests.kits.cases import until

NEW, OLD = b"newest secret", b"older secret"
CONTENT = {
    "id": "et-1",
    "version": "v1",
    "type": "TASK_FINISHED",
    "createdAt": "2026-11-24T04:00:00Z",
    "data": {"userId": "u-1", "sourceId": "a-1", "datapoints": ["EINCOMES", "IDENTITIES"]},
}
BODY = json.dumps(CONTENT).encode()


class Desk:
    """A receiver on an in-memory log, and a client of it."""

    def __init__(self, client: httpx2.AsyncClient, log: InMemoryDecisionLog, told: list[str]):
        self.client, self.log, self.told = client, log, told

    async def send(self, body=BODY, secret: bytes = NEW, header: object = None) -> int:
        """The status that an event of this body and secret, or header, gets."""
        signed = signature(body, secret) if header is None else header
        answer = await self.client.post(PATH, content=body, headers={"smile-signature": signed})
        assert answer.content == b""
        return answer.status_code


@asynccontextmanager
async def opened(
    seconds: float = 5.0, receive: Receive | None = None
) -> AsyncIterator[tuple[Desk, WebhookReceiver]]:
    log, told = InMemoryDecisionLog(), []
    recorded = ReceiveEvents(log, SetClock(), lambda: told.append("told"), told.append)
    receiver = WebhookReceiver(receive or recorded, SmileEvents(), (NEW, OLD), seconds=seconds)
    transport = httpx2.ASGITransport(Starlette(routes=receiver.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hooks") as client:
        yield Desk(client, log, told), receiver


async def test_a_signed_event_is_recorded_and_told_once() -> None:
    """Sent three times it is acknowledged three times, recorded once and told once."""
    async with opened() as (desk, receiver):
        assert [await desk.send() for _ in range(3)] == [200, 200, 200]
        [event] = await desk.log.pending(10, NOW, withdrawals=False)
        assert (event.id, event.user_id, event.source) == ("et-1", "u-1", "a-1")
        assert event.kinds == (Kind.EINCOMES, Kind.IDENTITIES)
        assert desk.told == ["u-1", "told"]
        assert by_label(receiver.received) == {"new": 1, "seen": 2}


async def test_a_secret_is_replaced_without_refusing_any() -> None:
    """Events signed by the older secret are taken too, and counted apart."""
    async with opened() as (desk, receiver):
        assert await desk.send(secret=OLD) == 200
        assert await desk.send(secret=b"another") == 401
        assert by_label(receiver.signed) == {"1": 1}


def mutations(count: int) -> list[tuple[str, bytes]]:
    """Signatures and bodies that differ from a good pair in one place or in form."""
    dice, good = random.Random(7), signature(BODY, NEW)
    found: list[tuple[str, bytes]] = [
        ("", BODY), (good[:-1], BODY), (good + "0", BODY), (good.upper(), BODY),
        (f"sha512={good}", BODY), (good[::-1], BODY), (f" {good}", BODY), ("é" * 128, BODY),
        (signature(BODY, b""), BODY), (signature(b"", NEW), BODY),
        (good, json.dumps(CONTENT, indent=1).encode()), (good, BODY + b"\n"),
    ]  # fmt: skip
    while len(found) < count:
        place, body = dice.randrange(len(good)), bytearray(BODY)
        if dice.random() < 0.5:
            digit = dice.choice("0123456789abcdef".replace(good[place], ""))
            found.append((good[:place] + digit + good[place + 1 :], BODY))
        else:
            body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
            found.append((good, bytes(body)))
    return found


def test_no_mutated_signature_is_taken() -> None:
    """Of 10,000 pairs of signature and body that are not the vendor's, none is accepted."""
    assert signing_key(signature(BODY, NEW), BODY, (NEW, OLD)) == 0
    taken = [pair for pair in mutations(10_000) if signing_key(*pair, (NEW, OLD)) is not None]
    assert taken == []


async def test_what_is_not_signed_is_refused_without_a_word() -> None:
    """401 with an empty body, and nothing is recorded."""
    async with opened() as (desk, receiver):
        for header, body in mutations(60):
            assert await desk.send(body, header=header.encode("utf-8")) == 401
        assert list(await desk.log.pending(10, NOW, withdrawals=False)) == []
        assert by_label(receiver.received) == {"unsigned": 60}


def of_requests() -> int:
    """How many objects there are of the classes that serve requests, events and their bodies.

    A server of other tests may go on beside this one and makes objects of other kinds.
    """
    gc.collect()
    served = ("starlette", "decision_service.server", "decision_service.decide")
    return sum(str(type(one).__module__).startswith(served) for one in gc.get_objects())


@pytest.mark.long
async def test_ten_thousand_refusals_leave_nothing_behind() -> None:
    """Mutated, replayed and oversized: no object of ours stays, however many come."""
    async with opened() as (_, receiver):
        app = Starlette(routes=receiver.routes())
        pairs = mutations(10_000)
        oversized = b"x" * (LARGEST_BODY + 1)
        sent = [*pairs[:1000], (signature(BODY, NEW), BODY), ("0" * 128, oversized)]
        for header, body in sent:
            await post(app, header, body)
        before = of_requests()
        for header, body in [*pairs[1000:], *[(signature(BODY, NEW), BODY)] * 500]:
            await post(app, header, body)
        assert of_requests() - before < 500
        answered = {"unsigned": 10_000, "new": 1, "seen": 500, "too_large": 1}
        assert by_label(receiver.received) == answered


async def post(app: Starlette, header: str, body: bytes) -> None:
    """A request without the costs of a client."""
    headers = [(b"smile-signature", header.encode("utf-8"))]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_: object) -> None:
        pass

    await app(scope, receive, send)


async def test_types_are_counted_and_new_ones_together() -> None:
    """By name as far as the vendor documents them, else as unknown; they wait for nobody."""
    async with opened() as (desk, receiver):
        for number, event_type in enumerate(("USER_CREATED", "NEW_A", "NEW_B", "TASK_FINISHED")):
            content = {**CONTENT, "id": f"et-{number}", "type": event_type}
            assert await desk.send(json.dumps(content).encode()) == 200
        assert by_label(receiver.types) == {"USER_CREATED": 1, "unknown": 2, "TASK_FINISHED": 1}
        [event] = await desk.log.pending(10, NOW, withdrawals=False)
        assert event.type == "TASK_FINISHED"


def test_archives_and_counts_are_read() -> None:
    """`archiveId` is a source; of added transactions, and of nothing else, the count is kept."""
    gone = {"id": "et-1", "type": "ARCHIVE_REVOKED", "data": {"userId": "u", "archiveId": "ar-1"}}
    added = {"id": "et-2", "type": "TRANSACTIONS_ADDED", "data": {"userId": "u", "count": 7}}
    other = {"id": "et-3", "type": "EINCOMES_ADDED", "data": {"userId": "u", "count": 7}}
    events = [read_event(json.dumps(one).encode()) for one in (gone, added, other)]
    assert [(one.source, one.added) for one in events if one] == [("ar-1", 0), ("", 7), ("", 0)]


async def test_the_same_id_with_another_body_is_a_conflict() -> None:
    """409 and an alarm, and the first stays."""
    async with opened() as (desk, _):
        await desk.send()
        other = json.dumps({**CONTENT, "type": "ACCOUNT_DISCONNECTED"}).encode()
        with capture_logs() as logs:
            assert await desk.send(other) == 409
        assert [line["alarm"] for line in logs] == ["EVENT_CONFLICT"]
        [event] = await desk.log.pending(10, NOW, withdrawals=False)
        assert event.type == "TASK_FINISHED"


async def test_a_withdrawal_is_quarantined_before_it_is_acknowledged() -> None:
    """When the 200 is there, what was read of the user does not serve any more."""
    async with opened() as (desk, _):
        content = {**CONTENT, "type": "ACCOUNT_DISCONNECTED"}
        assert await desk.send(json.dumps(content).encode()) == 200
        quarantined = select(warm.c.user_id).where(warm.c.quarantined > 0)
        found = await desk.log.database.read(lambda c: c.execute(quarantined).scalars().all())
        assert found == ["u-1"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"id": "et-1"}', b'{"id": 1, "type": "A"}', b'{"id":"a/b","type":"A"}'],
)
async def test_what_is_signed_and_not_an_event_is_refused(body: bytes) -> None:
    """400, and nothing is recorded."""
    async with opened() as (desk, _):
        assert await desk.send(body) == 400
        assert list(await desk.log.pending(10, NOW, withdrawals=False)) == []


async def test_bounds() -> None:
    """Over 1 MB is 413, a store that is down 503, and neither leaves anything."""
    async with opened() as (desk, receiver):
        assert await desk.send(b"x" * (LARGEST_BODY + 1)) == 413
        desk.log.down = True
        assert await desk.send() == 503
        desk.log.down = False
        assert await desk.send() == 200
        assert by_label(receiver.received) == {"too_large": 1, "store_down": 1, "new": 1}


async def test_a_body_that_does_not_end_is_given_up() -> None:
    """408 once its time is over."""

    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with opened(seconds=0.05) as (desk, _):
        assert await desk.send(dripping(), header="0" * 128) == 408


async def test_more_at_once_than_may_be_are_told_to_come_back() -> None:
    """The 33rd whose body has come is 503; when they have ended, the next is taken."""
    go, begun = asyncio.Event(), list[Event]()

    async def held(event: Event) -> Receipt:
        begun.append(event)
        await go.wait()
        return Receipt.NEW

    async with opened(receive=held) as (desk, _):
        sent = [asyncio.create_task(desk.send()) for _ in range(MOST_AT_ONCE)]
        await until(lambda: len(begun) == MOST_AT_ONCE)
        assert await desk.send() == 503
        go.set()
        assert set(await asyncio.gather(*sent)) == {200}
        assert await desk.send() == 200


def test_what_is_new_to_us_in_an_event_is_left_out() -> None:
    """Unknown types, kinds, fields and ill-formed ids are taken, and mean nothing."""
    content = {
        "id": "et-2",
        "type": "SOMETHING_NEW",
        "extra": 1,
        "data": {"userId": "../u", "datapoints": ["RATINGS", "TRANSACTIONS"]},
    }
    event = read_event(json.dumps(content).encode())
    assert isinstance(event, Event)
    assert (event.user_id, event.kinds) == ("", (Kind.TRANSACTIONS,))
    assert event.meaning.value == "noted"
