"""Signing in at a real identity provider, a process of its own that speaks OpenID Connect."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from decision_service.console.session import COOKIE
from decision_service.console.signin import Provider
from tests.console.house import House, Moved, chromium, house, window
from tests.e2e.browser import browser
from tests.e2e.service import ROOT

HERE = ROOT / "tests" / "e2e" / "oidc"
MARIA = "248289761001"


def provided() -> None:
    """Skips where the provider's libraries are missing."""
    if shutil.which("node") is None or not (HERE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("there is no identity provider: `make .venv/.node` installs it with npm")


@asynccontextmanager
async def provider(
    port: int, callback: str, seconds: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process; ID tokens last so many seconds."""
    process = await asyncio.create_subprocess_exec(
        *("node", "provider.mjs", str(port), callback, str(seconds)),
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        while b"listening" not in await asyncio.wait_for(process.stdout.readline(), 60):
            pass
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


@asynccontextmanager
async def lender(
    folder: Path, seconds: int = 300, clock: Moved | None = None
) -> AsyncIterator[tuple[House, asyncio.subprocess.Process]]:
    """A service and a console that trust a provider, and Maria, a reviewer of both roles."""
    provided()
    port, own = free_port(), free_port()
    issuer = f"http://127.0.0.1:{port}"
    about = f"issuer: {{url: '{issuer}', audience: console}}\n"
    callback = f"http://127.0.0.1:{own}/sign-in/callback"
    async with provider(port, callback, seconds) as process:
        chosen = Provider(issuer, "console")
        async with house(folder, provider=chosen, clock=clock, port=own, issuer=about) as home:
            home.team.hire("maria", "review", "review_second", "read", subjects=[MARIA])
            yield home, process


async def log_in(page: Page, login: str) -> None:
    """At the provider's own pages."""
    await page.get_by_placeholder("Enter any login").fill(login)
    await page.get_by_placeholder("and password").fill("anything")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()


@pytest.mark.long
@browser
async def test_a_person_signs_in_and_the_keys_rotate(tmp_path: Path) -> None:
    """Maria comes to the page that she asked for; after a rotation she signs in all the same."""
    async with (
        lender(tmp_path) as (home, process),
        chromium() as browser_,
        window(browser_) as page,
    ):
        for _ in range(2):
            await page.goto(f"{home.url}/second?from=mail")
            await page.get_by_role("link", name="Sign in with your work account").click()
            await log_in(page, MARIA)
            await page.wait_for_url(f"{home.url}/second?from=mail")
            await expect(page.get_by_text("maria", exact=True)).to_be_visible()
            [cookie] = [one for one in await page.context.cookies() if one["name"] == COOKIE]
            assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
            await page.get_by_role("button", name="Sign out").click()
            await expect(page).to_have_url(f"{home.url}/sign-in")
            await page.context.clear_cookies()
            process.send_signal(signal.SIGHUP)


@pytest.mark.long
@browser
async def test_a_stranger_is_sent_away_in_words(tmp_path: Path) -> None:
    """Who is known to the provider but to no callers file learns what to ask for; a made-up
    answer of a provider begins no session."""
    async with (
        lender(tmp_path) as (home, _),
        chromium() as browser_,
        window(browser_) as page,
    ):
        await page.goto(f"{home.url}/sign-in")
        await page.get_by_role("link", name="Sign in with your work account").click()
        await log_in(page, "somebody-else")
        await expect(page.get_by_role("alert")).to_contain_text("The service does not know you")
        await page.goto(f"{home.url}/sign-in/callback?code=made-up&state=made-up")
        await expect(page.get_by_role("alert")).to_contain_text("was not begun here")
        assert COOKIE not in {one["name"] for one in await page.context.cookies()}


@pytest.mark.long
@browser
async def test_a_session_outlives_its_credential(tmp_path: Path) -> None:
    """An ID token of two minutes is replaced before it ends, and the page never asks; after half
    an hour without a visit, and where the provider is gone, there is a page with a way on."""
    clock = Moved()
    async with (
        lender(tmp_path, 120, clock) as (home, process),
        chromium() as browser_,
        window(browser_) as page,
    ):
        await page.goto(f"{home.url}/second")
        await page.get_by_role("link", name="Sign in with your work account").click()
        await log_in(page, MARIA)
        await page.wait_for_url(f"{home.url}/second")
        clock.ahead = 70  # less than a minute is left of it
        await page.goto(f"{home.url}/second")
        await expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")
        clock.ahead += 30 * 60 + 1
        await page.goto(f"{home.url}/second")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        process.kill()
        await process.wait()
        await page.get_by_role("link", name="Sign in with your work account").click()
        await expect(page.get_by_role("alert")).to_contain_text("does not answer as it should")
