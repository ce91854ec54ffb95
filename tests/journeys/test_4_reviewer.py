"""Journey 4: a case worker, from what waits through a decision to the second person."""

from __future__ import annotations

import json
import re
from datetime import UTC, timedelta
from pathlib import Path

import grpc
import pytest
from google.type.money_pb2 import Money
from playwright.async_api import Page, expect
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import review_service_pb2 as pb
from tests.console.house import Moved, at, open_case, reviews, shot
from tests.e2e.browser import browser
from tests.e2e.service import PRODUCT
from tests.e2e.team import bearer
from tests.journeys.kit import ANISHA, BOTH_STORES, STANDS, office, typed
from tests.unit.cli.commands import Done

# The rules of the tests compare no persons, so that no name is stored: her employer is.
EMPLOYER = "Cebu Event Crews Cooperative"

# At the command line


@BOTH_STORES
async def test_a_case_from_the_queue_to_the_second_person(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Listed, taken, held, handed over, skipped, completed, confirmed; every word is in the chain.

    Until the second person confirms, the rules' outcome counts; afterwards the persons' does, and
    what the rules decided stays as it is.
    """
    async with office(tmp_path, url) as at:
        made = await at.decided(ANISHA, 30_000)
        assert made.refer_kind == decision_pb.REFER_KIND_SCORE
        (review_id,) = (await at.read(made.decision_id)).review.review_ids

        async def run(who: str, *words: str) -> str:
            done = await typed(at.live, tmp_path, capsys, who, *words)
            assert done.code == 0, done.err
            return done.out

        assert f"{review_id}  OPEN" in await run("ana", "reviews", "list")
        assert "judgement" in await run("ben", "reviews", "desk", "--product", PRODUCT)
        assert "CLAIMED by ana" in await run("ana", "reviews", "next")
        assert "no review to take" in await run("ben", "reviews", "next")
        end = made.create_time.ToDatetime(UTC) + timedelta(hours=9)
        hold = ("--hold-until", end.isoformat())
        assert "CLAIMED by ana" in await run("ana", "reviews", "claim", review_id, *hold)
        hand = ("reviews", "release", review_id, "--hand-to", "ben")
        assert "CLAIMED by ben" in await run("ana", *hand)
        assert "skipped by ben" in await run("ben", "reviews", "skip", review_id)
        assert "CLAIMED by ana" in await run("ana", "reviews", "claim", review_id)

        result = ("--outcome", "APPROVE", "--amount", "25000", "--reason", "INCOME_CONFIRMED")
        words = [f"word{place}" for place in range(200)]
        said = ("--explanation", " ".join(words))
        proposed = await run("ana", "reviews", "complete", review_id, *result, *said)
        assert "AWAITING_SECOND" in proposed
        waiting = (await at.read(made.decision_id)).review
        assert waiting.outcome == decision_pb.OUTCOME_REFER
        for _ in range(2):
            confirm = ("reviews", "confirm", review_id, "--request-id", "c-1")
            assert "by ana and ben" in await run("ben", *confirm)
        assert "CONFIRMED · ben" in await run("ana", "reviews", "show", review_id)
        assert STANDS in await run("los", "decisions", "show", made.decision_id)
        now = await at.read(made.decision_id)
        assert now.outcome == decision_pb.OUTCOME_REFER
        assert (now.review.outcome, now.review.role, now.review.approved_amount.units) == (
            decision_pb.OUTCOME_APPROVE,
            "review_second",
            25_000,
        )
        chain = await run("ana", "decisions", "chain", made.decision_id)
        assert [word for word in chain.split() if word in words] == words * 3
        assert max(map(len, chain.splitlines())) <= 200

        asked = ("reviews", "open", made.decision_id, "--text", "I asked for 30,000.")
        assert "contested" in await run("los", *asked)
        listed = await run("ana", "reviews", "list", "--decision-id", made.decision_id)
        assert f"{review_id[:-1]}2  OPEN" in listed
        shown = await run("los", "decisions", "show", made.decision_id)
        assert f"review · OPEN · {review_id}, {review_id[:-1]}2" in shown
        assert STANDS in shown


@BOTH_STORES
async def test_who_it_is_is_for_who_has_the_case_and_for_a_written_reason(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the role it is refused; a look for a reason is a step; no line of the log says more,
    and once the data is erased there is nothing to see."""
    async with office(tmp_path, url) as at:
        made = await at.decided(ANISHA, 30_000)
        (review_id,) = (await at.read(made.decision_id)).review.review_ids

        async def run(who: str, *words: str) -> Done:
            return await typed(at.live, tmp_path, capsys, who, *words)

        await at.claimed(review_id, at.ana)
        assert "see_persons" in (await run("ana", "reviews", "person", review_id)).err
        without = await run("nora", "reviews", "person", review_id)
        assert (without.code, without.out) == (3, "")
        assert "reason is empty, and you do not have" in without.err
        why = ("--reason", "She is on the telephone.")
        told = await run("nora", "reviews", "person", review_id, *why)
        assert EMPLOYER in told.out, told.err
        steps = await run("ana", "reviews", "show", review_id)
        assert "PERSON_SEEN · nora" in steps.out
        assert "She is on the telephone." in steps.out

        await run("ana", "reviews", "release", review_id, "--hand-to", "mia")
        held = ("reviews", "person", review_id, "--format", "json")
        seen = json.loads((await run("mia", *held)).out)
        assert EMPLOYER in {one["employer"] for one in seen["employers"]}
        assert seen["accounts"]
        month = next(one["month"] for one in seen["income_months"] if "amount" in one)
        shown = json.loads((await run("mia", *held, "--month", month)).out)
        assert shown["records"]
        mia = bearer((tmp_path / "mia.token").read_text())
        with capture_logs() as lines:
            request = pb.GetReviewPersonRequest(review_id=review_id, month=month)
            person = (await at.stub.GetReviewPerson(request, metadata=mia)).person
        assert [one["event"] for one in lines].count("reviews.person_seen") == 1
        [call] = [one for one in lines if one["event"] == "call"]
        assert (call["method"], call["caller"]) == ("GetReviewPerson", "mia")
        assert EMPLOYER in {one.employer for one in person.employers}
        assert EMPLOYER not in str(lines)
        steps = await run("ana", "reviews", "show", review_id)
        assert steps.out.count("PERSON_SEEN") == 1

        assert (await run("los", "applicants", "erase", ANISHA, "--yes")).code == 0
        gone = await run("nora", "reviews", "person", review_id, *why)
        assert (gone.code, EMPLOYER in gone.out + gone.err) == (1, False)
        assert "was erased: the decision can still be read, but not who applied" in gone.err


@BOTH_STORES
async def test_one_person_is_one_row_and_an_answer_closes_the_rest(
    url: str, tmp_path: Path
) -> None:
    """The others are named with each; one is closed as overtaken only once another is answered,
    and is no decline of the history."""
    async with office(tmp_path, url) as at:
        first = await at.decided(ANISHA, 30_000)
        second = await at.decided(ANISHA, 28_000)
        (answered,) = (await at.read(first.decision_id)).review.review_ids
        (other,) = (await at.read(second.decision_id)).review.review_ids
        asked = pb.ListReviewsRequest(unfinished=True, one_a_person=True)
        [row] = (await at.stub.ListReviews(asked, metadata=at.ana)).reviews
        assert row.review_id == answered
        assert [one.review_id for one in row.other_reviews] == [other]
        await at.claimed(answered, at.ben)
        await at.claimed(other, at.ana)
        found = await at.stub.GetReview(pb.GetReviewRequest(review_id=other), metadata=at.ana)
        assert [one.claimed_by for one in found.review.other_reviews] == ["ben"]

        overtaken = {
            "outcome": decision_pb.OUTCOME_DECLINE,
            "approved_amount": None,
            "reason": "OTHER_APPLICATION_ANSWERED",
        }
        with pytest.raises(grpc.aio.AioRpcError, match="no other application of the person"):
            await at.complete(other, at.ana, **overtaken)
        little = Money(currency_code="PHP", units=10_000)
        await at.complete(answered, at.ben, approved_amount=little)
        done = await at.complete(other, at.ana, **overtaken)
        # What was asked for is above one person's authority, as for any decline.
        assert done.second_reasons == ["ABOVE_AUTHORITY"]
        await at.confirm(other, at.ben)
        closed = await at.read(second.decision_id)
        assert closed.outcome_in_force == decision_pb.OUTCOME_DECLINE
        letter = await at.letter(second.decision_id, "en")
        assert "We have answered another application of yours." in str(letter)
        third = await at.decided(ANISHA, 5_000)
        full = await at.read(third.decision_id, full=True)
        values = {one.name: one for one in full.factor_values}
        assert values["history.last_decline_date"].missing
        assert values["history.applications_1d"].value.number == "2"


# At the console, in a browser

LOANS = "https://loans.example.com/applications/{application_id}"
FOCUSED = "(wanted) => document.activeElement?.matches(wanted)"


async def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on what is wanted, as somebody without a mouse does."""
    for _ in range(60):
        if await page.evaluate(FOCUSED, wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


async def fill_result(page: Page, step: str, reason: str = "INCOME_CONFIRMED") -> None:
    """Reason and explanation of a panel, with what a person would say."""
    await page.locator(f"#{step}-reason").select_option(reason)
    await page.locator(f"#{step}-explanation").fill("The employer confirms it by phone.")


async def sure(page: Page) -> None:
    """Take the step that the summary shows."""
    await expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
    await page.locator("button[name=sure][value=yes]").click()


@pytest.mark.long
@browser
async def test_five_cases_are_cleared_by_keyboard_alone(tmp_path: Path) -> None:
    """Next, read, decide, five times without a mouse; each ends with her name on it."""
    async with at(tmp_path, "rosa") as (home, page):
        for number in range(5):
            await open_case(home, "Anisha", 10_000 + number)
        await page.goto(f"{home.url}/reviews")
        await shot(page, "queue")
        await page.keyboard.press("n")
        for number in range(5):
            await page.wait_for_url(re.compile(r"/reviews/rev_[^?]+$"))
            step = "approve" if number == 0 else "decline"
            if number == 0:
                await shot(page, "case")
            await page.keyboard.press(step[0])
            await tab_to(page, f"#{step}-reason")
            await page.keyboard.type("INCOME" if step == "approve" else "NOT_A")
            await tab_to(page, f"#{step}-explanation")
            await page.keyboard.type("I called the employer.")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await expect(page.get_by_text("Nothing is recorded yet.")).to_be_visible()
            if number == 0:
                await shot(page, "summary")
            await page.keyboard.press("Enter")
            await page.wait_for_url("**?done=*")
            if number == 0:
                await shot(page, "awaiting-release")
            await page.keyboard.press("n")
        await page.wait_for_url("**none=yes*")
        done = await reviews(home, state="REVIEW_STATE_AWAITING_RELEASE")
        assert [one.completed_by for one in done] == ["rosa"] * 5
        assert (
            sorted(one.result.reason for one in done)
            == ["INCOME_CONFIRMED"] + ["NOT_AFFORDABLE"] * 4
        )


@pytest.mark.long
@browser
async def test_the_other_cases_of_a_person_are_closed_in_two_clicks(tmp_path: Path) -> None:
    """The queue has one row of her; once one case is answered the free one is closed with its
    reason, and what Tomas works on stays his."""
    async with at(tmp_path, "rosa") as (home, page):
        answered = await open_case(home, "Anisha", 12_000)
        free = await open_case(home, "Anisha", 13_000)
        held = await open_case(home, "Anisha", 14_000)
        await home.call("tomas", "ReviewService.ClaimReview", review_id=held.review_id)
        await page.goto(f"{home.url}/reviews")
        table = page.get_by_role("region", name="Table: Cases of this choice")
        await expect(table.locator("tbody > tr")).to_have_count(1)
        await expect(table).to_contain_text("claimed by tomas")
        await shot(page, "one-a-person")
        await page.keyboard.press("n")
        await page.wait_for_url(f"**/{answered.review_id}")
        await fill_result(page, "approve")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await sure(page)
        await page.wait_for_url("**?done=approve")
        await page.keyboard.press("o")
        await page.get_by_role("button", name="Close the others").click()
        # Empty words keep the browser on the page.
        await page.locator("#overtaken-explanation").fill("She got the other loan.")
        await page.get_by_role("button", name="Close the others").click()
        await expect(page.get_by_text("Left as it is")).to_be_visible()
        await shot(page, "overtaken")
        await sure(page)
        await page.wait_for_url("**?done=overtaken")
        others = page.get_by_role("region", name="Other open cases of this person")
        await expect(others.get_by_role("listitem")).to_have_count(2)
        [closed] = await reviews(home, decision_id=free.decision_id)
        assert closed.result.reason == "OTHER_APPLICATION_ANSWERED"
        [left] = await reviews(home, decision_id=held.decision_id)
        assert (left.claimed_by, left.result.reason) == ("tomas", "")


@pytest.mark.long
@browser
async def test_two_persons_approve_above_authority(tmp_path: Path) -> None:
    """Rosa sees before she sends that a second person is needed; Tomas confirms, after a new
    sign-in where his is older than a quarter of an hour; she could not have."""
    clock = Moved()
    async with at(tmp_path, "rosa", clock=clock) as (home, page):
        review = await open_case(home, "Anisha", 30_000)
        await page.goto(f"{home.url}/reviews/{review.review_id}")
        await page.get_by_role("button", name="Claim").click()
        await page.locator("#approve-amount").fill("15000")
        await expect(page.locator("#price")).to_contain_text("You")
        await page.locator("#approve-amount").fill("30000")
        await expect(page.locator("#price")).to_contain_text("second person")
        await fill_result(page, "approve")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.get_by_text("thirty thousand PHP")).to_be_visible()
        await sure(page)
        await page.wait_for_url("**?done=approve")
        assert not await page.get_by_role("button", name="Confirm").count()
        await page.get_by_role("button", name="Sign out").click()

        await home.sign_in(page, "tomas", "/second")
        clock.ahead = 16 * 60
        await shot(page, "second")
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in again")
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="sign in").click()
        tab = await opened.value
        await tab.get_by_label("Your token").fill(home.team.tokens["tomas"])
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_role("heading", level=1)).to_contain_text(
            "You are signed in as tomas"
        )
        await page.get_by_role("button", name="Send it again").click()
        await expect(page.get_by_text("The employer confirms it by phone.")).to_be_visible()
        await sure(page)
        await page.wait_for_url("**?done=confirm")
        [done] = await reviews(home, state="REVIEW_STATE_AWAITING_RELEASE")
        assert (done.completed_by, done.confirmed_by) == ("rosa", "tomas")
        assert done.result.approved_amount.units == 30_000


@pytest.mark.long
@browser
async def test_a_claim_that_ends_loses_nothing_typed(tmp_path: Path) -> None:
    """The end is said before it comes; what was typed is there after it, and counts once the case
    is claimed again."""
    clock = Moved()
    async with at(tmp_path, "rosa", service_clock=clock) as (home, page):
        clock.ahead = -26 * 60  # the claim is 26 minutes old for the browser
        review = await open_case(home, "Anisha", 12_000)
        await page.goto(f"{home.url}/reviews/{review.review_id}")
        await page.get_by_role("button", name="Claim").click()
        await expect(page.locator("[data-left]")).to_contain_text("min")
        await page.keyboard.press("d")
        assert not await page.locator("#decline-reason [value=INCOME_CONFIRMED]").count()
        await fill_result(page, "decline", "NOT_AFFORDABLE")
        clock.ahead = 10 * 60
        await page.get_by_role("button", name="Decline", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("ended")
        await expect(page.locator("#decline-explanation")).to_have_value(
            "The employer confirms it by phone."
        )
        await page.get_by_role("button", name="Claim it again").click()
        await expect(page.locator("#decline-reason")).to_have_value("NOT_AFFORDABLE")
        await page.get_by_role("button", name="Decline", exact=True).click()
        await sure(page)
        await page.wait_for_url("**?done=decline")


@pytest.mark.long
@browser
async def test_a_session_that_ends_in_a_form_loses_nothing_typed(tmp_path: Path) -> None:
    """Signed out elsewhere, she signs in in a new tab and sends the note that she had typed."""
    async with at(tmp_path, "rosa") as (home, page):
        review = await open_case(home, "Anisha", 12_000)
        await page.goto(f"{home.url}/reviews/{review.review_id}")
        await page.get_by_text("Note", exact=True).click()
        await page.locator("#note-text").fill("Two lines,\nnot one.")
        async with home.client("rosa") as other:
            await other.post("/sign-out", data={"everywhere": "yes"})
        await page.get_by_role("button", name="Add the note").click()
        await expect(page.get_by_text("Nothing that you typed is lost")).to_be_visible()
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="sign in").click()
        tab = await opened.value
        await tab.get_by_label("Your token").fill(home.team.tokens["rosa"])
        await tab.keyboard.press("Enter")
        await expect(tab.get_by_text("You are signed in")).to_be_visible()
        await page.get_by_role("button", name="Send it again").click()
        await page.wait_for_url("**?done=note")
        await expect(page.get_by_text("Two lines,")).to_be_visible()


@pytest.mark.long
@browser
async def test_who_it_is_is_a_click_for_who_has_the_case(tmp_path: Path) -> None:
    """What Rosa typed stays, and no address has who it is; Tomas says why; for Lena, who lacks the
    role, there is no such box, and its form is refused."""
    async with at(tmp_path, "rosa", loan_system=LOANS) as (home, page):
        review = await open_case(home, "Anisha", 12_000, application_id="A 1/2")
        case = f"{home.url}/reviews/{review.review_id}"
        await page.goto(case)
        await page.get_by_role("button", name="Claim").click()
        await page.locator("#approve-explanation").fill("The employer confirms it.")
        who = page.locator("#who")
        await who.get_by_role("button", name="Show who applied").click()
        await expect(who.get_by_text(EMPLOYER).first).to_be_visible()
        link = who.get_by_role("link", name="at the loan system")
        assert await link.get_attribute("href") == LOANS.format(application_id="A%201%2F2")
        await shot(page, "who")
        month = who.locator("button[name=month]").nth(2)
        asked = await month.text_content()
        await month.click()
        await expect(who.get_by_text(f"Records of {asked}, as stored")).to_be_visible()
        await expect(who.locator("tbody").last.locator("tr").first).to_contain_text("PHP")
        assert page.url == case
        await expect(page.locator("#approve-explanation")).to_have_value(
            "The employer confirms it."
        )
        await page.get_by_role("button", name="Sign out").click()

        await home.sign_in(page, "tomas", f"/reviews/{review.review_id}")
        await page.locator("#who-reason").fill("She called the branch.")
        await page.get_by_role("button", name="Show who applied").click()
        await expect(page.locator("#who").get_by_text(EMPLOYER).first).to_be_visible()
        await page.locator("#who button[name=month]").first.click()
        await expect(page.locator("#who")).to_contain_text("as stored")
        seen = page.get_by_text("Person seen by tomas")
        await expect(seen).to_have_count(1)
        await page.get_by_role("button", name="Sign out").click()

        await home.sign_in(page, "lena", f"/reviews/{review.review_id}")
        assert not await page.locator("#who").count()
        assert EMPLOYER not in await page.content()
        async with home.client("lena") as client:
            form = {"reason": "I am curious."}
            answer = await client.post(f"/reviews/{review.review_id}/person", data=form)
        assert answer.status_code == 403
        assert EMPLOYER not in answer.text


@pytest.mark.long
@browser
async def test_it_works_without_javascript(tmp_path: Path) -> None:
    """Claim, see what an amount would come to, and complete: by plain forms alone."""
    async with at(tmp_path, "rosa", view={"java_script_enabled": False}) as (home, page):
        review = await open_case(home, "Anisha", 12_000)
        await page.goto(f"{home.url}/reviews")
        await page.get_by_role("button", name="Next").first.click()
        await page.get_by_role("button", name="Show who applied").click()
        await page.locator("#who button[name=month]").first.click()
        await expect(page.locator("#who").get_by_text(EMPLOYER).first).to_be_visible()
        await page.locator("#approve-amount").fill("900000")
        await page.get_by_role("button", name="Show what would come of it").click()
        await expect(page.locator("#price")).to_contain_text("12000.00 was requested")
        await page.locator("#approve-amount").fill("10000")  # no more than the rules offered
        await fill_result(page, "approve")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await page.get_by_role("button", name="Back").click()
        await expect(page.locator("#approve-explanation")).to_have_value(
            "The employer confirms it by phone."
        )
        await page.get_by_role("button", name="Approve", exact=True).click()
        await sure(page)
        await expect(page.get_by_text("This case is done")).to_be_visible()
        [done] = await reviews(home, state="REVIEW_STATE_AWAITING_RELEASE")
        assert done.review_id == review.review_id


@pytest.mark.long
@browser
async def test_a_slip_is_undone_in_two_clicks(tmp_path: Path) -> None:
    """Rosa reads 20,000 asked for and types 1,000: she opens Withdraw, says why, and sends it; her
    next result waits for Tomas, who takes over what she holds when she is away."""
    async with at(tmp_path, "rosa") as (home, page):
        review = await open_case(home, "Anisha", 12_000)
        await page.goto(f"{home.url}/reviews/{review.review_id}")
        await page.get_by_role("button", name="Claim").click()
        await page.locator("#approve-amount").fill("1,5")
        await fill_result(page, "approve")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.locator("#approve-amount-error")).to_contain_text("'1,5'")
        await page.locator("#approve-amount").fill("1,000")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.get_by_text("one thousand PHP")).to_be_visible()
        await sure(page)
        await expect(page.get_by_text("a slip can still be withdrawn")).to_be_visible()

        await page.locator("summary", has_text="Withdraw").click()
        await page.locator("#withdraw-text").fill("I meant 10,000.")
        await page.get_by_role("button", name="Withdraw it").click()
        await page.wait_for_url("**?done=withdraw")
        [mine] = await reviews(home, state="REVIEW_STATE_CLAIMED")
        assert (mine.claimed_by, mine.HasField("result")) == ("rosa", False)
        await page.get_by_role("button", name="Sign out").click()

        await home.sign_in(page, "tomas", f"/reviews/{review.review_id}")
        await page.locator("summary", has_text="Take over").click()
        await page.locator("#take-over-text").fill("Rosa is on leave.")
        await page.get_by_role("button", name="Take over").click()
        # Her claim is a fresh one of half an hour, which ends by itself.
        await expect(page.get_by_role("alert")).to_contain_text("rosa")
        await expect(page.locator("#take-over-text")).to_have_value("Rosa is on leave.")
