"""An applicant's whole story in a real browser: connect, be decided on, withdraw."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.async_api import Page, async_playwright

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from tests.e2e.service import ROOT, Running, create, outcome, running

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
PHONE = {"width": 390, "height": 800}
OUTPUT = ROOT / "tests" / "output"

browser = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: `apt-get install chromium` brings one"
)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Page]:
    """A page as a phone shows it; any error of its scripts fails the test."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = await chromium.new_page(viewport=PHONE)
        page.set_default_timeout(20_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        await page.goto(url)
        yield page
        await chromium.close()
    assert errors == []


async def log_in(page: Page, password: str) -> None:
    """Fill in the login form of the provider that is open."""
    await page.get_by_label("User name").fill("George")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Connect", exact=True).click()


async def told(page: Page, words: str) -> None:
    """Wait until the page's status says this."""
    await page.locator("#status li", has_text=words).first.wait_for()


async def shot(page: Page, name: str) -> None:
    """A picture for the test's output."""
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"connect-{name}.png")


async def decided(live: Running, user_id: str):
    """A decision that waits for data that is still arriving."""
    request = create(user_id, wait_timeout=Duration(seconds=20))
    return (await live.stub.CreateDecision(request, timeout=30)).decision


@browser
async def test_connect_decide_and_withdraw(tmp_path: Path) -> None:
    """A wrong password is explained, George is connected and approved, withdrawn and referred."""
    async with running(tmp_path, http_address="127.0.0.1:0", connect_company_name="Acme") as live:
        stub = applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)
        made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="CRM-1"))
        address = f"{live.service.http_url}/connect?token={made.link_token.access_token}"
        async with opened(address) as page:
            await page.get_by_role("button", name="Connect an account").click()
            await page.get_by_role("button", name="SSS, Social Security System").click()
            await log_in(page, "not-it")
            await told(page, "The user name or password is wrong.")
            await shot(page, "wrong-password")
            await log_in(page, "123456")
            await page.get_by_label("Code").fill("1234")
            await page.get_by_role("button", name="Confirm").click()
            await told(page, "is connected")
            await page.get_by_role("button", name="Close the widget").click()
            await shot(page, "connected")

            assert outcome(await decided(live, made.user_id)) == "APPROVE"

            await page.get_by_role("link", name="Stop sharing an account").click()
            await page.get_by_role("button", name="Disconnect sss_ph").click()
            await told(page, "You have stopped sharing your account")
            await shot(page, "withdrawn")
        later = await decided(live, made.user_id)
        assert outcome(later) == "REFER"
        assert later.reasons[0].code == "CONSENT_REVOKED"


@browser
async def test_keyboard_expired_link_and_a_page_without_a_token(tmp_path: Path) -> None:
    """The page works by keyboard, gets another token when its own was used, and says what lacks."""
    async with running(tmp_path, http_address="127.0.0.1:0") as live:
        stub = applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)
        made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="CRM-2"))
        base = live.service.http_url
        async with opened(f"{base}/connect?token={made.link_token.access_token}") as page:
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await page.get_by_role("dialog").wait_for()
            await page.keyboard.press("Escape")
            await told(page, "The connection window is closed.")
            await page.keyboard.press("Enter")
            await page.get_by_role("dialog").wait_for()
        async with opened(f"{base}/connect") as page:
            await told(page, "This link is incomplete")


async def test_the_page_is_locked_down(tmp_path: Path) -> None:
    """No inline script, no frames around it, no caching of it, no token for a stranger."""
    async with (
        running(tmp_path, http_address="127.0.0.1:0") as live,
        httpx.AsyncClient(base_url=live.service.http_url) as client,
    ):
        page = await client.get("/connect?token=abc")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "abc" not in page.text
        assert "<script>" not in page.text
        stranger = await client.post("/connect/token", json={"token": "not ours"})
        assert (stranger.status_code, "Ask for a new one" in stranger.text) == (403, True)
        for body in (b"", b"[]", b"{", b'{"token": 5}', b"x" * 5000):
            assert (await client.post("/connect/token", content=body)).status_code == 400
        assert (await client.get("/connect/secrets.txt")).status_code == 404
