"""What a browser may send to the console, and sessions that end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from decision_service.cli.client import ServerOptions
from decision_service.console.command import Settings, build_app
from decision_service.console.forms import FILE_BYTES, FORM_BYTES, PARTS, read_form
from decision_service.console.session import COOKIE, IDLE, Session, Sessions
from decision_service.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from starlette.applications import Starlette

ORIGIN = "http://127.0.0.1:8090"
OWN = {"sec-fetch-site": "same-origin"}
FORM = "application/x-www-form-urlencoded"
FILES = "multipart/form-data; boundary=b"
STEPS = ("/reviews/1/note", "/rules/evidence", "/sign-out", "/rollouts/loan/kill")


def part(name: str, content: bytes, file: str = "") -> bytes:
    """One part of a form with files."""
    about = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
    return b"--b\r\nContent-Disposition: " + about.encode() + b"\r\n\r\n" + content + b"\r\n"


def parts(number: int) -> bytes:
    return part("a", b"1") * number + b"--b--\r\n"


def fields(number: int) -> bytes:
    return urlencode([("a", "1")] * number).encode()


def request(kind: str, pieces: Iterable[bytes], **headers: str) -> Request:
    """A request whose body comes in pieces, and whose length is given where `headers` say it."""
    coming = [*pieces]

    async def receive() -> dict[str, Any]:
        if not coming:
            return {"type": "http.request", "body": b"", "more_body": False}
        piece = coming.pop(0)
        if piece == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True}

    given = {"content-type": kind} | {name.replace("_", "-"): one for name, one in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def items(found: FormData) -> list[tuple[str, str | bytes]]:
    """What a form has, of a file its content."""
    read: list[tuple[str, str | bytes]] = []
    for name, value in found.multi_items():
        if isinstance(value, UploadFile):
            value.file.seek(0)
            read.append((name, value.file.read()))
        else:
            read.append((name, value))
    return read


async def test_a_form_is_read_as_it_was_typed() -> None:
    """Encoded or in parts, whole or in pieces, with and without its length."""
    typed = [("why", "Año & más\n5 % ₱"), ("empty", ""), ("why", "again")]
    body = urlencode(typed).encode()
    for pieces in ([body], [bytes([one]) for one in body]):
        assert await items(await read_form(request(FORM, pieces))) == typed
    in_parts = b"".join(part(name, value.encode()) for name, value in typed) + b"--b--\r\n"
    for pieces in ([in_parts], [bytes([one]) for one in in_parts]):
        assert await items(await read_form(request(FILES, pieces))) == typed
    assert await items(await read_form(request(FORM, []))) == []


async def test_a_file_is_read_where_its_page_asks_for_one() -> None:
    """Of 5 MB, in memory; elsewhere it is as large as a form may be."""
    content = b"x" * (4 * FILE_BYTES // 5)
    pieces = [part("file", content, "impact.json"), b"--b--\r\n"]
    found = await read_form(request(FILES, pieces), has_file=True)
    assert await items(found) == [("file", content)]
    with pytest.raises(HTTPException) as refused:
        await read_form(request(FILES, pieces))
    assert refused.value.status_code == 413


LARGE = b"a=" + b"x" * FORM_BYTES

REFUSED: dict[str, tuple[str, list[bytes], dict[str, str], int, str]] = {
    "a field too many": (FORM, [fields(PARTS + 1)], {}, 413, "at most 400 fields"),
    "a part too many": (FILES, [parts(PARTS + 1)], {}, 413, "at most 400 fields"),
    "70,000 parts": (FILES, [parts(70_000)], {}, 413, "64 KiB"),
    "too long by its length": (FORM, [], {"content_length": f"{FORM_BYTES + 1}"}, 413, "64 KiB"),
    "too long in pieces": (FORM, [LARGE[:9], LARGE[9:]], {}, 413, "64 KiB"),
    "longer than it says": (FORM, [LARGE], {"content_length": "3"}, 413, "64 KiB"),
    "of another type": ("application/json", [b"{}"], {}, 400, "no form"),
    "without a boundary": ("multipart/form-data", [parts(1)], {}, 400, "no form"),
    "a part without a name": (FILES, [b"--b\r\na: b\r\n\r\n1\r\n--b--\r\n"], {}, 400, "no form"),
    "cut off": (FORM, [b"outcome=APP", b"gone"], {}, 400, "no form"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_too_much_or_no_form_is_refused(case: str) -> None:
    """By its length before any of it is read, and by what comes; half a form takes no step."""
    kind, pieces, headers, status, why = REFUSED[case]
    with pytest.raises(HTTPException) as refused:
        await read_form(request(kind, pieces, **headers))
    assert refused.value.status_code == status
    assert why in refused.value.detail
    assert refused.value.detail.endswith(".")


async def test_as_many_fields_as_may_be_are_read() -> None:
    """Fifty, encoded or in parts."""
    for kind, body in ((FORM, fields(PARTS)), (FILES, parts(PARTS))):
        assert len(await items(await read_form(request(kind, [body])))) == PARTS


@pytest.fixture
def console() -> Iterable[Any]:
    """The console's application; no call of the service is made."""
    with ServerOptions("127.0.0.1:1").connect() as connection:
        yield build_app(Settings(ORIGIN), connection, SystemClock())


class _Unread(Exception):
    """The body was asked for."""


async def answer(app: Starlette, path: str, headers: dict[str, str], body: Any = None) -> Any:
    """The answer to a form; without a body, whoever asks for one fails."""

    async def none() -> AsyncIterator[bytes]:
        raise _Unread
        yield b""

    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(base_url=ORIGIN, transport=transport) as client:
        content = none() if body is None else body
        sent = {"content-type": FILES, **headers}
        return await client.post(path, content=content, headers=sent)


@pytest.mark.parametrize("path", STEPS)
async def test_without_a_session_no_form_is_read(console: Any, path: str) -> None:
    """Whoever has none is led to the sign-in, by the head of the request alone."""
    found = await answer(console, path, OWN)
    assert found.status_code in {303, 401}
    assert found.status_code == 303 or 'href="/sign-in"' in found.text


@pytest.mark.parametrize("path", [*STEPS, "/sign-in"])
async def test_no_form_of_another_page_is_read(console: Any, path: str) -> None:
    """Nor one for another host: both are refused by the head of the request."""
    cookie = {"cookie": f"{COOKIE}=made-up"}
    foreign = {"sec-fetch-site": "cross-site", **cookie}
    assert (await answer(console, path, foreign)).status_code == 403
    other = {"host": "evil.example", **OWN, **cookie}
    assert (await answer(console, path, other)).status_code == 421


async def test_what_was_typed_before_a_session_ended_can_be_sent_again(console: Any) -> None:
    """The page shows it, within the bounds of a form; a file is not read."""
    ended = {"cookie": f"{COOKIE}=ended", **OWN}
    typed = {**ended, "content-type": FORM}
    found = await answer(console, "/reviews/1/note", typed, b"text=Called+back")
    assert found.status_code == 401
    assert "Called back" in found.text
    assert "Nothing that you typed is lost" in found.text
    assert (await answer(console, "/rules/evidence", ended)).status_code == 401
    many = await answer(console, "/reviews/1/note", ended, parts(70_000))
    assert many.status_code == 413
    assert "at most 400 fields" in many.text


async def test_a_sign_in_takes_no_more_than_a_form(console: Any) -> None:
    """There no session can be asked for."""
    many = await answer(console, "/sign-in", OWN, parts(70_000))
    assert many.status_code == 413


def test_an_idle_session_leaves_memory_when_another_begins() -> None:
    """One that was seen meanwhile stays."""
    now = 0.0
    sessions = Sessions(lambda: now)

    def begun(name: str) -> str:
        return sessions.begin(Session(name, frozenset(), "of this test", now, now))

    begun("idle")
    seen = begun("seen")
    now = IDLE
    sessions.of(seen)
    now += 1.0
    begun("new")
    gc.collect()
    found = [one for one in gc.get_objects() if isinstance(one, Session)]
    assert {one.name for one in found if one.token == "of this test"} == {"seen", "new"}
