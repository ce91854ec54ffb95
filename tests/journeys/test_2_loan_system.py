"""Journey 2: a loan system, from the accounts it asks for to the loan and the next application."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import httpx2
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money
from sqlalchemy import text

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import event_service_pb2 as pb
from decision_service.api.v1.event_service_pb2_grpc import EventServiceStub
from decision_service.server.transport.interceptors import WAITS
from decision_service.server.transport.page_tokens import make_token
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.page import CALLERS
from tests.e2e.process import command
from tests.e2e.service import Running, create, outcome, refused, running
from tests.e2e.team import Metadata, Team
from tests.journeys.kit import (
    ANISHA,
    BOTH_STORES,
    CHRISTINA,
    GEORGE,
    NO_CONTRIBUTIONS,
    named,
    needs_of,
    office,
    people_of,
    syncing,
)
from tests.kits.cases import until
from tests.kits.outbox_receiver import SECRETS, Receiver, receiving

# Before the first decision

DAY = timedelta(days=1)


async def test_who_asks_before_the_first_decision_has_no_referral_for_want_of_a_scheme(
    tmp_path: Path,
) -> None:
    """Who does not ask is referred, and the reply asks for the same; neither names an outcome."""
    settings = {"connect_public_url": "https://connect.example"}
    async with syncing(tmp_path, timedelta(seconds=1), **settings) as desk:
        george, stub = sandbox_people()[0], people_of(desk.live)
        made = await stub.CreateApplicant(people_pb.CreateApplicantRequest(applicant_ref="CRM-1"))
        await until(desk.live.service.core.source.providers)

        at_first = await needs_of(desk.live, made.user_id)
        loan, advance = at_first["personal-loan-ph"], at_first["gig-advance-ph"]
        assert list(loan.data_kinds) == ["eincomes", "contributions", "liabilities"]
        schemes = ["SSS", "GSIS", "Pag-IBIG"]
        assert named(loan.lacking) == {
            "eincomes": [],
            "contributions": schemes,
            "liabilities": schemes,
        }
        assert named(advance.lacking) == {"eincomes": [], "transactions": []}
        assert list(advance.link_token_request.provider_types) == ["GIG"]

        desk.connect(made.user_id, george, "sprout_ph", DAY)
        loan = (await needs_of(desk.live, made.user_id, employer_kind="PRIVATE"))[
            "personal-loan-ph"
        ]
        schemes = ["SSS", "Pag-IBIG"]
        assert named(loan.lacking) == {"contributions": schemes, "liabilities": schemes}
        assert (
            loan.lacking[1].message == "Hindi mapatunayan ang inyong mga utang sa social security"
        )

        link = await stub.CreateLinkToken(loan.link_token_request)
        asked = parse_qs(urlsplit(link.link_token.connect_url).query)
        assert (asked["first"], asked["lang"]) == (["sss_ph,pagibig_ph"], ["fil"])
        assert "providers" not in asked

        hasty = await desk.decided(create(made.user_id))
        assert outcome(hasty) == "REFER"
        assert named(hasty.connect.lacking) == named(loan.lacking)
        assert list(hasty.connect.link_token_request.first_provider_ids) == ["sss_ph", "pagibig_ph"]

        desk.connect(made.user_id, george, "sss_ph", DAY)
        loan = (await needs_of(desk.live, made.user_id))["personal-loan-ph"]
        assert (list(loan.lacking), loan.HasField("link_token_request")) == ([], False)
        later = await desk.decided(create(made.user_id))
        assert (outcome(later), later.HasField("connect")) == ("APPROVE", False)


# Decide, hear, write, report, decide again

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


@BOTH_STORES
async def test_an_application_is_followed_to_its_letter_its_loan_and_the_next_application(
    url: str, tmp_path: Path
) -> None:
    """By events from the request through a review to the letter, without asking in between.

    A receiver is sent the same, in the same order, under the same ids. The loan is owed by the
    next application, less what was repaid.
    """
    async with receiving() as receiver:
        file = subscribed(tmp_path, receiver, ", caller: los")
        async with office(tmp_path, url, events_file=file) as at:
            await _begun(at.live)
            system = LoanSystem(at.live, at.los)
            money = Money(currency_code="PHP", units=30_000)
            request = create(ANISHA, requested_amount=money, application_id="APP-1")
            made = (await at.decisions.CreateDecision(request, metadata=at.los)).decision
            seen = [await system.next(), await system.next()]
            assert [one.type for one in seen] == ["decision.recorded", "review.opened"]
            assert seen[0].outcome == decision_pb2.OUTCOME_REFER
            assert {one.application_id for one in seen} == {"APP-1"}
            review_id = seen[1].review_id
            await at.claimed(review_id, at.ana)
            within = Money(currency_code="PHP", units=10_000)  # what the rules offered, or less
            await at.complete(review_id, at.ana, approved_amount=within)
            seen.append(await system.next())
            assert (seen[-1].type, seen[-1].review_id) == ("review.completed", review_id)
            assert seen[-1].outcome == decision_pb2.OUTCOME_APPROVE
            letter = await at.letter(seen[-1].decision_id, "en")
            seen.append(await system.next("letter.made"))
            assert seen[-1].kind in {"APPROVAL", "COUNTER_OFFER"}
            assert seen[-1].review_id == review_id
            await until(lambda: len(receiver.taken) == len(seen))
            assert [one["id"] for one in receiver.taken] == [one.id for one in seen]

            assert await at.sent(letter) == letter
            assert await at.exposure(ANISHA) == 10_000
            await at.booked(made, 10_000, repaid=1_000)
            assert await at.exposure(ANISHA) == 9_000


async def _begun(live: Running) -> None:
    """Wait until the sender has looked at the store, from where on it sends."""
    count = text("SELECT count(*) FROM event_places")
    await until(lambda: live.service.core.store._database.read(lambda one: one.scalar(count)))


@BOTH_STORES
async def test_data_that_arrives_decides_again_and_is_heard(url: str, tmp_path: Path) -> None:
    """A second record names the first, whose outcome follows; replaying it gives the same."""
    async with office(tmp_path, url, NO_CONTRIBUTIONS) as at:
        first = await at.decided(GEORGE)
        assert first.refer_kind == decision_pb2.REFER_KIND_DATA
        before = (await at.read(first.decision_id)).review
        assert (before.state, before.outcome) == (
            decision_pb2.REVIEW_STATE_OPEN,
            decision_pb2.OUTCOME_REFER,
        )
        second = await at.decided_again(first)
        assert second.outcome == decision_pb2.OUTCOME_APPROVE
        assert second.first_decision_id == first.decision_id
        assert (second.assignment.arm, second.user_id) == (first.assignment.arm, first.user_id)
        seen = {one.name: one for one in second.factor_values}
        assert seen["history.applications_1d"].value.number == "0"
        after = (await at.read(first.decision_id)).review
        assert (after.state, after.outcome, after.standing_decision_id) == (
            decision_pb2.REVIEW_STATE_ENDED,
            decision_pb2.OUTCOME_APPROVE,
            second.decision_id,
        )
        replay = service_pb.ReplayDecisionRequest(decision_id=second.decision_id)
        told = await at.decisions.ReplayDecision(replay, metadata=at.los)
        assert list(told.differing_fields) == []
        assert told.decision.first_decision_id == first.decision_id
        heard = await LoanSystem(at.live, at.los).next("decision.again")
        assert (heard.decision_id, heard.outcome) == (second.decision_id, second.outcome)


# Listening


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
        pytest.skip("there is no Node: install Node 18 or newer")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name, runner = {"python": ("r.py", sys.executable), "js": ("r.mjs", "node")}[language]
    (folder / name).write_text(CALLERS.program("Follow what happens", language))
    environ = os.environ | {"EVENTS_SECRET": SECRETS[1], "PORT": str(port)}
    process = subprocess.Popen(
        [runner, str(folder / name)], env=environ, stdout=subprocess.PIPE, text=True
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
