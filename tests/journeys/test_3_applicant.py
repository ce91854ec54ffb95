"""Journey 3: a person with a phone, from the link to the answer, the letter and a new answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.async_api import expect

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.standin.formats import PROVIDERS
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.browser import (
    applicant,
    browser,
    choose,
    confirm,
    log_in,
    opened,
    shot,
    told,
)
from tests.e2e.service import Running, create, outcome, refused, running
from tests.journeys.kit import (
    ADVANCE,
    ANISHA,
    BOTH_STORES,
    CHRISTINA,
    GEORGE,
    RYAN,
    needs_of,
    office,
    people_of,
    syncing,
)
from tests.kits.cases import until
from tests.unit.cli.commands import command

# The link, in a browser

HTTP = {"http_address": "127.0.0.1:0"}


async def decided(live: Running, user_id: str):
    """A decision that waits for data that is still arriving."""
    request = create(user_id, wait_timeout=Duration(seconds=20))
    return (await live.stub.CreateDecision(request, timeout=30)).decision


@pytest.mark.long
@browser
async def test_connect_decide_and_withdraw(tmp_path: Path) -> None:
    """A wrong password is explained, George is connected and approved, withdrawn and referred."""
    async with running(tmp_path, connect_company_name="Acme", **HTTP) as live:
        user_id, address = await applicant(live, "CRM-1")
        async with opened(address) as page:
            await shot(page, "start")
            await choose(page)
            await log_in(page, "not-it")
            await told(page, "The user name or password is wrong.")
            await shot(page, "wrong-password")
            await log_in(page, "123456")
            await confirm(page, "1234")
            await told(page, "Your SSS account is connected")
            await page.get_by_role("button", name="Close the widget").click()
            await told(page, "You are done")
            await expect(page.get_by_text("The user name or password is wrong.")).to_be_hidden()
            await shot(page, "connected")

            assert outcome(await decided(live, user_id)) == "APPROVE"

            await page.get_by_role("button", name="Stop sharing an account").click()
            await page.get_by_role("button", name="Disconnect sss_ph").click()
            await told(page, "You have stopped sharing your SSS account")
            await shot(page, "withdrawn")
        later = await decided(live, user_id)
        assert outcome(later) == "REFER"
        assert later.reasons[0].code == "CONSENT_REVOKED"


@pytest.mark.long
@browser
async def test_the_page_offers_first_what_a_product_needs(tmp_path: Path) -> None:
    """In the person's language, by their names; and the loan is decided without asking."""
    known = {"connect_public_url": "https://connect.example", "http_address": "127.0.0.1:0"}
    async with running(tmp_path, **known) as live:
        stub = people_of(live)
        made = await stub.CreateApplicant(people_pb.CreateApplicantRequest(applicant_ref="CRM-1"))
        need = (await needs_of(live, made.user_id))["personal-loan-ph"]
        link = await stub.CreateLinkToken(need.link_token_request)
        address = f"{live.service.http_url}/connect?{urlsplit(link.link_token.connect_url).query}"
        async with opened(address) as page:
            await told(page, "Kung mayroon po kayong account sa SSS, GSIS")
            await told(page, "walang ipinapangakong pasya")
            await page.get_by_role("button", name="Magkonekta ng account").click()
            offered = page.get_by_role("list", name="Providers").get_by_role("listitem")
            await expect(offered.nth(0)).to_contain_text("SSS")
            await expect(offered.nth(1)).to_contain_text("GSIS")
            await expect(offered.nth(2)).to_contain_text("Pag-IBIG")
            await offered.nth(0).get_by_role("button").click()
            await log_in(page, "123456")
            await confirm(page, "1234")
            await told(page, "Nakakonekta na ang inyong account sa SSS")
        decided = await live.stub.CreateDecision(
            create(made.user_id, wait_timeout=Duration(seconds=20)), timeout=30
        )
        assert outcome(decided.decision) == "APPROVE"


# The letter

MUCH = {"currency_code": "PHP", "units": 150_000}


@pytest.mark.long
async def test_each_decision_has_its_letter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An approval, an offer of less, a decline and a lack are written of; a review waits.

    A letter is made once, is the same ever after, and its first sending is kept.
    """
    async with running(tmp_path) as live:
        stub = NoticeServiceStub(live.channel)

        async def decided(user: str, **more: object) -> str:
            return (await live.stub.CreateDecision(create(user, **more))).decision.decision_id

        async def letter(decision: str, language: str = "en") -> notice_pb.Notice:
            request = notice_pb.GetNoticeRequest(decision_id=decision, language=language)
            return (await stub.GetNotice(request)).notice

        approved, reduced = await decided(GEORGE), await decided(GEORGE, requested_amount=MUCH)
        declined, lacking = await decided(RYAN), await decided(CHRISTINA)
        assert (await letter(approved)).kind == notice_pb.NOTICE_KIND_APPROVAL
        assert "It is less than the ₱\u00a0150,000" in (await letter(reduced)).text
        incomplete = await letter(lacking)
        assert incomplete.kind == notice_pb.NOTICE_KIND_INCOMPLETE
        assert "we could not read all of it (contributions to" in incomplete.text
        first = await letter(declined, "fil")
        assert "\nBakit\n- " in first.text
        assert first.html.startswith("<!doctype html>")
        assert await letter(declined, "fil") == first

        error = await refused(letter(await decided(ANISHA)))
        assert (error.code, error.info.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "NOTICE_NOT_DUE",
        )
        error = await refused(letter(declined, "ceb"))
        assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "LANGUAGE_UNKNOWN")
        error = await refused(
            stub.RecordNoticeSent(notice_pb.RecordNoticeSentRequest(review_id="x"))
        )
        needed = {"decision_id", "kind", "language", "channel", "send_time"}
        assert set(error.fields) == needed | {"review_id"}

        async def run(*words: str) -> str:
            at = ("--address", live.service.address)
            done = await asyncio.to_thread(command, capsys, "letters", *words, *at)
            assert done.code == 0, done.err
            return done.out

        sent = ("sent", declined, "--kind", "adverse-action", "--language", "fil")
        assert "channel          email\n" in await run(*sent, "--channel", "email")
        assert "channel          email\n" in await run(*sent, "--channel", "post")
        assert first.text in await run("show", declined, "--language", "fil")
        asked = service_pb.GetDecisionRequest(decision_id=declined, with_notices=True)
        [kept] = (await live.stub.GetDecision(asked)).notices
        assert (kept.language, kept.channel) == ("fil", "email")


# What is missing is connected


async def test_a_referral_for_want_of_a_source_has_the_request_for_the_link_that_mends_it(
    tmp_path: Path,
) -> None:
    """Payroll alone lacks a scheme: its link offers schemes alone, and then the loan is decided."""
    day, settings = timedelta(days=1), {"connect_public_url": "https://connect.example"}
    async with syncing(tmp_path, timedelta(seconds=1), **settings) as desk:
        george = sandbox_people()[0]
        user_id = desk.connected(george, "sprout_ph", day)
        decision = await desk.decided(create(user_id))
        assert (outcome(decision), decision_pb2.ReferKind.Name(decision.refer_kind)) == (
            "REFER",
            "REFER_KIND_DATA",
        )
        assert list(decision.connect.provider_types) == ["GOVERNMENT"]
        stub = people_of(desk.live)
        await until(desk.live.service.core.source.providers)
        made = await stub.CreateLinkToken(decision.connect.link_token_request)
        offered = parse_qs(urlsplit(made.link_token.connect_url).query)["providers"][0].split(",")
        assert "sss_ph" in offered
        assert {PROVIDERS[one]["type"] for one in offered} == {"GOVERNMENT"}
        desk.connect(user_id, george, "sss_ph", day)
        later = await desk.decided(create(user_id))
        assert (outcome(later), later.HasField("connect")) == ("APPROVE", False)
        rider = await stub.CreateApplicant(
            people_pb.CreateApplicantRequest(applicant_ref="RIDER-1")
        )
        advance = await desk.decided(create(rider.user_id, **ADVANCE))
        assert list(advance.connect.provider_types) == ["GIG"]
        assert advance.connect.link_token_request.user_id == rider.user_id


# Contested


@BOTH_STORES
async def test_a_decline_that_its_applicant_contests_is_answered_by_a_person(
    url: str, tmp_path: Path
) -> None:
    """Asked twice there is one review; its answer is in a letter of the language that is wanted."""
    async with office(tmp_path, url) as at:
        made = await at.decided(RYAN)
        assert made.outcome == decision_pb2.OUTCOME_DECLINE
        before = await at.letter(made.decision_id)
        request = review_pb.RequestReviewRequest(
            decision_id=made.decision_id, request_id="q-1", text="My debts are repaid."
        )
        for _ in range(2):
            asked = (await at.stub.RequestReview(request, metadata=at.los)).review
            assert asked.review_id == f"{made.decision_id.replace('dec_', 'rev_')}-1"
            assert asked.queue == "contest"
        await at.claimed(asked.review_id, at.ana)
        await at.complete(
            asked.review_id,
            at.ana,
            outcome=decision_pb2.OUTCOME_DECLINE,
            approved_amount=None,
            reason="NOT_AFFORDABLE",
            explanation="The debts are still open.",
        )
        answer = (await at.read(made.decision_id)).review
        assert (answer.outcome, answer.role) == (decision_pb2.OUTCOME_DECLINE, "review")
        letter = await at.letter(made.decision_id)
        assert (letter.kind, letter.language) == (notice_pb.NOTICE_KIND_ADVERSE_ACTION, "fil")
        assert (letter.review_id, before.review_id) == (asked.review_id, "")
