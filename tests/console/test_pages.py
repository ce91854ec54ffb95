"""Every page of the console is for everybody, by eye and by a screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.console.house import House, chromium, house, open_case, shot, window
from tests.e2e.browser import barriers, browser
from tests.e2e.service import PRODUCT
from tests.e2e.test_rollouts import STAGED, planned
from tests.unit.rollout.plans import edited

pytestmark = [pytest.mark.long, browser]


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
                        await is_for_everybody(page, f"{view}{path}")
                        if await page.locator("#who").count():
                            await see_person(page)
                            await is_for_everybody(page, f"{view}{path}-who")


async def is_for_everybody(page: Page, name: str) -> None:
    wide = "document.documentElement.scrollWidth - window.innerWidth"
    assert await page.evaluate(wide) <= 0, name
    assert await barriers(page) == [], name
    await shot(page, name.split("?")[0].replace("/", "-")[:48])


async def see_person(page: Page) -> None:
    """Who applied, and the records of a month, on the page of a case."""
    who = page.locator("#who")
    if await page.locator("#who-reason").count():
        await page.locator("#who-reason").fill("To look at the page.")
    await who.get_by_role("button", name="Show who applied").click()
    await who.locator("button[name=month]").nth(1).click()
    await who.get_by_text("as stored").wait_for()


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
