"""Each step of the connect page: whose it is, in which language, and that nobody is kept out."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import (
    DESKTOP,
    RECORDER,
    applicant,
    barriers,
    browser,
    opened,
    shot,
    told,
)
from tests.e2e.service import Running, running

NARROW = (320, 640)
LOGO = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
LENDER = "Mabuting Pautang"
BACK = "https://lender.example"

OUTSIDE = """() => [...document.querySelectorAll("header *, main *:not(.spoken)")]
  .filter((one) => one.checkVisibility())
  .map((one) => ({ name: one.outerHTML.slice(0, 80), box: one.getBoundingClientRect() }))
  .filter(({ box }) => box.width && (box.left < 16 || box.right > innerWidth - 16))
  .map(({ name }) => name)
  .concat(document.documentElement.scrollWidth > innerWidth ? ["scrolls sideways"] : [])"""
"""What comes nearer than 16 pixels to the left or right edge."""

SSS = "{providerId: 'sss_ph', accountId: 'a-1'}"


@pytest.fixture
async def lender(tmp_path: Path) -> AsyncIterator[Running]:
    """A lender's service."""
    (tmp_path / "logo.png").write_bytes(LOGO)
    settings = {
        "connect_company_name": LENDER,
        "connect_logo_file": str(tmp_path / "logo.png"),
        "connect_return_origins": BACK,
    }
    async with running(tmp_path, http_address="127.0.0.1:0", **settings) as live:
        yield live


async def call(page: Page, callback: str, value: str) -> None:
    """What the vendor's widget would call."""
    await page.evaluate(f"window.handed.{callback}({value})")


async def steps(page: Page, look: Callable[[str], Awaitable[None]]) -> None:
    """Go through the steps of a link that works, and look at each."""
    await page.locator("[data-step=start] [data-open]").click()
    await page.locator("body[data-opened]").wait_for()
    await call(page, "onClose", "{reason: 'exit'}")
    await look("start")
    await call(page, "onAccountCreated", SSS)
    await look("progress")
    await call(page, "onAccountError", SSS.replace("}", ", errorCode: 'INVALID_CREDENTIALS'}"))
    await look("failed")
    await call(page, "onAccountConnected", SSS)
    await call(page, "onAccountError", "{providerId: 'grab_ph', errorCode: 'AUTH_REQUIRED'}")
    await look("done")


@pytest.mark.long
@browser
async def test_the_page_is_the_lenders_and_leads_back(lender: Running) -> None:
    """Logo and name, another language in the middle of it, and the way back at its end.

    Where the service could not be asked about the link, the page asks again.
    """
    _, address = await applicant(lender, "CRM-1")
    async with opened("about:blank", expected=("ERR_FAILED",), widget=RECORDER) as page:
        await page.route("**/connect/check", lambda route: route.abort())
        await page.goto(f"{address}&return_url={BACK}/done?id=7")
        await told(page, "The service could not be reached.")
        await page.unroute("**/connect/check")
        await page.get_by_role("button", name="Try again").click()
        logo = page.get_by_role("img", name=LENDER)
        await expect(logo).to_be_visible()
        assert await logo.evaluate("(logo) => logo.naturalWidth") == 1
        await expect(page.get_by_role("heading", level=1)).to_contain_text(LENDER)
        await page.get_by_role("button", name="Connect an account").click()
        await page.locator("body[data-opened]").wait_for()
        await call(page, "onAccountCreated", SSS)
        await expect(page.get_by_role("link", name=f"Back to {LENDER}")).to_have_count(1)
        await page.get_by_role("link", name="Filipino").click()
        await told(page, "Ikinokonekta ang inyong account sa SSS")
        async with page.expect_response("**/connect/token"):
            await page.get_by_role("button", name="Buksan muli ang window").click()
        await page.locator("body[data-opened]").wait_for()
        await call(page, "onAccountConnected", SSS)
        await told(page, "Tapos na po kayo")
        back = page.get_by_role("link", name=f"Bumalik sa {LENDER}")
        assert await back.get_attribute("href") == f"{BACK}/done?id=7"
        await expect(page.get_by_text("isara ang pahinang ito")).to_be_hidden()
        assert page.url == f"{lender.service.http_url}/connect?lang=fil"


@pytest.mark.long
@browser
async def test_the_way_back_leads_to_an_allowed_origin_alone(lender: Running) -> None:
    """Whoever makes up a link to another; the applicant is told to close the page instead."""
    _, address = await applicant(lender, "CRM-1")
    async with opened("about:blank", widget=RECORDER, locale="fil-PH") as page:
        for other in ("https://evil.test/", "javascript:alert(1)", f"{BACK}@evil.test"):
            await page.goto(f"{address}&return_url={other}")
            await page.get_by_role("button", name="Magkonekta ng account").click()
            await page.locator("body[data-opened]").wait_for()
            await call(page, "onAccountConnected", SSS)
            await told(page, "Maaari na po ninyong isara ang pahinang ito")
            await expect(page.get_by_role("link", name="Bumalik")).to_have_count(0)


@pytest.mark.long
@browser
@pytest.mark.parametrize(
    ("size", "locale", "scheme"),
    [(NARROW, "fil-PH", "dark"), (DESKTOP, "en-US", "light")],
    ids=["narrow", "desktop"],
)
async def test_no_step_has_a_barrier_or_touches_an_edge(
    lender: Running, size: tuple[int, int], locale: str, scheme: str
) -> None:
    """axe finds nothing, light and dark, and everything keeps 16 pixels from the edges."""
    _, address = await applicant(lender, "CRM-1")
    async with opened(address, size, ("403",), RECORDER, locale) as page:
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

        async def look(step: str) -> None:
            await page.locator(f"[data-step={step}]").wait_for()
            assert await barriers(page) == [], step
            assert await page.evaluate(OUTSIDE) == [], step
            await shot(page, f"{step}-{size[0]}-{scheme}")

        await steps(page, look)
        await page.goto(f"{lender.service.http_url}/connect?token=dead")
        await look("dead")
