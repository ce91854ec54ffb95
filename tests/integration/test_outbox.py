"""Events for others: what is one, in which order they are read, and that none is lost."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from decision_service.casework.letters import StoredNotice
from decision_service.casework.review_steps import By
from decision_service.domain.reviews import NO_POLICY, ReviewCase
from decision_service.outbox import sender as delivery
from decision_service.outbox.events import Attempt, Backlog, Event, EventFilter, EventType
from decision_service.outbox.sender import PAUSES, Receiver, Sender
from decision_service.outbox.subscriptions import Subscription, is_public, read_subscriptions
from decision_service.rulebook.releases import ReleaseAction, ReleaseEntry, release_text
from decision_service.rules.language.diagnostics import Report
from decision_service.server.services.events import Follow
from decision_service.store import outbox
from decision_service.store.engine import PostgresServer, parse_store_url
from decision_service.store.store import Store
from tests.fakes.world import SetClock
from tests.kits.decision_log import ENTRY, NOON, numbered
from tests.kits.outbox_receiver import SECRETS, receiving
from tests.kits.outbox_receiver import Receiver as Heard
from tests.kits.postgres import Postgres
from tests.kits.review_log import LETTER
from tests.kits.rollout_journal import FIRST
from tests.kits.stores import opened

ALL = EventFilter()
AWAY = Subscription("los", "http://127.0.0.1:9/", ALL, (), allow_private=True)
LOADED = Event(id="evt_1", type="rules.loaded", made=NOON, sequence=1, key="")
DAY = timedelta(days=1)
Shared: TypeAlias = tuple[str, AsyncEngine]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with opened(url) as store:
        yield store


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    async with receiving() as heard:
        yield heard


@pytest.fixture
async def shared(postgres: Postgres) -> AsyncIterator[Shared]:
    """An empty store that processes share, and connections apart from theirs."""
    address = parse_store_url(url := postgres.migrated())
    assert isinstance(address, PostgresServer)
    engine = create_async_engine(address.url)
    yield url, engine
    await engine.dispose()


async def every(store: Store, chosen: EventFilter = ALL) -> Sequence[Event]:
    return (await store.outbox.page(0, await store.outbox.end(), chosen, 500)).events


async def rounds(store: Store, to: Subscription, clock: SetClock, until: datetime) -> None:
    """Send whatever is due, half an hour after another of a clock that is moved."""
    sender = Sender(store.outbox, [to], clock)
    receiver = Receiver(to)
    while clock.wall <= until:
        while await sender.round(to, receiver):
            pass
        clock.wall += timedelta(minutes=30)
    await receiver.aclose()


async def begun(store: Store, to: Subscription) -> None:
    """A subscription that has seen the store, so that it is sent what comes next."""
    while await store.outbox.end() < 0:
        pass
    await store.outbox.collect(to, NOON)


async def test_each_thing_that_happens_is_one_event_of_its_caller(store: Store) -> None:
    """By ids alone, and once, also where processes record it together; others' are not shown."""
    again = numbered(2, replaces=ENTRY.decision_id)
    for entry in (ENTRY, ENTRY, again):
        await store.commit(entry)
    case = ReviewCase(ENTRY.decision_id, ENTRY.caller, ENTRY.user_id, ENTRY.product, ENTRY.outcome)
    await store.reviews.contest(case, By("los", "", NOON), "Why Ana Cruz?", NO_POLICY)
    letter = StoredNotice(ENTRY.decision_id, ENTRY.caller, LETTER, "a" * 64, NOON, "maria")
    for _ in range(2):
        await store.notices.record(letter)
        await store.append(FIRST)
        await store.outbox.rules_refused("R101 rules.yaml", NOON)
    content = release_text(b"a folder")
    proposed = ReleaseEntry(1, NOON, ReleaseAction.PROPOSE, content.digest)
    once = replace(proposed, position=2, action=ReleaseAction.CONFIRM, about=1)
    no = replace(once, position=3, action=ReleaseAction.DECLINE)
    decides = replace(once, position=4, action=ReleaseAction.RELEASE)
    back = replace(decides, position=5, action=ReleaseAction.REVERT, base=4)
    for _ in range(2):
        for step in (proposed, once, no, decides, back):
            await store.add_release(step, content if step is proposed else None)
    await store.erase(ENTRY.user_id)
    found = await every(store)
    assert " ".join(one.type for one in found) == (
        "decision.recorded decision.again review.opened letter.made rollout.stepped rules.refused "
        "rules.proposed rules.confirmed rules.declined rules.confirmed rules.loaded rules.loaded "
        "review.ended applicant.erased"
    )
    said = b"".join(one.body("s-1") for one in found).decode()
    assert not [one for one in ("Ana Cruz", "Why", "hindi", "maria", "PHP") if one in said]
    assert {one.user_id for one in found if one.user_id} == {ENTRY.user_id}
    mine = await every(store, EventFilter(ENTRY.caller))
    assert mine == [one for one in found if one.decision_id or one.user_id]
    assert await every(store, EventFilter("another")) == []
    [only] = await every(store, EventFilter(types=(EventType.LETTER_MADE,)))
    assert (only.letter_id, only.application_id) == (letter.notice_id, ENTRY.application_id)


async def test_events_go_with_their_decision_but_that_of_the_erasure(url: str) -> None:
    """Also those that were still to be sent; nothing then waits for them."""
    async with opened(url, erase_decisions=True) as store:
        await begun(store, AWAY)
        await store.commit(ENTRY)
        await store.outbox.collect(AWAY, NOON)
        await store.erase(ENTRY.user_id)
        await store.outbox.collect(AWAY, NOON)
        [left] = await every(store)
        [due] = await store.outbox.due(AWAY, NOON + DAY, 10)
        assert (left.type, left.user_id) == (EventType.APPLICANT_ERASED, ENTRY.user_id)
        assert due.event == left


async def test_what_is_erased_while_it_is_taken_is_not_left_to_be_sent(shared: Shared) -> None:
    """By another process: the erasure waits for it, and what comes next is sent."""
    (url, engine), waiting = shared, sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with opened(url, erase_decisions=True) as store, engine.connect() as taking:
        await begun(store, AWAY)
        await store.commit(ENTRY)
        await taking.run_sync(outbox.collect, AWAY, await store.outbox.end(), NOON)
        erasing = asyncio.create_task(store.erase(ENTRY.user_id))
        while not erasing.done() and not await taking.scalar(waiting):
            pass
        await taking.commit()
        await erasing
        await store.outbox.collect(AWAY, NOON)
        [due] = await store.outbox.due(AWAY, NOON + DAY, 10)
        assert due.event.type == EventType.APPLICANT_ERASED


async def test_retention_takes_events_of_no_decision_too(store: Store) -> None:
    """Rollout steps and erasures go once they are as old as decisions that go."""
    await store.append(FIRST)
    assert len(await every(store)) == 1
    await store.expire(FIRST.at + DAY, 10)
    assert await every(store) == []


async def test_a_cursor_passes_nothing_that_may_still_be_committed(shared: Shared) -> None:
    """One commit is held open while three processes go on: nothing is skipped, nothing comes twice.

    What was written first is committed last; what is rolled back never comes.
    """
    url, engine = shared
    stores = [await Store.open(url) for _ in range(3)]
    seen: list[Event] = []
    place = 0

    async def read_on() -> int:
        nonlocal place
        page = await stores[0].outbox.page(place, await stores[0].outbox.end(), ALL, 7)
        place = page.last
        seen.extend(page.events)
        return len(page.events)

    for number in range(1, 6):
        async with engine.connect() as held, engine.connect() as lost:
            for connection, of in ((held, f"held {number}"), (lost, f"lost {number}")):
                row = outbox.row(EventType.ROLLOUT_STEPPED, of, NOON)
                await connection.run_sync(outbox.record, [row])
            before = len(seen)
            entries = [numbered(100 * number + each) for each in range(12)]
            commits = [stores[each % 3].commit(entry) for each, entry in enumerate(entries)]
            await asyncio.gather(*commits)
            while await read_on():
                pass
            assert len(seen) == before, "what was committed later waits for the open transaction"
            await lost.rollback()
            await held.commit()
        while len(seen) < before + 13:
            await read_on()
    assert {*Counter(one.id for one in seen).values()} == {1}
    assert [one.id for one in seen] == [one.id for one in await every(stores[1])]
    assert [one.sequence for one in seen] == sorted(one.sequence for one in seen)
    for one in stores:
        await one.aclose()


async def test_what_waits_for_another_transaction_comes_after_it(shared: Shared) -> None:
    """Also where it began first; a subscription that is new meanwhile is sent nothing older."""
    url, engine = shared
    async with engine.connect() as second, engine.connect() as first, opened(url) as store:
        for connection in (second, first):
            await connection.execute(sa.text("SELECT pg_current_xact_id()"))
        await store.append(FIRST)
        await store.outbox.collect(AWAY, NOON)
        for connection in (first, second):
            row = outbox.row(EventType.ROLLOUT_STEPPED, f"{connection is first}", NOON)
            await connection.run_sync(outbox.record, [row])
            await connection.commit()
        _, earlier, later = [one.sequence for one in await every(store)]
        assert earlier < later
        await store.outbox.collect(AWAY, NOON)
        await store.outbox.collect(AWAY, NOON)
        assert await store.outbox.due(AWAY, NOON + DAY, 10) == []


async def test_what_an_open_transaction_holds_back_is_seen(
    postgres: Postgres, shared: Shared
) -> None:
    """Its age counts before it can be taken, also where the transaction is of another database."""
    async with opened(postgres.copied()) as store, shared[1].connect() as held:
        await begun(store, AWAY)
        await held.execute(sa.text("SELECT pg_current_xact_id()"))
        await store.commit(ENTRY)
        assert await store.outbox.collect(AWAY, NOON) == 0
        assert await store.outbox.backlog(["los"]) == [Backlog("los", 0, ENTRY.created, 0)]


async def test_who_waits_gets_an_event(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many wait together, each for what it may see; without one the page is empty in the end."""
    follow = Follow(store.outbox)
    after = await store.outbox.end()
    waiting = [
        asyncio.create_task(follow.list(after, EventFilter(caller), 10, 60.0))
        for caller in ("", ENTRY.caller, ENTRY.caller)
    ]
    stranger = await follow.list(after, EventFilter("another"), 10, 0.0)
    assert stranger.events == []
    await store.commit(ENTRY)
    for page in await asyncio.gather(*waiting):
        assert [one.decision_id for one in page.events] == [ENTRY.decision_id]
    later = await follow.list(stranger.last, EventFilter("another"), 10, 0.0)
    assert (later.events, later.last > after) == ([], True)
    stopping = Follow(store.outbox, lambda: True)
    assert (await stopping.list(later.last, ALL, 10, 60.0)).events == []
    monkeypatch.setattr(outbox, "MOST_READ", 0)
    await store.append(FIRST)
    steps = EventFilter(types=(EventType.ROLLOUT_STEPPED,))
    assert (await follow.list(after, steps, 10, 0.0)).events == []
    assert len((await follow.list(after, steps, 10, 60.0)).events) == 1


async def test_a_store_copied_to_another_server_goes_on_in_order(postgres: Postgres) -> None:
    """It is another store, and its events go on in their order."""
    url = postgres.migrated()
    async with opened(url) as store:
        for number in range(1, 4):
            await store.commit(numbered(number))
        first = await store.outbox.store_id()
    psql = [str(postgres.server.bin_path / "psql"), url, "-qc"]
    subprocess.run([*psql, "UPDATE event_stores SET server = 'another'"], check=True)
    async with opened(url) as store:
        await store.commit(numbered(4))
        found = await every(store)
        assert [one.sequence for one in found] == sorted(one.sequence for one in found)
        assert len(found) == 4
        assert await store.outbox.store_id() != first


_DIES = """
import asyncio, os, sys
from decision_service.runtime import failpoints
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY
failpoints.arm(failpoints.Point(sys.argv[2]), lambda: os._exit(9))
async def main():
    await (await Store.open(sys.argv[1])).commit(ENTRY)
asyncio.run(main())
"""


@pytest.mark.long
@pytest.mark.parametrize(("point", "sent"), [("in-commit", 0), ("after-commit", 1)])
async def test_a_kill_loses_no_event_and_makes_none(
    url: str, heard: Heard, point: str, sent: int
) -> None:
    """A process is killed before and after its commit: the next one sends what was committed."""
    to = heard.subscription()
    async with opened(url) as store:
        await begun(store, to)
    done = subprocess.run([sys.executable, "-c", _DIES, url, point], check=False)
    assert done.returncode == 9
    async with opened(url) as store:
        await rounds(store, to, SetClock(NOON), NOON)
        assert [one["type"] for one in heard.taken] == [EventType.DECISION_RECORDED] * sent


async def test_what_was_received_but_not_noted_is_sent_again(store: Store, heard: Heard) -> None:
    """The sender ends before its note: the same id comes again. No answer is read to its end."""
    to, clock = heard.subscription(), SetClock(NOON)
    await begun(store, to)
    await store.commit(ENTRY)
    await store.outbox.collect(to, NOON)
    [one] = await store.outbox.due(to, NOON, 10)
    heard.answers, receiver = (lambda _: 207), Receiver(to)
    assert await receiver.send(one.event, one.event.body("s"), NOON) == ""
    await receiver.aclose()
    await rounds(store, to, clock, NOON)
    assert [event["id"] for event in heard.taken] == [one.event.id] * 2


@pytest.mark.parametrize(
    ("url", "fault"),
    [("postgresql", 500), *(("sqlite", fault) for fault in (500, 301, 302, None, "away"))],
    indirect=["url"],
)
async def test_a_receiver_that_is_ill_for_most_of_a_day_loses_nothing(
    store: Store, heard: Heard, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers 500, a redirect, nothing, or is away and the clock goes back; then all come."""
    monkeypatch.setattr(delivery, "SECONDS", 0.2 if fault is None else 5.0)
    monkeypatch.setattr(delivery, "JITTER", 0.0)
    to, clock = heard.subscription(), SetClock(NOON)
    ill = replace(to, url="http://127.0.0.1:9/") if fault == "away" else to
    await begun(store, to)
    entries = [numbered(number, user_id=f"user-{number % 3}") for number in range(1, 13)]
    for entry in entries:
        await store.commit(entry)
    heard.answers = lambda _: fault
    await rounds(store, ill, clock, NOON + timedelta(hours=1 if fault is None else 20))
    assert heard.taken == []
    heard.answers, clock.wall = (lambda _: 204), clock.wall - DAY * (fault == "away")
    await rounds(store, to, clock, clock.wall + timedelta(hours=3))
    of = {entry.decision_id: entry.user_id for entry in entries}
    taken = [one["data"]["decision_id"] for one in heard.taken]
    assert sorted(taken) == sorted(of)
    for user in {*of.values()}:
        own = [one["sequence"] for one in heard.taken if of[one["data"]["decision_id"]] == user]
        assert own == sorted(own)
    for event in {*(one["id"] for one in heard.came)}:
        heads = [head for head in heard.heads if head["webhook-id"] == event]
        assert len({head["webhook-signature"] for head in heads}) == len(
            {head["webhook-timestamp"] for head in heads}
        )
    assert not [head for head in heard.heads if head["host"] not in to.url]


async def test_an_event_waits_for_those_of_its_person(store: Store, heard: Heard) -> None:
    """One that its receiver refuses holds its own person back until it is dead, and no other."""
    to, clock = heard.subscription(), SetClock(NOON)
    await begun(store, to)
    first, second, other = numbered(1), numbered(2), numbered(3, user_id="user-other")
    for entry in (first, second, other):
        await store.commit(entry)
    heard.answers = lambda event: 500 if event["data"]["decision_id"] == first.decision_id else 204
    await rounds(store, to, clock, NOON + timedelta(hours=1))
    assert [one["data"]["decision_id"] for one in heard.taken] == [other.decision_id]
    [backlog] = await store.outbox.backlog([to.name])
    assert (backlog.count, backlog.dead) == (2, 0)
    await rounds(store, to, clock, NOON + 2 * DAY)
    assert [one["data"]["decision_id"] for one in heard.taken][1:] == [second.decision_id]
    tries = [one for one in heard.came if one["data"]["decision_id"] == first.decision_id]
    assert len(tries) == len(PAUSES) + 1
    assert sum(PAUSES) == DAY.total_seconds()
    [dead] = await store.outbox.dead(("", 0), 10)
    assert (dead.subscription, dead.event.decision_id) == ("los", first.decision_id)
    heard.answers = lambda _: 204
    assert await store.outbox.resend(dead.event.id, clock.wall) == 1
    assert await store.outbox.resend("evt_unknown", clock.wall) == 0
    await rounds(store, to, clock, clock.wall)
    assert heard.taken[-1]["id"] == dead.event.id
    assert await store.outbox.dead(("", 0), 10) == []


async def test_what_is_not_received_is_seen(store: Store, heard: Heard) -> None:
    """How much it is and how old, by subscription, also where no process sends."""
    to, clock = heard.subscription(), SetClock(ENTRY.created + timedelta(minutes=16))
    sender = Sender(store.outbox, [to, heard.subscription("other")], clock)
    await sender.look()
    await store.commit(ENTRY)
    await sender.look()
    sent = await store.outbox.due(heard.subscription("other"), clock.wall, 10)
    await store.outbox.settle([Attempt(one, received=True) for one in sent])
    await sender.look()
    seen = {
        (metric.name, sample.labels["subscription"]): sample.value
        for metric in sender.metrics()
        for sample in metric.samples
    }
    names = [f"decision_service_events_{one}" for one in ("to_send", "oldest_seconds", "dead")]
    figures = (1, 0, 960, 0, 0, 0)
    assert seen == dict(zip(product(names, ("los", "other")), figures, strict=True))


async def test_one_process_sends_until_it_hangs_or_is_gone(postgres: Postgres) -> None:
    """Another one takes over once the lease is over or the connection of the first has ended."""
    url = postgres.migrated()
    psql = [str(postgres.server.bin_path / "psql"), url, "-qc"]
    async with opened(url) as here:
        async with opened(url) as there:
            assert [await here.outbox.may_send() for _ in range(3)] == [True] * 3
            assert not await there.outbox.may_send()
            subprocess.run([*psql, "UPDATE leases SET expires = '2020-01-01'"], check=True)
            assert await there.outbox.may_send()
            assert not await here.outbox.may_send()
        while not await here.outbox.may_send():
            pass


async def test_a_name_that_leads_to_this_machine_is_not_called(heard: Heard) -> None:
    """Whatever it meant when the file was read; the address is looked at when it is called."""
    to = replace(heard.subscription(), allow_private=False)
    receiver = Receiver(replace(to, url=to.url.replace("127.0.0.1", "localhost")))
    why = await receiver.send(LOADED, b"{}", NOON)
    assert "which is no public address" in why
    assert heard.came == []
    await receiver.aclose()


async def test_a_name_whose_server_hangs_keeps_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events wait for it; it is looked up in the letters of DNS."""
    monkeypatch.setattr(delivery, "SECONDS", 0.2)
    asked: list[bytes] = []
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *to: asked.append(to[0]) or answered.wait())
    receiver = Receiver(replace(AWAY, url="https://straße.example/"))
    for _ in range(2):
        said = await asyncio.gather(*(receiver.send(LOADED, b"{}", NOON) for _ in range(3)))
        assert {*said} == {"no answer within 0.2 s"}
    answered.set()
    assert asked == [b"xn--strae-oqa.example"]
    await receiver.aclose()


INSIDE = (
    "10.0.0.1 127.0.0.1 169.254.169.254 192.168.1.1 224.0.0.1 0.0.0.0 100.64.0.1 ::1 ::10.0.0.1 "
    "fe80::1%0 fec0::1 fc00::1 ff02::1 ::ffff:10.0.0.1 2002:a00:1:: 64:ff9b::a00:1 64:ff9b:1::a00:1"
)


@pytest.mark.parametrize("address", INSIDE.split())
def test_addresses_inside_are_not_public(address: str) -> None:
    """Private, link-local, loopback and multicast ones, also wrapped in IPv6."""
    assert not is_public(address)
    assert is_public("8.8.8.8")
    assert is_public("2606:4700::1111")


GOOD = "url: https://8.8.8.8/hook, secrets: [{file: SECRET}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD}, types: [decision.made]", "an event's type is `decision.made`; it must be"),
        (GOOD.replace("8.8.8.8", "10.1.2.3"), "leads to 10.1.2.3, which is no public address"),
        (GOOD.replace("8.8.8.8", "localhost"), "set allow_private: true"),
        (GOOD.replace("8.8.8.8", "224.0.0.5"), "leads to 224.0.0.5, which is no public address"),
        (GOOD.replace("https", "http"), "is http, which is for this machine alone: use https"),
        (GOOD.replace("8.8.8.8", "a:b@host"), "without user and password"),
        (GOOD.replace("8.8.8.8", "a..b"), "is no address: write https://host/path"),
        (GOOD.replace("SECRET", "/no/file"), "the secret in `/no/file` is not there"),
        (GOOD.replace("file: SECRET", "env: NONE"), "the secret in `NONE` is not there"),
        (GOOD.replace("]", ", {file: SECRET}, {file: SECRET}]"), "has 3 secrets"),
        ("secrets: [{file: SECRET}]", "has no `url`"),
    ],
)
def test_a_mistake_in_the_file_of_subscriptions_is_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    """With its place; and the same file without it is read."""
    secret, file = tmp_path / "secret", tmp_path / "events.yaml"
    secret.write_text(SECRETS[0])

    def read(fields: str) -> Sequence[Subscription]:
        fields = fields.replace("SECRET", str(secret))
        file.write_text(f"subscriptions:\n  los: {{{fields}}}\n")
        return read_subscriptions(file, report)

    report = Report()
    read(text)
    [problem] = report.diagnostics()
    assert said in problem.message
    assert SECRETS[0] not in problem.message + problem.quoted
    [good] = read(f"{GOOD}, caller: los, types: [letter.made]")
    assert good.chosen == EventFilter("los", ("letter.made",))
