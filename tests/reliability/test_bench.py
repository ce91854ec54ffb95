"""The bench itself: it finds every kind of wrong, and docs/reliability.md names what it does."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
import pytest_asyncio
from msgspec.structs import replace
from sqlalchemy import delete

from bench.reliability.__main__ import PARTS
from bench.reliability.check import compare
from bench.reliability.client import advance, connected, loan, nothing_recorded, reason
from bench.reliability.desks.account import Account, Case, Step
from bench.reliability.desks.check import checked, ended_twice, had_by_two, not_once_again
from bench.reliability.desks.records import Recorded, Standing
from bench.reliability.forgeries import forgeries
from bench.reliability.forked import ENDED as KILLED
from bench.reliability.forked import Forked
from bench.reliability.history import History, Told
from bench.reliability.nursery import nursery
from bench.reliability.proxy import FaultProxy, Way, proxied
from bench.reliability.rules import harness_rules
from bench.reliability.sabotage import SABOTAGES
from bench.reliability.score import Score, render
from bench.reliability.sender import SECRETS, event, signed
from bench.reliability.server import Server
from bench.reliability.stores import events_wrong, reviews_missing
from bench.reliability.stores import recorded as recorded_requests
from bench.reliability.vendor import person, running_vendor
from decision_service.domain.decision import Outcome
from decision_service.domain.reviews import (
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewOrigin,
    ReviewResult,
    ReviewState,
)
from decision_service.smile.events import signing_key
from decision_service.store.outbox import events_out
from tests.e2e.service import ROOT
from tests.kits.decision_log import numbered
from tests.kits.review_log import referred
from tests.kits.stores import opened

REQUEST = advance("r-1", "u-1")


def history(told: Told, reply: bytes = b"yes") -> History:
    """One request and what its client was told."""
    found = History()
    found.invoked(REQUEST)
    if told is Told.OK:
        found.ok(REQUEST, reply)
    elif told is Told.REFUSED:
        found.refused(REQUEST)
    else:
        found.unknown(REQUEST)
    return found


@pytest.mark.parametrize(
    ("told", "rows", "wrong"),
    [
        (Told.OK, {"r-1": [b"yes"]}, None),
        (Told.OK, {}, "lost"),
        (Told.OK, {"r-1": [b"no"]}, "divergent"),
        (Told.OK, {"r-1": [b"yes", b"yes"]}, "duplicate"),
        (Told.OK, {"r-1": [b"yes"], "r-2": [b"yes"]}, "invented"),
        (Told.REFUSED, {}, None),
        (Told.REFUSED, {"r-1": [b"yes"]}, "refused_yet_recorded"),
        (Told.INVOKED, {}, None),
        (Told.INVOKED, {"r-1": [b"yes"]}, None),
    ],
)
def test_what_was_told_is_held_against_the_rows(told, rows, wrong):
    """Lost, doubled, changed, invented and denied decisions each have their name."""
    found = compare(history(told), rows)
    kinds = ("lost", "duplicate", "divergent", "invented", "refused_yet_recorded")
    assert [kind for kind in kinds if getattr(found, kind)] == ([wrong] if wrong else [])


def test_two_answers_to_one_id_diverge() -> None:
    """A second answer that differs from the first is remembered, whatever is recorded."""
    found = history(Told.OK)
    found.ok(REQUEST, b"other")
    assert found.divergent == {"r-1"}


def test_a_refusal_after_an_open_try_settles_nothing() -> None:
    """Who once got no word does not know from a later refusal that nothing is recorded."""
    found = history(Told.INVOKED)
    found.refused(REQUEST)
    assert found.operations["r-1"].told is Told.INVOKED


def test_one_broken_promise_makes_the_block_red() -> None:
    score = Score()
    score.none("kills", "lost", 0)
    score.row("U1", "")
    score.count_rows()
    assert not score.red
    assert "every promise was kept" in render(["run"], score)
    score.none("kills", "lost", 1)
    score.row("U2", "APPROVE, not REFER")
    score.count_rows()
    assert score.red
    assert render(["run"], score).count("RED") == 4


async def test_a_transports_failure_is_no_word_of_the_service() -> None:
    """An error that the service did not speak leaves it open whether anything is recorded."""
    async with connected("127.0.0.1:1") as client:
        with pytest.raises(grpc.RpcError) as error:
            await client.decide(REQUEST, timeout=0.2)
    assert reason(error.value) == ""
    assert not nothing_recorded(error.value)


NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
LEASE = timedelta(minutes=30)
OPENED, CLAIMED, RELEASED = ReviewAction.OPENED, ReviewAction.CLAIMED, ReviewAction.RELEASED
HANDED_OVER = ReviewAction.HANDED_OVER
COMPLETED, PROPOSED = ReviewAction.COMPLETED, ReviewAction.PROPOSED
REJECTED, NOTED = ReviewAction.REJECTED, ReviewAction.NOTED
_CLAIMS = {CLAIMED, HANDED_OVER}
CASE = Case("dec_1", "u-1", waits=False)
REVIEW = Review(
    CASE.decision_id,
    "los",
    CASE.user_id,
    "loan",
    Outcome.REFER,
    review_id=CASE.review_id,
    origin=ReviewOrigin.REFERRED,
    queue="default",
    opened=NOON,
    due=NOON + LEASE,
)
DECLINED = ReviewResult(Outcome.DECLINE, "NOT_AFFORDABLE", "Too heavy.")


def steps(*told: tuple[ReviewAction, str, int]) -> list[ReviewEvent]:
    """Steps by who, so many minutes after noon; a claim lasts half an hour."""
    return [
        ReviewEvent(
            position,
            NOON + timedelta(minutes=minute),
            who,
            action,
            request_id=f"r-{position}",
            text="ben" if action is HANDED_OVER else "",
            until=NOON + timedelta(minutes=minute) + LEASE if action in _CLAIMS else None,
        )
        for position, (action, who, minute) in enumerate(told, 1)
    ]


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([(CLAIMED, "ana", 0), (CLAIMED, "ana", 5), (COMPLETED, "ana", 6)], False),
        ([(CLAIMED, "ana", 0), (NOTED, "ben", 1), (COMPLETED, "ana", 6)], False),
        ([(CLAIMED, "ana", 0), (CLAIMED, "ben", 31), (COMPLETED, "ben", 32)], False),
        ([(CLAIMED, "ana", 0), (RELEASED, "ana", 1), (CLAIMED, "ben", 2)], False),
        ([(CLAIMED, "ana", 0), (PROPOSED, "ana", 1), (REJECTED, "ben", 2)], False),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ana", 1), (COMPLETED, "ben", 30)], False),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ana", 1), (COMPLETED, "ana", 2)], True),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ben", 1), (COMPLETED, "ben", 2)], True),
        ([(CLAIMED, "ana", 0), (CLAIMED, "ben", 29)], True),
        ([(CLAIMED, "ana", 0), (COMPLETED, "ben", 1)], True),
        ([(CLAIMED, "ana", 0), (COMPLETED, "ana", 31)], True),
        ([(CLAIMED, "ana", 0), (RELEASED, "ana", 1), (COMPLETED, "ana", 2)], True),
    ],
)
def test_a_review_is_had_by_one_at_a_time(told, *, wrong):
    """Who claims what another one has, or ends what nobody gave them, is found."""
    assert had_by_two(steps((OPENED, "", 0), *told)) is wrong


@pytest.mark.parametrize(("then", "wrong"), [(NOTED, False), (CLAIMED, True), (COMPLETED, True)])
def test_nothing_but_words_follows_an_end(then: ReviewAction, *, wrong: bool) -> None:
    assert ended_twice(steps((CLAIMED, "ana", 0), (COMPLETED, "ana", 1), (then, "ana", 2))) is wrong


def recorded(events: list[ReviewEvent], **changes: Any) -> Recorded:
    """A store with one review, whose result the history has."""
    review = replace(REVIEW, **changes)
    standing = {CASE.decision_id: Standing("DECLINE", None)}
    return Recorded({CASE.review_id: review}, {CASE.review_id: events}, standing, {})


def account() -> Account:
    """Of a case that was claimed and ended, as its reviewer was told."""
    told = Account()
    told.referred(CASE)
    told.told[Step(CASE.review_id, "ana", "CLAIMED")] += 1
    told.answered.add((CASE.review_id, "r-2"))
    return told


WHOLE = steps((CLAIMED, "ana", 0), (COMPLETED, "ana", 1))
ENDED = {"state": ReviewState.COMPLETED, "result": DECLINED, "ended": NOON}


def wrongs(found: Recorded) -> list[str]:
    """The kinds of wrong that are found."""
    every = checked(account(), found)
    return [name for name in every.__dataclass_fields__ if getattr(every, name)]


def test_what_was_told_is_held_against_the_steps() -> None:
    """Lost, doubled and contradicted steps each have their name."""
    assert wrongs(recorded(WHOLE, **ENDED)) == []
    assert wrongs(Recorded({}, {}, {}, {})) == ["not_there", "not_recorded"]
    assert wrongs(recorded(WHOLE[:1])) == ["not_recorded"]
    assert wrongs(recorded(WHOLE[1:], **ENDED)) == ["had_by_two", "not_recorded"]
    twice = [*WHOLE, replace(WHOLE[1], position=3, action=NOTED)]
    assert wrongs(recorded(twice, **ENDED)) == ["recorded_twice"]
    other = replace(DECLINED, outcome=Outcome.APPROVE)
    assert wrongs(recorded(WHOLE, **ENDED | {"result": other})) == ["not_standing"]


@pytest.mark.parametrize(
    ("again", "ended_as", "wrong"),
    [(["dec_2"], "dec_2", 0), ([], "", 1), (["dec_2", "dec_3"], "dec_2", 1), (["dec_2"], "", 1)],
)
def test_who_waited_for_data_is_decided_again_once(again, ended_as, wrong):
    told = Account()
    told.referred(Case(CASE.decision_id, CASE.user_id, waits=True, arrived=1.0))
    review = replace(REVIEW, decided_again_as=ended_as)
    found = Recorded({CASE.review_id: review}, {}, {}, {CASE.decision_id: again})
    assert len(not_once_again(told, found)) == wrong


BODY = event("1", "ACCOUNT_DISCONNECTED", "u-1")


def test_forgeries_are_not_the_vendors() -> None:
    """None is a pair that the vendor would send, and no two forms or many dice give the same."""
    found = list(islice(forgeries(BODY, SECRETS, Random(3)), 2_000))
    genuine = {signed(BODY, secret) for secret in SECRETS}
    assert genuine.isdisjoint(found)
    assert len(set(found)) > 1_500


def test_each_secret_signs_for_itself() -> None:
    for place, secret in enumerate(SECRETS):
        header, body = signed(BODY, secret)
        assert signing_key(header.decode(), body, SECRETS) == place


async def test_a_referral_without_its_review_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/decisions.db"
    other = referred(9, history=None)
    async with opened(url) as store:
        for entry in (
            numbered(1),
            referred(2, history=None),
            replace(referred(3, history=None), review=None),
            replace(referred(4, history=None), review=other.review),
        ):
            await store.commit(entry)
    assert await reviews_missing(url) == (3, 2, 1)


async def test_an_event_that_is_gone_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/decisions.db"
    entries = [numbered(one) for one in (1, 2)]
    seen = [entry.decision_id for entry in entries]
    async with opened(url) as store:
        for entry in entries:
            await store.commit(entry)
        assert await events_wrong(url, seen) == (0, 0)
        assert await events_wrong(url, seen[::-1]) == (0, 2)
        gone = delete(events_out).where(events_out.c.decision_id == seen[0])
        await store._database.write(lambda connection: connection.execute(gone).close())
    assert await events_wrong(url, seen) == (1, 2)


@pytest.mark.long
async def test_forked_servers_keep_their_own_stores(tmp_path: Path) -> None:
    """Two decide side by side, each in a file; one is killed, the other ends with the nursery."""
    rules = str(harness_rules(tmp_path))
    async with running_vendor(2) as vendor, nursery() as forks:
        urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
        servers = [
            Server(
                tmp_path, {**vendor.settings, "store_url": url, "rules_dir": rules}, nursery=forks
            )
            for url in urls
        ]
        for number, server in enumerate(servers):
            await server.start()
            async with connected(server.address) as client:
                await client.decide(loan(f"r-{number}", person("George", number)))
        await servers[0].kill()
        assert not await servers[1].dies_within(0)
    assert await servers[1].dies_within(10), "it outlived the nursery"
    assert [list(await recorded_requests(url)) for url in urls] == [["r-0"], ["r-1"]]


async def test_an_end_is_heard_of() -> None:
    """Of one that ends while somebody waits, and of one that ended long ago."""
    with subprocess.Popen(["sleep", "60"]) as popen:
        process = Forked(popen.pid)
        assert process.returncode is None
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == KILLED
    assert Forked(popen.pid).returncode == KILLED


ANSWER = b"the answer to "


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy to a server that answers a connection's line with that line, and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = ANSWER + await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


async def ask(proxy: FaultProxy, line: bytes) -> bytes:
    """What comes back for a line until the connection ends; empty after a reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(line + b"\n")
    found = b""
    with suppress(ConnectionResetError):
        found = await reader.read(-1)
    writer.close()
    return found


async def test_answers_pass_unchanged(proxy: FaultProxy) -> None:
    assert (await ask(proxy, b"one")).endswith(ANSWER + b"one\n")


async def test_an_answer_is_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.set(Way.CUT, after=20)
    assert len(await ask(proxy, b"one")) == 20


async def test_a_reset_is_no_orderly_end(proxy: FaultProxy) -> None:
    proxy.set(Way.RESET, after=0)
    assert await ask(proxy, b"one") == b""
    assert proxy.met == 1


async def test_a_dripping_answer_is_whole(proxy: FaultProxy) -> None:
    proxy.set(Way.DRIP)
    assert (await ask(proxy, b"one")).endswith(ANSWER + b"one\n")


async def test_a_hole_swallows_everything(proxy: FaultProxy) -> None:
    proxy.set(Way.HOLE)
    assert await ask(proxy, b"one") == b""
    assert proxy.met == 1


async def test_two_answers_are_exchanged(proxy: FaultProxy) -> None:
    proxy.set(Way.SWAP)
    first, second = await asyncio.gather(ask(proxy, b"one"), ask(proxy, b"two"))
    assert first.endswith(b"two\n")
    assert second.endswith(b"one\n")


TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
COUNTS = {"U": 41, "S": 16, "P": 11, "C": 19, "L": 14, "W": 13, "O": 7}
ROWS = list(chain.from_iterable([f"{g}{n}" for n in range(1, c + 1)] for g, c in COUNTS.items()))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    """A row never rests on a test that was renamed or removed."""
    assert re.search(rf"^(?:async )?def {name}\(|^{name} = ", (ROOT / file).read_text(), re.M)


def test_every_row_is_in_the_table() -> None:
    """Each row says where it is shown, or why it is not."""
    found = {line.split("|")[1].strip(): line for line in TEXT.splitlines() if line[:2] == "| "}
    assert [row for row in ROWS if row not in found] == []
    for row in ROWS:
        _, _, _, tests, bench, remark, _ = found[row].split("|")
        shown = "`tests/" in tests or bench.strip() in PARTS
        assert shown or re.search("not yet|not applicable", remark), row


def test_every_part_and_sabotage_is_explained() -> None:
    assert [name for name in (*PARTS, *SABOTAGES) if f"`{name}`" not in TEXT] == []
