"""Two hundred hostile requests, each from somebody who has read the console's code."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import pytest_asyncio
from starlette.routing import Route

from decision_service.console.command import Settings, build_app
from decision_service.console.service import Refused
from decision_service.console.session import COOKIE
from decision_service.runtime.clock import SystemClock
from tests.console.house import House, house
from tests.e2e.service import PRODUCT

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

MARK = "xss-7f3a"
PAYLOADS = (
    f"<script>{MARK}()</script>",
    f'"><img src=x onerror={MARK}()>',
    f"'-{MARK}()-'",
    f"</textarea><svg onload={MARK}()>",
    f"javascript:{MARK}()",
    f"{{{{ {MARK} }}}}{{% raw %}}",
    f"\u202e{MARK}\u2066",
)
FOREIGN: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    {"origin": "null"},
    {},
)
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\r\nset-cookie: a=b",
    "javascript:alert(1)",
    "http:evil.example",
    "///evil.example",
    "/x\t//evil.example",
    " https://evil.example",
    "https:/\\evil.example",
)


class Executable(HTMLParser):
    """Collects all of a page that could run or lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "script" and not named.get("src", "").startswith("/static/"):
            self.found.append(f"<script {named}>")
        if tag in {"iframe", "object", "embed", "base", "style"}:
            self.found.append(f"<{tag}>")
        self.found += [
            f"{tag} {name}" for name in named if name.startswith(("on", "hx-on", "style"))
        ]
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            if named.get(name, "/").strip().lower().startswith(("javascript:", "vbscript:", "//")):
                self.found.append(f"{tag} {name}={named[name]}")


def runs(page: str) -> list[str]:
    parser = Executable()
    parser.feed(page)
    return parser.found


def unsafe_paths(home: House) -> Iterator[str]:
    """The path of every route that changes something, with something in the place of each name."""
    app: Any = build_app(Settings(home.url), home.connection, SystemClock())
    for route in app.app.routes:
        if isinstance(route, Route) and "POST" in (route.methods or ()):
            yield re.sub(r"{[^}]+}", "1", route.path)


@pytest_asyncio.fixture(name="home", scope="module", loop_scope="module")
async def _home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("attack")) as made:
        yield made


async def test_no_form_of_another_site_is_taken(home: House) -> None:
    """Every unsafe route refuses what no page of the console sent, whatever it says."""
    async with home.client("tomas") as client:
        del client.headers["sec-fetch-site"]
        for path in unsafe_paths(home):
            for headers in FOREIGN:
                answer = await client.post(path, data={"why": "x"}, headers=headers)
                assert answer.status_code == 403, (path, headers)


async def test_no_other_host_is_served(home: House) -> None:
    """A name of a stranger's that leads here shows nothing."""
    async with home.client("noel") as client:
        for host in ("evil.example", "localhost", "127.0.0.1", "", home.url[7:] + ".evil.example"):
            answer = await client.get("/decisions", headers={"host": host})
            assert answer.status_code in {400, 421}, host


async def test_a_forged_cookie_is_nobody(home: House) -> None:
    """What is no cookie of an open session leads to the sign-in, as an ended one does."""
    async with home.client("noel") as client:
        good = client.headers["cookie"].partition("=")[2]
        assert (await client.get("/decisions")).status_code == 200
        swapped = good[:-1] + ("A" if good[-1] != "A" else "B")
        forged = ("", "x", swapped, good[::-1], good.upper(), f"{good}.", "A" * 4000, hashed(good))
        for value in forged:
            answer = await client.get("/decisions", headers={"cookie": f"{COOKIE}={value}"})
            assert answer.status_code == 303, value
            assert answer.headers["location"].startswith("/sign-in?next=")
        for name in ("session", "__Secure-session", "__host-session"):
            answer = await client.get("/decisions", headers={"cookie": f"{name}={good}"})
            assert answer.status_code == 303, name
        await client.post("/sign-out")
        assert (await client.get("/decisions")).status_code == 303


async def test_nothing_leads_elsewhere(home: House) -> None:
    """After a sign-in only a path of the console is followed, and no header can be made."""
    async with home.client() as client:
        token = home.team.tokens["noel"]
        for after in ELSEWHERE:
            answer = await client.post("/sign-in", data={"token": token, "next": after})
            assert answer.headers["location"] == "/", after
            assert "a=b" not in answer.headers["set-cookie"]
            page = await client.get("/sign-in", params={"next": after})
            assert "evil.example" not in page.text
            assert not runs(page.text)
        quoted = "/%0d%0aset-cookie:a=b"  # a path whose percent signs stay
        answer = await client.post("/sign-in", data={"token": token, "next": quoted})
        assert answer.headers["location"] == quoted
        assert "a=b" not in answer.headers["set-cookie"]


async def test_what_strangers_write_never_runs(home: House) -> None:
    """Texts of loan systems, applicants and colleagues are text on every page that shows them."""
    decision = await home.decide("Ryan", 20_000, application_id="A-<b>1", customer_ref="C-<b>1")
    review_id = ""
    for number, text in enumerate(PAYLOADS[:-1]):
        reply = await home.call(
            "loans",
            "ReviewService.RequestReview",
            decision_id=decision.decision_id,
            request_id=f"contest-{number}",
            text=text,
        )
        review_id = reply.review.review_id
        await home.call(
            "rosa",
            "ReviewService.AddReviewNote",
            review_id=review_id,
            request_id=f"n{number}",
            text=text,
        )
    await home.call("imelda", "RolloutService.PauseRollout", product=PRODUCT, why=PAYLOADS[0])
    paths = (
        f"/decisions/{decision.decision_id}",
        f"/decisions/{decision.decision_id}/chain",
        f"/decisions/{decision.decision_id}/what-if",
        f"/reviews/{review_id}",
        "/reviews",
        "/rules",
        f"/rollouts/{PRODUCT}",
        "/rollouts",
        "/operations",
        "/second",
    )
    for who in ("tomas", "imelda"):
        async with home.client(who) as client:
            form = {"reason": PAYLOADS[0]}
            shown = await client.post(f"/reviews/{review_id}/person", data=form)
            assert shown.status_code == {"tomas": 200}.get(who, 403), shown.text
            assert not runs(shown.text)
            for path in paths:
                page = await client.get(path)
                assert page.status_code in {200, 403}, (who, path, page.text)
                assert not runs(page.text), path
            for payload in PAYLOADS:
                for path in (
                    "/decisions",
                    "/reviews",
                    "/rules",
                    f"/decisions/{payload}",
                    f"/reviews/{payload}",
                ):
                    page = await client.get(
                        path, params={"any_id": payload, "queue": payload, "q": payload}
                    )
                    assert page.status_code < 500, (path, payload)
                    assert not runs(page.text), (path, payload)
                    is_plain = payload.isascii() and html.escape(payload) == payload
                    assert payload not in page.text or (is_plain and payload not in path)


async def test_an_uploaded_report_is_text_too(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence with hostile strings, of a wrong form or too large, is shown, never runs, and never
    touches the disk."""
    async with home.client("imelda") as client:
        for payload in PAYLOADS:
            for body in (
                payload,
                json.dumps({payload: payload}),
                json.dumps({"product": payload}),
                "[" * 9000,
            ):
                files = {"file": ("impact.json", body.encode(), "application/json")}
                page = await client.post("/rules/evidence", files=files)
                assert page.status_code in {200, 400}, page.text
                assert not runs(page.text)
        monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
        stored = {"file": ("impact.json", b"[" + b" " * 4_000_000 + b"]", "application/json")}
        page = await client.post("/rules/evidence", files=stored)
        assert page.status_code == 200
        large = {"file": ("impact.json", b" " * (6 * 1024 * 1024), "application/json")}
        assert (await client.post("/rules/evidence", files=large)).status_code == 413


async def test_no_form_of_a_stranger_stops_the_pages(home: House) -> None:
    """70,000 parts without a session are not read; with one, or at the sign-in, they are refused in
    a sentence."""
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    body = part * 70_000 + b"--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with home.client() as client:
        for path in unsafe_paths(home):
            answer = await client.post(path, content=body, headers=kind)
            wanted = {"/sign-in": 413, "/sign-out": 303}.get(path, 401)
            assert answer.status_code == wanted, path
    async with home.client("noel") as client:
        for path in ("/reviews/1/note", "/rules/evidence", "/sign-out"):
            answer = await client.post(path, content=body, headers=kind)
            assert (answer.status_code, "at most" in answer.text) == (413, True), path


async def test_nobody_does_what_the_service_does_not_allow(home: House) -> None:
    """A person without a role gets a page that says so, and nothing has moved."""
    decision = await home.decide("Anisha", 30_000)
    review = next(
        one
        for one in (await home.call("rosa", "ReviewService.ListReviews", page_size=50)).reviews
        if one.decision_id == decision.decision_id
    )
    await home.call("rosa", "ReviewService.ClaimReview", review_id=review.review_id)
    before = await home.call("rosa", "ReviewService.GetReview", review_id=review.review_id)
    standing = await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)
    fields = {
        "why": "because",
        "explanation": "x",
        "text": "x",
        "amount": "1",
        "reason": "DATA_WRONG",
        "data_kinds": "incomes",
        "sure": "yes",
    }
    names = (
        "note",
        "approve",
        "decline",
        "confirm",
        "reject",
        "again",
        "release",
        "skip",
        "data",
        "withdraw",
        "take-over",
        "person",
    )
    steps = [f"/reviews/{review.review_id}/{name}" for name in names]
    steps += [
        f"/rollouts/{PRODUCT}/{name}" for name in ("kill", "advance", "pause", "resume", "confirm")
    ]
    for who, paths in (("noel", steps), ("petra", steps), ("tomas", steps[1:3])):
        async with home.client(who) as client:
            for path in paths:
                answer = await client.post(path, data=fields)
                assert answer.status_code in {303, 400, 403, 404, 405, 409}, (who, path)
    assert await home.call("rosa", "ReviewService.GetReview", review_id=review.review_id) == before
    after = await home.call("imelda", "RolloutService.GetRollout", product=PRODUCT)
    assert after.rollout == standing.rollout


async def test_another_callers_decision_is_not_found(home: House) -> None:
    """Who sees only its own decisions is shown that there is no such one."""
    home.team.hire("rival", "decide")
    await until_known(home, "rival")
    decision = await home.decide("George", 20_000)
    async with home.client("rival") as client:
        for tail in ("", "/chain", "/what-if"):
            page = await client.get(f"/decisions/{decision.decision_id}{tail}")
            assert page.status_code == 404
            assert "George" not in page.text
        found = await client.get("/decisions", params={"any_id": decision.decision_id})
        assert decision.ruleset_ref.digest not in found.text


async def test_every_answer_has_its_walls(home: House) -> None:
    """No page, error or file may be framed, kept, or run what is not the console's own."""
    async with home.client("noel") as client:
        for path in (
            "/decisions",
            "/nothing",
            "/static/console.js",
            "/static/../web.py",
            "/sign-in",
        ):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store" or path.startswith(
                "/static/console"
            )


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


async def until_known(home: House, who: str) -> None:
    """Wait until the service has read the callers file again."""
    for _ in range(200):
        try:
            await home.call(who, "StatusService.GetCaller")
            return
        except Refused:
            await asyncio.sleep(0.05)
    raise AssertionError(f"{who} is still unknown")
