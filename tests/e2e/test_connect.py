"""The connect page in a browser: its steps, its widget, its way back, and dead links."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from decision_service.domain.accounts import ACCOUNT_ERRORS
from tests.e2e.browser import DESKTOP, RECORDER, applicant, barriers, browser, opened, shot, told
from tests.e2e.service import Running, outcome, running
from tests.journeys.test_3_applicant import decided

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path


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


CODES = """
ACCOUNT_DISABLED ACCOUNT_INACCESSIBLE ACCOUNT_INCOMPLETE ACCOUNT_LOCKED AUTH_REQUIRED
EXPIRED_CREDENTIALS INVALID_ACCOUNT_TYPE INVALID_AUTH INVALID_CREDENTIALS INVALID_MFA MFA_TIMEOUT
SERVICE_UNAVAILABLE SYSTEM_ERROR TOS_REQUIRED UNSUPPORTED_AUTH_TYPE UNSUPPORTED_MFA_METHOD
"""

"""`AccountErrorCode` of the vendor's document, version 1.14.0."""

CALLBACKS = (
    ("onUploadsCreated", {"uploads": [{}]}, "You are done"),
    ("onUploadsRemoved", {"uploads": [{}]}, "How it works"),
    ("onClose", {"reason": "exit"}, "You closed the connection window."),
    ("onAccountError", {"providerId": "grab_ph"}, "Your Grab account was not connected."),
    ("onAccountCreated", {"providerId": "grab_ph"}, "Connecting your Grab account"),
    ("onAccountConnected", {"providerId": "grab_ph"}, "Your Grab account is connected"),
    ("onAccountRemoved", {"providerId": "pagibig_ph"}, "stopped sharing your Pag-IBIG account"),
    ("onAccountError", {"providerId": "x", "errorCode": "NEW_WORD"}, "Try again in a few minutes"),
    ("onUploadsCreated", {"uploads": [{}, {}]}, "2 documents were uploaded."),
    ("onUploadsRemoved", {"uploads": [{}]}, "1 document was removed."),
    ("onClose", {"reason": "error"}, "was closed by an error"),
    ("onClose", {"reason": "close"}, "You are done"),
    ("onAccountCreated", None, "Connecting your account"),
)


@pytest.mark.long
@browser
async def test_every_option_and_callback_is_wired(tmp_path: Path) -> None:
    """Options come from the configuration, callbacks are told in words, and no address has a token.

    A page that is loaded again still has a token, and what happened.
    """
    settings = {
        "http_address": "127.0.0.1:0",
        "connect_providers": "sss_ph, grab_ph",
        "connect_upload": "true",
        "connect_company_name": "Acme & Sons <b>",
        "connect_template_id": "tpl-1",
    }
    async with running(tmp_path, **settings) as live:
        _, address = await applicant(live, "CRM-1")
        async with opened(address, widget=RECORDER) as page:
            await page.get_by_role("button", name="Connect an account").click()
            handed = await page.evaluate("JSON.parse(JSON.stringify(window.handed))")
            assert handed.pop("apiHost").startswith("http://127.0.0.1:")
            assert handed.pop("userToken") == address.rpartition("=")[2]
            assert handed == {
                "providers": ["sss_ph", "grab_ph"],
                "topProviders": [],
                "enableUpload": True,
                "companyName": "Acme & Sons <b>",
                "templateId": "tpl-1",
            }
            for name, given, words in CALLBACKS:
                await page.evaluate(f"window.handed.{name}({json.dumps(given)})")
                await told(page, words)
            await page.evaluate("window.handed.onUIEvent({eventName: 'OPENED'})")
            assert await page.evaluate("document.body.dataset.widget") == "OPENED"
            fresh = await page.evaluate("window.handed.onTokenExpired()")
            assert fresh not in (None, address.rpartition("=")[2])
            assert page.url == f"{live.service.http_url}/connect"
            for code, error in ACCOUNT_ERRORS.items():
                await page.evaluate(f"window.handed.onAccountError({{errorCode: '{code}'}})")
                await told(page, f"{error.happened} {error.advice}")
            await shot(page, "every-error")
            await page.reload()
            await page.get_by_role("button", name="Connect another account").click()
            await page.locator("body[data-opened]").wait_for()
            handed = await page.evaluate("window.handed.userToken")
            assert handed not in (fresh, address.rpartition("=")[2])  # each opens the widget once
            await told(page, "Your Grab account is connected")
            assert page.url == f"{live.service.http_url}/connect"


def test_every_error_code_of_the_vendor_has_words() -> None:
    """The sixteen codes of the vendor's document, no more and no less."""
    assert set(ACCOUNT_ERRORS) == set(CODES.split())


@pytest.mark.long
@browser
async def test_a_script_that_is_not_ours_does_not_run(tmp_path: Path) -> None:
    """The policy stops an inline script, a handler in an attribute and another host's script."""
    async with running(tmp_path, http_address="127.0.0.1:0") as live:
        _, address = await applicant(live, "CRM-1")
        async with opened(address, expected=("Content Security Policy",)) as page:
            await page.get_by_role("button", name="Connect an account").wait_for()
            stopped = await page.evaluate(
                """async () => {
                  const stopped = [];
                  document.addEventListener("securitypolicyviolation", (event) => {
                    stopped.push(event.effectiveDirective);
                  });
                  const inline = document.createElement("script");
                  inline.textContent = "window.ran = 'inline'";
                  document.body.append(inline);
                  const button = document.querySelector("[data-open]");
                  button.setAttribute("onfocus", "window.ran = 'handler'");
                  button.focus();
                  const other = document.createElement("script");
                  other.src = "https://elsewhere.test/x.js";
                  document.body.append(other);
                  await new Promise((done) => setTimeout(done, 500));
                  return stopped.concat(window.ran ?? []);
                }"""
            )
            assert sorted(set(stopped)) == ["script-src-attr", "script-src-elem"]
            assert len(stopped) == 3
