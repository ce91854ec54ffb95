"""A real browser on the connect page, and on other pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, async_playwright

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from tests.e2e.service import ROOT, Running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = (390, 844)
DESKTOP = (1280, 800)
OUTPUT = ROOT / "tests" / "output"

AXE = ROOT / "tests" / "e2e" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
BARRIERS = """async () => (await axe.run()).violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`)"""

RECORDER = """
window.SmileLinkModal = class {
  constructor(options) { window.handed = options; }
  open() { document.body.dataset.opened = "yes"; }
};
"""
"""A widget that keeps what it is handed; the test calls the callbacks as the vendor's would."""

browser = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: `apt-get install chromium` brings one"
)


@asynccontextmanager
async def opened(
    url: str,
    size: tuple[int, int] = PHONE,
    expected: tuple[str, ...] = (),
    widget: str | None = None,
    locale: str = "en-US",
) -> AsyncIterator[Page]:
    """A page as a phone shows it; any error of its scripts or of its policy fails the test.

    Errors that hold one of the `expected` words are the test's own. `widget` is served in place of
    the vendor's script.
    """

    async def instead(route: Route) -> None:
        await route.fulfill(body=widget or "", content_type="text/javascript")

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = await chromium.new_page(
            viewport={"width": size[0], "height": size[1]}, locale=locale
        )
        page.set_default_timeout(20_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        if widget is not None:
            await page.route("**/smile.v2.js", instead)
        await page.goto(url)
        yield page
        await chromium.close()
    assert [one for one in errors if not any(word in one for word in expected)] == []


async def barriers(page: Page) -> list[str]:
    """What keeps somebody from reading the page; skips where axe is missing."""
    if not AXE.is_file():
        pytest.skip("there is no axe-core: `make .venv/.node` installs it with npm")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(BARRIERS)
    return found


async def applicant(live: Running, reference: str) -> tuple[str, str]:
    """A new applicant: the user's id, and the address of the page with a link token."""
    stub = applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)
    made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref=reference))
    token = made.link_token.access_token
    return made.user_id, f"{live.service.http_url}/connect?token={token}"


async def choose(page: Page, provider: str = "SSS, Social Security System") -> None:
    """Open the widget at a provider's login."""
    await page.get_by_role("button", name="Connect an account").click()
    await page.get_by_role("button", name=provider).click()


async def log_in(page: Page, password: str) -> None:
    """Fill in the login form of the provider that is open."""
    await page.get_by_label("User name").fill("George")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Connect", exact=True).click()


async def confirm(page: Page, code: str) -> None:
    """Enter the code that the provider has sent."""
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Confirm").click()


async def told(page: Page, words: str) -> None:
    """Wait until the step that is shown, or the list of what happened, says this."""
    shown = page.locator("[data-step] p:visible, [data-step] h2:visible, #status li:visible")
    await shown.filter(has_text=words).first.wait_for()


async def shot(page: Page, name: str) -> None:
    """A picture for the test's output."""
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"connect-{name}.png")
