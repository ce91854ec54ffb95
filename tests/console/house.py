"""A service with callers, and a console on it, for tests: who signs in, and what they see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from google.type.money_pb2 import Money
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.concurrency import run_in_threadpool

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.client import Connection, ServerOptions
from decision_service.console.command import Settings, build_app
from decision_service.console.service import Service
from decision_service.console.signin import Provider
from decision_service.domain.ports import Clock
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.tasks import listen, serving
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.browser import CHROMIUM, OUTPUT, QUIET
from tests.e2e.service import PRODUCT, Running, running
from tests.e2e.team import Team


class Moved(SystemClock):
    """The machine's clock, so many seconds ahead."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


USERS = {person.user_name: person.user_id for person in sandbox_people()}
PEOPLE = {
    "rosa": ("review", "see_persons", "read"),
    "tomas": ("review", "review_second", "see_persons", "read"),
    "lena": ("review", "read"),
    "juan": ("rules", "read"),
    "imelda": ("rules", "rules_approve", "rollout", "read"),
    "bina": ("rollout", "read"),
    "noel": ("read",),
    "petra": ("onboard",),
    "loans": ("decide", "outcomes"),
}


@dataclass(slots=True)
class House:
    """A console at `url`; `call` is the API as one of the callers, in a thread."""

    live: Running
    team: Team
    url: str
    connection: Connection

    async def call(self, who: str, method: str, **fields: Any) -> Any:
        service = Service(self.connection, self.team.tokens[who])
        return await run_in_threadpool(lambda: service.call(method, **fields))

    async def decide(self, user: str, amount: int, term: int = 6, **fields: Any) -> Any:
        """A decision on one of the four people, for the loan system."""
        made = await self.call(
            "loans",
            "DecisionService.CreateDecision",
            user_id=USERS[user],
            product=PRODUCT,
            requested_amount=Money(currency_code="PHP", units=amount),
            requested_term_months=term,
            **fields,
        )
        return made.decision

    @asynccontextmanager
    async def client(self, who: str = "") -> AsyncIterator[httpx2.AsyncClient]:
        """A client of HTTP, signed in by a token, that sends what a browser would."""
        headers = {"sec-fetch-site": "same-origin"}
        async with httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=60) as made:
            if who:
                answer = await made.post("/sign-in", data={"token": self.team.tokens[who]})
                assert answer.status_code == 303, answer.text
                cookie = answer.headers["set-cookie"].partition(";")[0]
                made.headers["cookie"] = cookie
            yield made

    async def sign_in(self, page: Page, who: str, after: str = "/") -> None:
        """By a pasted token."""
        await page.goto(f"{self.url}/sign-in?next={after}")
        if not await page.get_by_label("Your token").is_visible():
            await page.get_by_text("With a token").click()
        await page.get_by_label("Your token").fill(self.team.tokens[who])
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: "/sign-in" not in url)


@asynccontextmanager
async def house(
    folder: Path,
    *,
    provider: Provider | None = None,
    clock: Clock | None = None,
    service_clock: Clock | None = None,
    port: int = 0,
    issuer: str = "",
    loan_system: str = "",
    **settings: str,
) -> AsyncIterator[House]:
    """Serve both on loopback until the context ends."""
    team = Team(folder, issuer)
    for name, roles in PEOPLE.items():
        team.hire(name, *roles)
    settings.setdefault("auth_tokens_file", str(team.path))
    async with running(folder, clock=service_clock, **settings) as live:
        with ServerOptions(live.service.address).connect() as connection:
            listener = listen("127.0.0.1", port)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            shown = Settings(url, provider, loan_system=loan_system)
            app = build_app(shown, connection, clock or SystemClock())
            async with serving(app, listener):
                yield House(live, team, url, connection)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield made
        await made.close()


@asynccontextmanager
async def window(browser: Browser, **context: Any) -> AsyncIterator[Page]:
    """A page; any error of its scripts or of its policy fails the test."""
    made: BrowserContext = await browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}} | context
    )
    page = await made.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    yield page
    await made.close()
    assert [one for one in errors if "Failed to load resource" not in one] == []


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


async def reviews(home: House, **chosen: Any) -> list[review_pb.Review]:
    listed = await home.call("noel", "ReviewService.ListReviews", page_size=100, **chosen)
    return [*listed.reviews]


async def open_case(home: House, user: str, amount: int, **fields: Any) -> review_pb.Review:
    """A referred application, and its review."""
    decision = await home.decide(user, amount, **fields)
    assert decision.outcome == pb.OUTCOME_REFER, decision
    [review] = await reviews(home, decision_id=decision.decision_id)
    return review
