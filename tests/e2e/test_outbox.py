"""A loan system follows an applicant by events, and programs of the page receive them."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money
from sqlalchemy import text

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import event_service_pb2 as pb
from decision_service.api.v1.event_service_pb2_grpc import EventServiceStub
from decision_service.server.interceptors import WAITS
from decision_service.server.page_tokens import make_token
from tests.e2e.page import CALLERS
from tests.e2e.process import command
from tests.e2e.service import Running, at_vendor, create, refused, running
from tests.e2e.team import Metadata, Team
from tests.journeys.kit import ANISHA, CHRISTINA, SETTINGS, Office
from tests.kits.outbox_receiver import SECRETS, Receiver, receiving
from tests.kits.until import until

WAIT = Duration(seconds=30)


def subscribed(folder: Path, receiver: Receiver, more: str = "") -> str:
    """A file that has a receiver sent what happens, signed by two secrets."""
    for number, secret in enumerate(SECRETS):
        (folder / f"secret-{number}").write_text(secret)
    named = ", ".join(f"{{file: {folder}/secret-{number}}}" for number in range(2))
    fields = f"url: {receiver.url}, secrets: [{named}], allow_private: true{more}"
    (folder / "events.yaml").write_text(f"subscriptions:\n  los: {{{fields}}}\n")
    return str(folder / "events.yaml")


class LoanSystem:
    """Follows its own events from where it was, and waits for the next."""

    def __init__(self, live: Running, who: Metadata) -> None:
        self._stub, self._who, self.cursor = EventServiceStub(live.channel), who, ""

    async def next(self, *types: str) -> pb.Event:
        while True:
            asked = pb.ListEventsRequest(cursor=self.cursor, types=types, page_size=1, wait=WAIT)
            page = await self._stub.ListEvents(asked, metadata=self._who, timeout=60)
            self.cursor = page.next_cursor
            if page.events:
                found: pb.Event = page.events[0]
                return found


@pytest.mark.long
async def test_a_loan_system_follows_an_applicant_to_the_letter(tmp_path: Path) -> None:
    """From the request through a review to the letter, without asking for a decision in between.

    A receiver is sent the same, in the same order, under the same ids.
    """
    team = Team(tmp_path)
    los = team.hire("los", "decide")
    people = los, team.hire("ana", "review"), team.hire("ben", "review_second")
    async with receiving() as receiver:
        file = subscribed(tmp_path, receiver, ", caller: los")
        named = {"auth_tokens_file": str(team.path), "events_file": file}
        async with at_vendor(tmp_path, **{**SETTINGS, **named}) as (live, vendor):
            office, system = Office(live, vendor, *people), LoanSystem(live, los)
            await _begun(live)
            money = Money(currency_code="PHP", units=30_000)
            request = create(ANISHA, requested_amount=money, application_id="APP-1")
            await office.decisions.CreateDecision(request, metadata=los)
            seen = [await system.next(), await system.next()]
            assert [one.type for one in seen] == ["decision.recorded", "review.opened"]
            assert seen[0].outcome == decision_pb2.OUTCOME_REFER
            assert {one.application_id for one in seen} == {"APP-1"}
            review_id = seen[1].review_id
            await office.claimed(review_id, office.ana)
            within = Money(currency_code="PHP", units=10_000)  # what the rules offered, or less
            await office.complete(review_id, office.ana, approved_amount=within)
            seen.append(await system.next())
            assert (seen[-1].type, seen[-1].review_id) == ("review.completed", review_id)
            assert seen[-1].outcome == decision_pb2.OUTCOME_APPROVE
            await office.letter(seen[-1].decision_id, "en")
            seen.append(await system.next("letter.made"))
            assert seen[-1].kind in {"APPROVAL", "COUNTER_OFFER"}
            assert seen[-1].review_id == review_id
            await until(lambda: len(receiver.taken) == len(seen))
            assert [one["id"] for one in receiver.taken] == [one.id for one in seen]


async def _begun(live: Running) -> None:
    """Wait until the sender has looked at the store, from where on it sends."""
    count = text("SELECT count(*) FROM event_places")
    await until(lambda: live.service.core.store._database.read(lambda one: one.scalar(count)))


async def test_bad_requests_get_one_sentence(tmp_path: Path) -> None:
    """A cursor of another store, an unknown type, a long wait, roles, nothing to send again."""
    team = Team(tmp_path)
    los, risk = team.hire("los", "decide"), team.hire("risk", "rollout")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        stub = EventServiceStub(live.channel)

        async def sentence(**asked: Any) -> str:
            call = stub.ListEvents(pb.ListEventsRequest(**asked), metadata=los)
            return (await refused(call)).message

        said = await sentence(cursor=make_token("another store", 7))
        assert said.startswith("cursor belongs to another list, filter or store: send the next_cur")
        assert "types has `decision.made`" in await sentence(types=["decision.made"])
        assert "0 to 30 seconds" in await sentence(wait=Duration(seconds=31))
        stranger = await refused(stub.ListEvents(pb.ListEventsRequest(), metadata=risk))
        assert stranger.code is grpc.StatusCode.PERMISSION_DENIED
        assert "risk may not call ListEvents: it needs the role `decide`" in stranger.message
        assert not (
            await stub.ListDeadEvents(pb.ListDeadEventsRequest(), metadata=risk)
        ).dead_events
        (tmp_path / "risk").write_text(team.tokens["risk"])
        at = ("--address", live.service.address, "--token-file", str(tmp_path / "risk"))
        resent = await asyncio.to_thread(command, "events", "resend", "evt_1", *at, folder=tmp_path)
        said = "no receiver has given this event up; nothing is sent\n"
        assert (resent.returncode, resent.stderr) == (1, said)


async def test_who_waits_for_a_place_has_a_page_before_the_deadline(tmp_path: Path) -> None:
    """An empty one, though most of the deadline went by before there was a place."""
    async with running(tmp_path) as live:
        stub = EventServiceStub(live.channel)
        cursor = (await stub.ListEvents(pb.ListEventsRequest())).next_cursor
        short = pb.ListEventsRequest(cursor=cursor, wait=Duration(seconds=1))
        before = [stub.ListEvents(short, timeout=20) for _ in range(WAITS)]
        late = stub.ListEvents(pb.ListEventsRequest(cursor=cursor, wait=WAIT), timeout=3)
        assert (await late).next_cursor == cursor
        await asyncio.gather(*before)


@contextmanager
def program(folder: Path, language: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The page's receiver as it is printed, and its URL."""
    if language == "js" and shutil.which("node") is None:
        pytest.skip("there is no Node")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name, command = {"python": ("r.py", sys.executable), "js": ("r.mjs", "node")}[language]
    (folder / name).write_text(CALLERS.program("Follow what happens", language))
    environ = os.environ | {"EVENTS_SECRET": SECRETS[1], "PORT": str(port)}
    process = subprocess.Popen(
        [command, str(folder / name)], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{port}/", process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_receivers_of_the_page_take_what_is_sent(tmp_path: Path, language: str) -> None:
    """As they are printed: an event signed by the older secret is taken, a forged one is not."""
    with program(tmp_path, language) as (url, process):
        head = {"webhook-id": "e", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        async with httpx2.AsyncClient() as client:
            while True:
                with suppress(httpx2.TransportError):
                    assert (await client.post(url, content=b"{}", headers=head)).status_code == 401
                    break
                await asyncio.sleep(0.02)
        file = subscribed(tmp_path, Receiver(url), ", types: [decision.recorded, rules.refused]")
        async with running(tmp_path, events_file=file) as live:
            await _begun(live)
            core = live.service.core
            await core.store.outbox.rules_refused("R101", core.clock.now())
            decision = (await live.stub.CreateDecision(create(CHRISTINA))).decision
            assert process.stdout is not None
            lines = {await asyncio.to_thread(process.stdout.readline) for _ in range(2)}
            assert lines == {f"decision.recorded {decision.decision_id}\n", "rules.refused rules\n"}
