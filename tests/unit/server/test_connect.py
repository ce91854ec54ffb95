"""The connect page: the lender's files, its links and ways back, and another link token."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.casework.onboarding import LinkToken
from decision_service.domain.accounts import ACCOUNT_ERRORS
from decision_service.domain.errors import FieldInvalid, UpstreamUnavailable
from decision_service.runtime.config import load
from decision_service.server.pages.connect import (
    BLANKS,
    LANGUAGES,
    LARGEST_LOGO,
    ConnectPage,
    LinkTokenEndpoints,
    Logo,
    PageRefused,
    connect_routes,
    language_of,
    read_logo,
    read_notice,
    texts_in,
)
from decision_service.server.services.applicants import ConnectLinks
from decision_service.server.transport.http import build_app
from decision_service.server.transport.wire import Problems

if TYPE_CHECKING:
    from pathlib import Path

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


PNG = b"\x89PNG\r\n\x1a\n" + zlib.compress(b"")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
ENTRY = "- {title: What, text: That}"
BOTH = f"en: [{ENTRY[2:]}]\nfil: [{ENTRY[2:]}]\n"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_a_logo(tmp_path: Path, content: bytes, media_type: str) -> None:
    """It is known by its content, whatever the file is called."""
    (tmp_path / "logo").write_bytes(content)
    assert read_logo(tmp_path / "logo") == Logo(content, media_type)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (PNG + b"x" * LARGEST_LOGO, "200,000 bytes: give a smaller one"),
        (b"GIF89a", "no picture that is taken"),
        (SVG, "is no picture that is taken: give a PNG, JPEG or WebP"),
    ],
)
def test_what_is_no_picture_or_could_run_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    """The sentence names the file; an SVG could run a script."""
    path = tmp_path / "logo"
    path.write_bytes(content)
    with pytest.raises(PageRefused, match=str(path)) as refused:
        read_logo(path)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("en: [", "is no notice"),
        (b"\xff\xfe\xff", "is no notice"),
        ("- x", "a list of entries with title and text"),
        (f"en: [{ENTRY[2:]}]", "has no entries in fil"),
        (BOTH + f"de: [{ENTRY[2:]}]", "has entries in de"),
        (BOTH.replace("That", '"{compny}"'), "has {compny}, which means nothing"),
        (BOTH.replace("text: That", "text: That, more: x"), "unknown field `more`"),
        (BOTH + "#" * 70_000, "65,536 bytes"),
    ],
)
def test_what_is_no_notice_is_refused(
    tmp_path: Path, content: bytes | str | None, words: str
) -> None:
    """The sentence names the file and what is wrong with it."""
    path = tmp_path / "notice.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PageRefused, match=str(path)) as refused:
        read_notice(path)
    assert words in str(refused.value)


async def page_of(
    path: str = "/connect", language: str = "", **settings: object
) -> httpx2.Response:
    """What a browser is answered where these are set."""
    environ = {f"DECISION_{name.upper()}": f"{value}" for name, value in settings.items()}
    page = ConnectPage(load(environ=environ), *WIDGET)
    app = build_app(connect_routes(page, LinkTokenEndpoints(renew, opens)))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers={"accept-language": language})


async def test_the_page_has_the_lenders_name_logo_and_notice(tmp_path: Path) -> None:
    """Names are escaped, and the notice's blanks filled."""
    notice, logo = tmp_path / "notice.yaml", tmp_path / "logo"
    notice.write_text(BOTH.replace("That", "'{company}: {months}. {withdrawn} <b>'"))
    logo.write_bytes(PNG)
    settings = {
        "connect_company_name": "A & B",
        "connect_notice_file": notice,
        "connect_logo_file": logo,
        "retention": 7,
        "on_revoke": "erase_decisions",
    }
    page = await page_of(**settings)
    assert '<img class="logo" src="/connect/logo" alt="A &amp; B">' in page.text
    assert (
        "<p>A &amp; B: 7. Decisions that were made before are erased too, with their letters and "
        "what was reported of your loans. &lt;b&gt;"
    ) in page.text
    picture = await page_of("/connect/logo", **settings)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert (await page_of("/connect/logo")).status_code == 404


@pytest.mark.parametrize(
    ("path", "header", "language"),
    [
        ("/connect", "", "en"),
        ("/connect", "fil-PH,en;q=0.8", "fil"),
        ("/connect?lang=en", "fil", "en"),
        ("/connect?lang=fil", "en", "fil"),
        ("/connect?lang=xx", "tl", "fil"),
    ],
)
async def test_the_page_is_in_the_applicants_language(
    path: str, header: str, language: str
) -> None:
    """The choice on the page goes before the browser's; the choice is offered in both."""
    page = await page_of(path, header)
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-language"] == language
    assert page.headers["vary"] == "accept-language"
    for words in ("English", "Filipino", f'lang="{language}" aria-current="true"'):
        assert words.replace('" aria', f'" hreflang="{language}" aria') in page.text
    assert "{company}" not in page.text.replace("{provider}", "")


@pytest.mark.parametrize(
    ("setting", "language", "kept", "gone"),
    [
        ("erase_snapshot", "en", "are kept until their 7 months are over", "are erased too"),
        ("erase_decisions", "en", "are erased too", "until their 7 months"),
        ("erase_snapshot", "fil", "hanggang matapos ang 7 buwan", "Buburahin din"),
        ("erase_decisions", "fil", "Buburahin din", "hanggang matapos"),
    ],
)
async def test_the_notice_says_what_a_withdrawal_erases_by_the_setting_in_force(
    setting: str, language: str, kept: str, gone: str
) -> None:
    """Once, in the part on withdrawing; the part on time says nothing that contradicts it."""
    page = (await page_of(language=language, on_revoke=setting, retention=7)).text
    assert page.count(kept) == 1
    assert gone not in page
    for told in ("unless you withdraw before", "maliban kung bawiin"):
        assert told not in page
    assert ("for 90 days" if language == "en" else "90 araw") in page


def test_both_languages_say_everything() -> None:
    """They have the same texts with the same blanks, and words for every error of the vendor."""
    english, filipino = map(texts_in, LANGUAGES)
    for part in ("page", "said", "refusals", "account_errors"):
        one, other = getattr(english, part), getattr(filipino, part)
        assert one.keys() == other.keys()
        for name in one:
            assert _blanks(one[name]) == _blanks(other[name]), name
    assert filipino.account_errors.keys() == ACCOUNT_ERRORS.keys()
    assert not set(english.account_errors.values()) & set(filipino.account_errors.values())
    notice = read_notice()
    assert len(notice["en"]) == len(notice["fil"])
    for one, other in zip(notice["en"], notice["fil"], strict=True):
        assert _blanks(one.text) == _blanks(other.text)


def _blanks(text: str) -> set[str]:
    known = (*BLANKS, "provider", "account", "why", "count")
    return {blank for blank in known if f"{{{blank}}}" in text}


@pytest.mark.parametrize("name", ["en.yaml", "fil.yaml", "notice.yaml"])
def test_no_sentence_begins_with_the_lenders_name(name: str) -> None:
    """Where none is set, its place is taken by words that are small within a sentence."""
    page = (
        resources.files("decision_service.server.pages")
        .joinpath("static", name)
        .read_text(encoding="utf-8")
    )
    said = re.sub(r"^#.*$", "", page, flags=re.MULTILINE)
    assert re.findall(r"(?:[.?!]\s+|^\s*[a-z_]+:\s+)\{company\}", said, re.MULTILINE) == []


LINKS = ConnectLinks("https://connect.example", ("https://lender.example", "http://127.0.0.1:9000"))


def asked(**fields: Any) -> pb.CreateLinkTokenRequest:
    """A request for a link."""
    return pb.CreateLinkTokenRequest(user_id="u-1", **fields)


def test_a_link_holds_the_token_and_the_way_back() -> None:
    """Both are quoted; without a base there is no link."""
    link = LINKS.link("a+b", asked(return_url="https://lender.example/done?id=1&x=2"))
    assert link == (
        "https://connect.example/connect?token=a%2Bb"
        "&return_url=https%3A%2F%2Flender.example%2Fdone%3Fid%3D1%26x%3D2"
    )
    assert LINKS.link("t", asked()) == "https://connect.example/connect?token=t"
    assert ConnectLinks("", ()).link("t", asked()) == ""


def test_a_link_names_the_providers_of_the_types_that_are_asked_for() -> None:
    """Where none of them is known the page offers all, as without types."""
    known = {"GOVERNMENT": ("sss_ph", "gsis_ph")}
    links = ConnectLinks("https://c.example", (), lambda types: known.get(*types, ()))
    page = "https://c.example/connect?token=t"
    government = asked(provider_types=["GOVERNMENT"])
    assert links.link("t", government) == f"{page}&providers=sss_ph%2Cgsis_ph"
    assert links.link("t", asked(provider_types=["EMPLOYER"])) == page


@pytest.mark.parametrize(
    ("language", "lang"),
    [("fil", "fil"), ("fil-PH", "fil"), ("tl", "fil"), ("en-US", "en"), ("de", ""), ("", "")],
)
def test_a_link_names_who_is_offered_first_in_a_language_of_the_page(
    language: str, lang: str
) -> None:
    """Without those that the page does not offer; of another language the phone chooses."""
    links = ConnectLinks(
        "https://c.example",
        (),
        offered=lambda ids: [one for one in ids if one != "gsis_ph"],
        language_of=language_of,
    )
    first = asked(first_provider_ids=["sss_ph", "gsis_ph", "pagibig_ph"], language=language)
    page = "https://c.example/connect?token=t&first=sss_ph%2Cpagibig_ph"
    assert links.link("t", first) == page + (f"&lang={lang}" if lang else "")


@pytest.mark.parametrize("types", [["government"], [""], ["GIG"] * 11, ["GIG", "x&y"]])
def test_words_that_can_be_no_types_are_refused(types: list[str]) -> None:
    """At most ten, in the vendor's capital letters."""
    problems = Problems()
    LINKS.check(problems, asked(provider_types=types))
    with pytest.raises(FieldInvalid, match="provider_types"):
        problems.raise_if_any()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_provider_ids", ["sss ph"]),
        ("first_provider_ids", [""]),
        ("first_provider_ids", ["sss_ph,x"]),
        ("first_provider_ids", ["a"] * 11),
        ("first_provider_ids", ["a" * 65]),
        ("language", "Filipino!"),
        ("language", "f"),
    ],
)
def test_what_can_be_no_provider_or_language_is_refused(field: str, value: Any) -> None:
    """The field is named."""
    problems = Problems()
    LINKS.check(problems, asked(**{field: value}))
    with pytest.raises(FieldInvalid, match=field):
        problems.raise_if_any()


@pytest.mark.parametrize(
    "address",
    ["", "https://lender.example", "https://LENDER.example/a?b#c", "http://127.0.0.1:9000/x"],
)
def test_an_allowed_origin_is_taken(address: str) -> None:
    """Path, query and fragment are free, and none at all is no way back."""
    problems = Problems()
    LINKS.check(problems, asked(return_url=address))
    problems.raise_if_any()


@pytest.mark.parametrize(
    "address",
    [
        "http://lender.example/",
        "https://lender.example.evil.test/",
        "https://lender.example@evil.test/",
        "https://evil.test\\@lender.example/",
        "https:lender.example",
        "//lender.example/",
        "javascript:alert(1)",
        "https://lender.example/ x",
        "https://lender.example\t/",
        "https://[::",
        "https://lender.example/" + "x" * 1000,
    ],
)
def test_any_other_way_back_is_refused(address: str) -> None:
    """No look-alike of an allowed origin leads an applicant elsewhere."""
    problems = Problems()
    LINKS.check(problems, asked(return_url=address))
    with pytest.raises(FieldInvalid, match="DECISION_CONNECT_RETURN_ORIGINS"):
        problems.raise_if_any()
