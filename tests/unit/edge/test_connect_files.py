"""The lender's files on the connect page: which logos and notices are taken, and what is said."""

from __future__ import annotations

import re
import zlib
from importlib import resources
from pathlib import Path

import httpx2
import pytest

from decision_service.domain.accounts import ACCOUNT_ERRORS
from decision_service.runtime.config import load
from decision_service.server.connect import (
    BLANKS,
    LANGUAGES,
    LARGEST_LOGO,
    ConnectPage,
    LinkTokenEndpoints,
    Logo,
    PageRefused,
    connect_routes,
    read_logo,
    read_notice,
    texts_in,
)
from decision_service.server.http import build_app
from tests.unit.edge.test_connect import WIDGET, opens, renew

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
        resources.files("decision_service.server")
        .joinpath("pages", name)
        .read_text(encoding="utf-8")
    )
    said = re.sub(r"^#.*$", "", page, flags=re.MULTILINE)
    assert re.findall(r"(?:[.?!]\s+|^\s*[a-z_]+:\s+)\{company\}", said, re.MULTILINE) == []
