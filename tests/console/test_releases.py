"""Releases of rules at the console, in a browser: what changes, ticks, both persons, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from decision_service.store.seals import JOURNAL_KEYS
from tests.console.house import House, chromium, house, shot, window
from tests.e2e.browser import barriers, browser
from tests.e2e.service import PRODUCT, own_rules
from tests.kits.cases import until

pytestmark = [pytest.mark.long, browser]

WHY = "Looked at with the risk committee."
WIDTHS = (1280, 400)
LOOSER = {"valid_for: 14d": "valid_for: 90d", "\nmax_age: 35d": "\nmax_age: 60d"}


async def test_two_persons_confirm_what_they_see_and_one_takes_it_back(tmp_path: Path) -> None:
    """Each loosening is ticked; a refusal keeps what was typed; the page says who did what."""
    JOURNAL_KEYS.add(tmp_path / "journal-keys")
    rules = own_rules(tmp_path)
    settings = {
        "require_approval": "true",
        "journal_key_file": str(tmp_path / "journal-keys"),
        "rules_dir": str(rules),
    }
    async with house(tmp_path, **settings) as home, chromium() as made, window(made) as page:
        await home.sign_in(page, "noel", "/rules")
        await looked(page, "first")
        await expect(page.locator("main")).to_contain_text("no decision is made")
        digest = await waiting(home)
        await page.goto(f"{home.url}/rules/releases/{digest}")
        assert await page.get_by_role("button", name="Confirm it").count() == 0
        first = await confirmed_by_both(home, page)

        loosened(rules)
        digest = await waiting(home)
        await as_person(home, page, "imelda", f"/rules/releases/{digest}")
        await looked(page, "loosened")
        ticks = page.locator("fieldset input")
        assert await ticks.count() == 3  # the claims are none, too
        await page.get_by_label("Why").first.fill(WHY)
        await page.get_by_role("button", name="Confirm it").click()
        assert await page.locator("input:invalid").count() > 0  # nothing is sent
        await unticked_is_refused(home, digest)
        for tick in await ticks.all():
            await tick.check()
        await page.get_by_role("button", name="Confirm it").click()
        await expect(page.locator("h1")).to_contain_text("confirmed once")
        for tick in await ticks.all():
            await tick.check()
        await page.get_by_label("Why").first.fill(WHY)
        await page.get_by_role("button", name="Confirm it").click()
        problem = page.get_by_role("alert")
        await expect(problem).to_contain_text("another person confirms now")
        await expect(page.get_by_label("Why").first).to_have_value(WHY)
        await looked(page, "twice")

        await as_person(home, page, "juan", f"/rules/releases/{digest}")
        await expect(page.locator("section[aria-labelledby=confirm]")).to_contain_text(
            "which you do not have"
        )
        assert await page.get_by_role("button", name="Confirm it").count() == 0
        await page.get_by_text("Decline it").first.click()
        await page.locator("#decline-why").fill("The term was not agreed.")
        await page.get_by_role("button", name="Decline it").click()
        await expect(page.locator("h1")).to_contain_text("declined")
        await looked(page, "declined")

        reworded(rules)
        second = await confirmed_by_both(home, page)
        await looked(page, "in-force")
        await page.get_by_text("Go back to the release before").click()
        await page.locator("#revert-why").fill("Complaints.")
        await looked(page, "going-back")
        await page.get_by_role("button", name="Go back").click()
        await page.wait_for_url(f"**/{first}")
        await expect(page.locator("h1")).to_contain_text("in force")
        await looked(page, "reverted")
        await page.goto(f"{home.url}/rules/releases/{second}")
        await expect(page.locator("h1")).to_contain_text("replaced")
        await page.goto(f"{home.url}/rules")
        await looked(page, "rules")


async def unticked_is_refused(home: House, digest: str) -> None:
    """Also from who sends the form without a browser."""
    async with home.client("juan") as client:
        path = f"/rules/releases/{digest}/confirm"
        answer = await client.post(path, data={"position": "3", "why": WHY})
        assert answer.status_code == 409
        assert "are not accepted" in answer.text


async def as_person(home: House, page: Page, who: str, after: str) -> None:
    await page.context.clear_cookies()
    await home.sign_in(page, who, after)
    await page.goto(home.url + after)


async def confirmed_by_both(home: House, page: Page) -> str:
    """Juan confirms the release that waits, then Imelda; its digest."""
    digest = await waiting(home)
    for who, state in (("juan", "confirmed once"), ("imelda", "in force")):
        await as_person(home, page, who, f"/rules/releases/{digest}")
        for tick in await page.locator("fieldset input").all():
            await tick.check()
        await page.get_by_label("Why").first.fill(WHY)
        await page.get_by_role("button", name="Confirm it").click()
        await expect(page.locator("h1")).to_contain_text(state)
        await expect(page.locator("main")).to_contain_text(who)
    return digest


async def waiting(home: House) -> str:
    """The digest of the release that waits for a first person."""

    async def digests() -> list[Any]:
        listed = await home.call("noel", "RulesetService.ListReleases")
        return [one.digest for one in listed.releases if one.state == 1]

    [digest] = await until(digests)
    return str(digest)


async def looked(page: Page, name: str) -> None:
    """No barrier, nothing wider than the screen, and a picture, at both widths."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        wide = "document.documentElement.scrollWidth - window.innerWidth"
        assert await page.evaluate(wide) <= 0, (name, width)
        assert await barriers(page) == [], (name, width)
        await shot(page, f"release-{name}-{width}")
    await page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def loosened(rules: Path) -> None:
    """A decision is good for longer, and made on older data."""
    file = rules / PRODUCT / "v3.yaml"
    text = file.read_text()
    for old, new in LOOSER.items():
        text = text.replace(old, new, 1)
    file.write_text(text)


def reworded(rules: Path) -> None:
    """The loosenings are gone, and the title is another."""
    file = rules / PRODUCT / "v3.yaml"
    text = file.read_text()
    for old, new in LOOSER.items():
        text = text.replace(new, old, 1)
    file.write_text(text.replace("title: ", "title: New ", 1))
