"""What people do at the console from sign-in to result, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from tests.console.house import House, Moved, chromium, house, window
from tests.e2e.browser import OUTPUT, barriers, browser
from tests.e2e.service import PRODUCT
from tests.e2e.test_rollouts import STAGED, planned
from tests.unit.rollout.plans import edited

pytestmark = [pytest.mark.long, browser]

FOCUSED = "(wanted) => document.activeElement?.matches(wanted)"


@asynccontextmanager
async def at(
    folder: Path, who: str, after: str = "/", **given: Any
) -> AsyncIterator[tuple[House, Page]]:
    """A house, and a page of somebody who is signed in; `view` is what the browser is like."""
    view = given.pop("view", {})
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(house(folder, **given))
        made = await stack.enter_async_context(chromium())
        page = await stack.enter_async_context(window(made, **view))
        await home.sign_in(page, who, after)
        yield home, page


async def shot(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"console-{name}.png", full_page=True)


async def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on what is wanted, as somebody without a mouse does."""
    for _ in range(60):
        if await page.evaluate(FOCUSED, wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


async def reviews(home: House, **chosen: Any) -> list[review_pb.Review]:
    listed = await home.call("noel", "ReviewService.ListReviews", page_size=100, **chosen)
    return [*listed.reviews]


async def open_case(home: House, user: str, amount: int, **fields: Any) -> review_pb.Review:
    """A referred application, and its review."""
    decision = await home.decide(user, amount, **fields)
    assert decision.outcome == pb.OUTCOME_REFER, decision
    [review] = await reviews(home, decision_id=decision.decision_id)
    return review


async def fill_result(page: Page, step: str, reason: str = "INCOME_CONFIRMED") -> None:
    """Reason and explanation of a panel, with what a person would say."""
    await page.locator(f"#{step}-reason").select_option(reason)
    await page.locator(f"#{step}-explanation").fill("The employer confirms it by phone.")


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
            await page.wait_for_url("**?done=*")
            await page.keyboard.press("n")
        await page.wait_for_url("**none=yes*")
        done = await reviews(home, state="REVIEW_STATE_COMPLETED")
        assert [one.completed_by for one in done] == ["rosa"] * 5
        assert (
            sorted(one.result.reason for one in done)
            == ["INCOME_CONFIRMED"] + ["NOT_AFFORDABLE"] * 4
        )


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
        await page.wait_for_url("**?done=confirm")
        [done] = await reviews(home, state="REVIEW_STATE_COMPLETED")
        assert (done.completed_by, done.confirmed_by) == ("rosa", "tomas")
        assert done.result.approved_amount.units == 30_000


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
        await page.wait_for_url("**?done=decline")


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


async def test_risk_advances_a_canary_and_kills_it(tmp_path: Path) -> None:
    """Each step wants a reason; after the kill the page says what becomes of applicants."""
    rules = planned(tmp_path)
    async with at(tmp_path, "imelda", f"/rollouts/{PRODUCT}", rules_dir=str(rules)) as (home, page):
        await shot(page, "rollout")
        advance = page.locator("form[action$='/advance']").filter(
            has=page.locator("[value=challenger]")
        )
        await unfold(page, advance)
        await advance.get_by_label("Why", exact=True).fill("Half of them went well.")
        early = advance.get_by_role("checkbox")
        if await early.count():
            await early.check()
        await advance.get_by_role("button").click()
        await page.wait_for_url("**?step=*")
        shown = (await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)).rollout
        assert shown.challenger.stage == "whole"
        kill = page.locator("form[action$='/kill']").filter(has=page.locator("[value=challenger]"))
        await unfold(page, kill)
        await kill.get_by_role("button").click()  # without a reason nothing is sent
        assert not (await rollout(home)).challenger.killed
        await kill.get_by_label("Why", exact=True).fill("Complaints.")
        await kill.get_by_role("button").click()
        await page.wait_for_url("**?step=*")
        await shot(page, "killed")
        assert (await rollout(home)).challenger.killed
        await expect(page.locator("main")).to_contain_text("Complaints.")


async def rollout(home: House) -> Any:
    return (await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)).rollout


async def unfold(page: Page, inner: Any) -> None:
    """Open the panel around a form, where it is closed."""
    await inner.first.wait_for(state="attached")
    folded = page.locator("details:not([open])").filter(has=inner)
    if await folded.count():
        await folded.first.locator("summary").first.click()


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


async def test_it_works_without_javascript(tmp_path: Path) -> None:
    """Claim, see what an amount would come to, and complete: by plain forms alone."""
    async with at(tmp_path, "rosa", view={"java_script_enabled": False}) as (home, page):
        review = await open_case(home, "Anisha", 12_000)
        await page.goto(f"{home.url}/reviews")
        await page.get_by_role("button", name="Next").first.click()
        await page.locator("#approve-amount").fill("900000")
        await page.get_by_role("button", name="Show what would come of it").click()
        await expect(page.locator("#price")).to_contain_text("12000.00 was requested")
        await page.locator("#approve-amount").fill("10000")  # no more than the rules offered
        await fill_result(page, "approve")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.get_by_text("This case is done")).to_be_visible()
        [done] = await reviews(home, state="REVIEW_STATE_COMPLETED")
        assert done.review_id == review.review_id


VIEWS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 720}},
    "zoomed": {"viewport": {"width": 640, "height": 450}, "device_scale_factor": 2},
}
LARGEST = 150_000


async def test_every_page_is_for_everybody(tmp_path: Path) -> None:
    """No barrier by axe, nothing wider than the screen, no page above 150 KB: in light and dark,
    at 320 pixels and at 200 % zoom, with the largest decisions of the shipped rules."""
    rules = planned(tmp_path, edited(STAGED, ("initial_stage: staff", "initial_stage: all")))
    async with house(tmp_path, rules_dir=str(rules)) as home, chromium() as made:
        paths = [*await seeded(home)]
        for view, context in VIEWS.items():
            async with window(made, **context) as page:
                for who, those in paths:
                    await page.context.clear_cookies()
                    await home.sign_in(page, who)
                    for path in those:
                        answer = await page.goto(home.url + path)
                        assert answer is not None
                        assert answer.status == 200, path
                        assert len(await answer.body()) <= LARGEST, path
                        wide = "document.documentElement.scrollWidth - window.innerWidth"
                        assert await page.evaluate(wide) <= 0, (view, path)
                        assert await barriers(page) == [], (view, path)
                        await shot(page, f"{view}{path.split('?')[0].replace('/', '-')[:40]}")


async def seeded(home: House) -> list[tuple[str, list[str]]]:
    """Something on every page, and the pages of each person."""
    made = [await home.decide(user, 20_000) for user in ("George", "Ryan", "Christina")]
    await home.call(
        "loans", "ReviewService.RequestReview",
        decision_id=made[1].decision_id, request_id="1", text="My payslips were on paper.",
    )  # fmt: skip
    first, second = [await open_case(home, "Anisha", amount) for amount in (12_000, 30_000)]
    for one in (first, second):
        await home.call("rosa", "ReviewService.ClaimReview", review_id=one.review_id)
    await home.call(
        "rosa", "ReviewService.CompleteReview", review_id=second.review_id, request_id="2",
        outcome="OUTCOME_APPROVE", approved_amount=second.requested_amount,
        reason="INCOME_CONFIRMED", explanation="By phone.",
    )  # fmt: skip
    ids = [one.decision_id for one in made]
    decisions = [f"/decisions/{one}{tail}" for one in ids for tail in ("", "/chain", "/what-if")]
    rollouts = [
        "/rules",
        f"/rules/{PRODUCT}/v2",
        "/rollouts",
        f"/rollouts/{PRODUCT}",
        "/operations",
    ]
    return [
        ("rosa", ["/reviews", f"/reviews/{first.review_id}", f"/reviews/{second.review_id}"]),
        ("tomas", ["/second", f"/reviews/{second.review_id}"]),
        ("noel", ["/decisions", f"/decisions?product={PRODUCT}", *decisions, "/signed-in"]),
        ("imelda", [*rollouts, "/rules/evidence"]),
    ]
