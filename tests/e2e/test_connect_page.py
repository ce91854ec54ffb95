"""An applicant's whole story in a real browser: connect, be decided on, withdraw."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser import (
    applicant,
    browser,
    opened,
    shot,
    told,
)
from tests.e2e.service import outcome, running
from tests.journeys.test_3_applicant import decided


@pytest.mark.long
@browser
async def test_keyboard_used_link_and_dead_links(tmp_path: Path) -> None:
    """The page works by keyboard alone, replaces a used token, and offers a dead link no button."""
    async with running(tmp_path, http_address="127.0.0.1:0") as live:
        user_id, address = await applicant(live, "CRM-2")
        async with opened(address) as page:
            button = page.get_by_role("button", name="Connect an account")
            await button.wait_for()
            for _ in range(4):  # two languages and the notice come before it
                await page.keyboard.press("Tab")
            await expect(button).to_be_focused()
            await shot(page, "focus")
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="SSS, Social Security System").focus()
            await page.keyboard.press("Enter")
            await expect(page.get_by_label("User name")).to_be_focused()
            await page.keyboard.type("George")
            await page.keyboard.press("Tab")
            await page.keyboard.type("123456")
            await page.keyboard.press("Enter")
            await expect(page.get_by_label("Code")).to_be_focused()
            await page.keyboard.type("1234")
            await page.keyboard.press("Enter")
            await told(page, "Your SSS account is connected")
            await page.keyboard.press("Escape")
            await told(page, "You are done")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="Disconnect sss_ph").wait_for()
        async with opened(address, expected=("401",)) as page:
            await page.get_by_role("button", name="Connect an account").click()
            await page.get_by_role("button", name="Disconnect sss_ph").wait_for()
        for query, words in (("", "This link is incomplete"), ("?token=x", "no longer works")):
            where = f"{live.service.http_url}/connect{query}"
            async with opened(where, expected=("403",)) as page:
                await told(page, words)
                await expect(page.get_by_role("button")).to_have_count(0)
        assert outcome(await decided(live, user_id)) == "APPROVE"
