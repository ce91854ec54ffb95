"""Where connect pages ask for another link token: what is answered, and how."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from decision_service.casework.onboarding import LinkToken
from decision_service.domain.errors import UpstreamUnavailable
from decision_service.runtime.config import load
from decision_service.server.connect import (
    ConnectPage,
    LinkTokenEndpoints,
    connect_routes,
)
from decision_service.server.http import build_app

WIDGET = ("https://widget.example/smile.js", "https://api.example")
PAGE = ConnectPage(load(environ={"DECISION_CONNECT_COMPANY_NAME": "Acme"}), *WIDGET)


async def renew(token: str) -> LinkToken | None:
    """A page's token `good` has another one; while the vendor is down `late` has none."""
    if token == "late":
        raise UpstreamUnavailable("the vendor is down")
    fresh = LinkToken("fresh", datetime(2026, 1, 1, tzinfo=UTC), "SANDBOX")
    return fresh if token == "good" else None


async def opens(token: str) -> bool:
    """The token `good` opens the widget."""
    return token == "good"


Show = Callable[..., Awaitable[httpx2.Response]]


@asynccontextmanager
async def asking() -> AsyncIterator[Show]:
    """Shows a token, or sends a body."""
    app = build_app(connect_routes(PAGE, LinkTokenEndpoints(renew, opens)))

    async def show(
        token: str = "",
        content: bytes | None = None,
        path: str = "/connect/token",
        language: str = "en",
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = {"accept-language": language}
            if content is not None:
                return await client.post(path, content=content, headers=headers)
            return await client.post(path, json={"token": token}, headers=headers)

    yield show


async def test_each_answer_has_its_status_and_a_sentence() -> None:
    """A page's token gives another; a stranger's, and one that the vendor owes, say what to do."""
    async with asking() as show:
        assert (await show("good")).json() == {"token": "fresh"}
        for token, status, words in (("bad", 403, "Ask for a new one"), ("late", 503, "a minute")):
            answer = await show(token)
            assert (answer.status_code, words in answer.text) == (status, True)
            assert answer.headers["cache-control"] == "no-store"


async def test_a_page_learns_whether_its_link_is_dead_in_its_language() -> None:
    """A good token is 200 and makes no other one; a dead one says so."""
    async with asking() as show:
        good = await show("good", path="/connect/check")
        assert (good.status_code, good.json()) == (200, {})
        dead = await show("bad", path="/connect/check", language="fil-PH, en;q=0.5")
        assert (dead.status_code, "Humingi ng bago" in dead.text) == (403, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"token": 5}',
        b'{"token": ""}',
        b'{"token": "\\ud800"}',
        b'{"other": ' + b"[" * 4000,
        b'{"token": "%s"}' % (b"x" * 2049),
        b"x" * 5000,
    ],
    ids=lambda content: content[:16].decode("latin-1"),
)
async def test_a_body_without_a_token_is_400(content: bytes) -> None:
    """Whatever else is sent is no token, however deep, long or broken it is."""
    async with asking() as show:
        assert (await show(content=content)).status_code == 400


async def test_wrong_tokens_shut_no_good_one_out() -> None:
    """Many applicants share an address: sixty wrong tokens from it, and a good one is renewed."""
    async with asking() as show:
        assert {(await show("bad")).status_code for _ in range(60)} == {403}
        assert (await show("good")).json() == {"token": "fresh"}


async def test_a_client_that_leaves_is_no_error() -> None:
    """What it would have been answered is counted, and nothing is raised into the log."""
    registry = CollectorRegistry()

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/connect/token", "headers": []}
    answer = await LinkTokenEndpoints(renew, opens, registry).renewed(Request(scope, gone))
    assert answer.status_code == 400
    name = "decision_service_link_token_requests_total"
    assert registry.get_sample_value(name, {"outcome": "broken_off"}) == 1


async def test_no_address_redirects_to_another() -> None:
    """A path with a slash too many is unknown; a Host that is made up is not repeated."""
    app = build_app(connect_routes(PAGE, LinkTokenEndpoints(renew, opens)))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://evil.example") as client:
        for path in ("/connect/", "/connect/token/", "/healthz/", "//evil.example/connect/"):
            answer = await client.get(path)
            assert (answer.status_code, "location" in answer.headers) == (404, False)
