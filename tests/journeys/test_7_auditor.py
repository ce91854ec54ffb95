"""Journey 7: years later, one decision by anything known of it, why, its replay, its letters."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from html import unescape
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from playwright.async_api import expect

from decision_service.api.v1 import notice_service_pb2 as pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1.decision_service_pb2 import GetDecisionRequest
from decision_service.api.v1.event_service_pb2 import ListEventsRequest
from decision_service.api.v1.event_service_pb2_grpc import EventServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.server.transport.auth import METHODS, PACKAGE
from decision_service.server.transport.context import Role
from tests.console.house import House, at, house, open_case, shot
from tests.e2e.browser import OUTPUT, browser
from tests.e2e.service import PRODUCT, Running, create, refused, running
from tests.e2e.team import Metadata, Team
from tests.journeys.kit import (
    ANISHA,
    BOTH_STORES,
    CHRISTINA,
    GEORGE,
    NO_CONTRIBUTIONS,
    RYAN,
    STANDS,
    final_at_once,
    office,
    typed,
)

# All of an application, by one command


@BOTH_STORES
async def test_one_command_tells_all_of_an_application_whichever_decision_is_named(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both records of one that was decided again; persons, loans and letters; replays are equal."""
    async with office(tmp_path, url, NO_CONTRIBUTIONS) as at:

        async def chain(decision_id: str) -> list[Any]:
            words = ("decisions", "chain", decision_id, "--format", "json")
            done = await typed(at.live, tmp_path, capsys, "ana", *words)
            assert done.code == 0, done.err
            links: list[Any] = json.loads(done.out)["decisions"]
            return links

        first = await at.decided(GEORGE)
        second = await at.decided_again(first)
        for one in (first, second):
            links = await chain(one.decision_id)
            assert [
                (link["decision"]["decision_id"], link["decision"]["outcome"]) for link in links
            ] == [
                (first.decision_id, "OUTCOME_REFER"),
                (second.decision_id, "OUTCOME_APPROVE"),
            ]
            (review,) = links[0]["reviews"]
            assert review["decided_again_as"] == second.decision_id

        overridden = await at.approved_by_two(ANISHA)
        await at.booked(overridden, 25_000, repaid=0)
        (link,) = await chain(overridden.decision_id)
        (review,), (loan,) = link["reviews"], link["outcomes"]
        steps = [(one["action"], one.get("who", "")) for one in review["events"]]
        assert steps == [
            ("OPENED", ""),
            ("CLAIMED", "ana"),
            ("PROPOSED", "ana"),
            ("CONFIRMED", "ben"),
        ]
        assert loan["outcome"]["loan_id"] == "LN-1"
        assert loan["outcome"]["status"] == "LOAN_STATUS_BOOKED"

        contested = await at.decided(RYAN)
        asked = review_pb.RequestReviewRequest(
            decision_id=contested.decision_id, request_id="q-1", text="My debts are repaid."
        )
        await at.letter(contested.decision_id)
        await at.stub.RequestReview(asked, metadata=at.los)
        (link,) = await chain(contested.decision_id)
        assert link["reviews"][0]["events"][0]["text"] == "My debts are repaid."
        assert [one["language"] for one in link["notices"]] == ["fil"]

        for one in (first, second, overridden, contested):
            replay = ("decisions", "replay", one.decision_id)
            done = await typed(at.live, tmp_path, capsys, "ana", *replay)
            assert (done.code, "Nothing differs." in done.out) == (0, True)
        words = ("decisions", "chain", overridden.decision_id)
        told = (await typed(at.live, tmp_path, capsys, "ana", *words)).out
        for said in ("CONFIRMED · ben", "LN-1", "booked", STANDS):
            assert said in " ".join(told.split())


# Reading writes nothing

ROLES = ("decide", "read", "review", "review_second")
ASKED: Mapping[str, Mapping[str, Any]] = {
    "DecisionService/GetDecision": {
        "decision_id": "DECISION",
        "view": "DECISION_VIEW_FULL",
        "with_notices": True,
    },
    "DecisionService/ListDecisions": {"by_person": False, "reason": "X"},
    "DecisionService/ReplayDecision": {"decision_id": "DECISION"},
    "RulesetService/ListRulesets": {},
    "RulesetService/ListReleases": {},
    "RulesetService/GetRelease": {"digest": "RELEASE"},
    "RulesetService/GetRuleset": {"product": PRODUCT},
    "RolloutService/ListRollouts": {},
    "RolloutService/GetRollout": {"product": PRODUCT},
    "RolloutService/ListRolloutSteps": {"product": PRODUCT},
    "RolloutService/ExplainAssignment": {"product": PRODUCT, "user_id": "user-new"},
    "OutcomeService/ListOutcomes": {"decision_id": "DECISION"},
    "ReviewService/ListReviews": {},
    "ReviewService/GetReview": {"review_id": "REVIEW"},
    "ReviewService/GetDesk": {"product": PRODUCT},
    "NoticeService/GetNotice": {"decision_id": "DECISION", "language": "en"},
    "EventService/ListEvents": {},
    "EventService/ListDeadEvents": {},
    "StatusService/GetCaller": {},
    "StatusService/GetStatus": {},
}
"""A call of each method for reading, about a referral and its review."""
PROCESS = {"arm_counts", "arm_hours", "leases", "replicas", "event_places", "event_stores"}
"""Tables that the process itself writes as time goes by; nobody's call is in them."""


@asynccontextmanager
async def roles_of_their_own(folder: Path) -> AsyncIterator[tuple[Running, Mapping[str, Metadata]]]:
    """A service with a caller of each role, and what each shows."""
    team = Team(folder)
    shown = {role: team.hire(role, role) for role in ROLES}
    async with running(folder, auth_tokens_file=str(team.path)) as live:
        yield live, shown


def rows(folder: Path) -> Mapping[str, list[tuple[Any, ...]]]:
    """Every row of every table, by another connection."""
    with closing(sqlite3.connect(f"file:{folder / 'decisions.db'}?mode=ro", uri=True)) as found:
        names = found.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        kept = sorted({name for (name,) in names} - PROCESS)
        return {name: found.execute(f"SELECT * FROM {name}").fetchall() for name in kept}


@pytest.mark.long
async def test_no_method_for_reading_writes(tmp_path: Path) -> None:
    """Each method that `read` opens is called, and afterwards every row is as it was."""
    reads = {method for method, roles in METHODS.items() if Role.READ in roles}
    assert {f"/{PACKAGE}.{name}" for name in ASKED} == {one for one in reads if PACKAGE in one}
    async with roles_of_their_own(tmp_path) as (live, shown):
        made = await live.stub.CreateDecision(create(CHRISTINA), metadata=shown["decide"])
        decision = made.decision.decision_id
        rules = RulesetServiceStub(live.channel)
        asked = rules_pb.ListReleasesRequest()
        [release] = (await rules.ListReleases(asked, metadata=shown["read"])).releases
        ids = {"DECISION": decision, "REVIEW": f"rev_{decision.removeprefix('dec_')}-1"}
        ids["RELEASE"] = release.digest
        for name, fields in ASKED.items():
            before = rows(tmp_path)
            given = {field: ids.get(value, value) for field, value in fields.items()}
            code = await answered(live, name, given, shown["read"])
            wanted = grpc.StatusCode.NOT_FOUND if "GetNotice" in name else grpc.StatusCode.OK
            assert code is wanted, name
            assert rows(tmp_path) == before, name


async def answered(
    live: Running, name: str, fields: Mapping[str, Any], metadata: Metadata
) -> grpc.StatusCode:
    """The code that a request gets."""
    service, _, method = name.partition("/")
    found = descriptor_pool.Default().FindServiceByName(f"{PACKAGE}.{service}")
    request = message_factory.GetMessageClass(found.methods_by_name[method].input_type)(**fields)
    call = live.channel.unary_unary(f"/{PACKAGE}.{name}")
    try:
        await call(request.SerializeToString(), metadata=metadata)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.long
async def test_reading_makes_no_letter(tmp_path: Path) -> None:
    """With `read` a letter that was not made is not found, and none is made or sent out.

    With `decide` it is made, and then it is read; a reviewer makes that of a case, and no other.
    """
    async with roles_of_their_own(tmp_path) as (live, shown):
        await _letters(live, shown)


async def _letters(live: Running, shown: Mapping[str, Metadata]) -> None:
    notices, events = NoticeServiceStub(live.channel), EventServiceStub(live.channel)

    async def decided(user: str) -> str:
        made = await live.stub.CreateDecision(create(user), metadata=shown["decide"])
        return str(made.decision.decision_id)

    async def letter(who: str, decision: str, language: str = "en") -> pb.Notice:
        request = pb.GetNoticeRequest(decision_id=decision, language=language)
        return (await notices.GetNotice(request, metadata=shown[who])).notice

    async def listed(decision: str) -> list[pb.Notice]:
        request = GetDecisionRequest(decision_id=decision, with_notices=True)
        return [*(await live.stub.GetDecision(request, metadata=shown["read"])).notices]

    async def said_of(decision: str) -> list[str]:
        found = await events.ListEvents(ListEventsRequest(page_size=500), metadata=shown["read"])
        return [one.type for one in found.events if one.decision_id == decision]

    declined, lacking = await decided(RYAN), await decided(CHRISTINA)
    error = await refused(letter("read", declined))
    assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "NOTICE_UNKNOWN")
    assert "a caller with the role decide or review has to make it" in error.message
    assert error.info.metadata["decision_id"] == declined
    assert await listed(declined) == []
    assert "letter.made" not in await said_of(declined)
    error = await refused(letter("read", declined, "ceb"))
    assert error.info.reason == "LANGUAGE_UNKNOWN"

    made = await letter("decide", declined)
    assert await letter("read", declined) == made == (await listed(declined))[0]
    assert made.created_by == "decide"
    assert (await said_of(declined)).count("letter.made") == 1

    error = await refused(letter("review", declined))
    assert error.info.reason == "DECISION_UNKNOWN"
    for who, language in (("review", "en"), ("review_second", "fil")):
        assert (await letter(who, lacking, language)).created_by == who
    assert (await said_of(lacking)).count("letter.made") == 2


# What counts is what the console shows


async def approved_by_two(home: House) -> str:
    """A referral that Rosa proposed to approve and Tomas confirmed; the decision's id."""
    decision_id: str = (await home.decide("Anisha", 30_000)).decision_id
    review = {"review_id": f"rev_{decision_id.removeprefix('dec_')}-1"}
    await home.call("rosa", "ReviewService.ClaimReview", **review)
    await home.call(
        "rosa",
        "ReviewService.CompleteReview",
        **review,
        request_id="done",
        outcome="OUTCOME_APPROVE",
        approved_amount={"currency_code": "PHP", "units": 30_000},
        reason="INCOME_CONFIRMED",
        explanation="The employer confirms it by phone.",
    )
    await home.call("tomas", "ReviewService.ConfirmReview", **review, request_id="second")
    return decision_id


def words_of(page: str) -> str:
    """A page without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.long
async def test_a_persons_result_is_shown_next_to_the_rules_outcome(tmp_path: Path) -> None:
    """In list, filter, title and export; and a letter is made by who may, and read by others."""
    async with house(tmp_path, rules_dir=str(final_at_once(tmp_path))) as home:
        declined = (await home.decide("Ryan", 20_000)).decision_id
        decision_id = await approved_by_two(home)
        async with home.client("noel") as noel, home.client("rosa") as rosa:
            # The amount is that of the person: a narrower span does not find it.
            for asked in (
                {"outcome": "APPROVE"},
                {"amount_from": "30,000", "amount_to": "30000"},
                {"by_person": "yes"},
            ):
                page = await noel.get("/decisions", params=asked)
                assert decision_id in page.text, asked
                assert "approved by two persons: 30,000 PHP" in words_of(page.text)
                assert declined not in page.text
                rows = (await noel.get("/decisions.csv", params=asked)).text
                [row] = csv.DictReader(rows.splitlines())
                assert row["outcome"].startswith("REFER")
                shown = (row["result"], row["result_by"], row["result_amount"])
                assert shown == ("APPROVE", "two persons", "30,000 PHP")
            for asked in ({"outcome": "DECLINE"}, {"outcome": "REFER"}, {"amount_to": "29,999"}):
                page = await noel.get("/decisions", params=asked)
                assert (declined in page.text) is (asked == {"outcome": "DECLINE"})
                assert decision_id not in page.text
            missing = "DATA_MISSING: Information that the decision needs is not there"
            assert missing in words_of(page.text)

            heading = "Referred by the rules, approved by two persons: 30,000 PHP"
            one = f"/decisions/{decision_id}"
            seen = await noel.get(one)
            assert heading in words_of(seen.text.partition("<title>")[2].partition("</title>")[0])
            assert heading in words_of(seen.text.partition("<h1>")[2].partition("</h1>")[0])
            chain = words_of((await noel.get(f"{one}/chain")).text)
            assert heading in chain
            assert "They came with the release" in chain

            assert "Make it in English" not in seen.text
            sure = {"language": "en", "sure": "yes"}
            refused = await noel.post(f"{one}/letters", data=sure)
            assert refused.status_code == 409
            assert "a caller with the role decide or review has to make it" in words_of(
                refused.text.lower()
            )
            assert "Make it in English" in (await rosa.get(one)).text
            asked = await rosa.post(f"{one}/letters", data={"language": "en"})
            assert "Nothing is recorded yet" in words_of(asked.text)
            assert "30,000 PHP" in words_of(asked.text)
            made = await rosa.post(f"{one}/letters", data=sure)
            assert made.headers["location"] == f"{one}#letters"
            again = await noel.post(f"{one}/letters", data=sure)
            assert again.status_code == 303
            assert "for rosa" in words_of((await noel.get(one)).text)


@pytest.mark.long
@browser
async def test_an_auditor_reads_and_prints_a_chain(tmp_path: Path) -> None:
    """Search by the loan system's reference, then one page with all, which prints as it is."""
    async with at(tmp_path, "noel") as (home, page):
        review = await open_case(home, "Anisha", 12_000, application_id="A-2041")
        await home.call("rosa", "ReviewService.ClaimReview", review_id=review.review_id)
        await home.call(
            "rosa",
            "ReviewService.CompleteReview",
            review_id=review.review_id,
            request_id="done",
            outcome="OUTCOME_DECLINE",
            reason="NOT_AFFORDABLE",
            explanation="Two other loans.",
        )
        await page.goto(f"{home.url}/decisions")
        await page.locator("[name=any_id]").fill("A-2041")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/decisions/{review.decision_id}")
        await shot(page, "decision")
        await page.get_by_role("link", name="All of this application").click()
        await page.wait_for_url("**/chain")
        await shot(page, "chain")
        for words in (review.decision_id, "A-2041", "Two other loans.", "rosa", "NOT_AFFORDABLE"):
            await expect(page.locator("main")).to_contain_text(words)
        await page.emulate_media(media="print")
        assert not await page.locator("body > header").is_visible()
        printed = await page.pdf(path=OUTPUT / "console-chain.pdf", format="A4")
        assert printed.startswith(b"%PDF")
