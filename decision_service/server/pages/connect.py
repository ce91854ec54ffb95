"""The connect page: where an applicant opens the vendor's widget and shares data with the
lender.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import yaml
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.build import packaged, templates
from decision_service.casework.onboarding import LinkToken
from decision_service.domain.accounts import ACCOUNT_ERRORS
from decision_service.domain.errors import ServiceError
from decision_service.runtime.files import read_small
from decision_service.runtime.settings import OnRevoke, Settings, env_name, names_of
from decision_service.runtime.telemetry import counter
from decision_service.server.transport.context import best_language
from decision_service.server.transport.http import read_body

LANGUAGES = ("en", "fil")
"""The page's languages; the first is for who asks for neither."""

_ALIASES = {"tl": "fil"}
"""Tagalog is what older phones call Filipino."""

Renew = Callable[[str], Awaitable[LinkToken | None]]
"""Another token for whoever holds one; None where it is not to be renewed."""

IsAlive = Callable[[str], Awaitable[bool]]
"""Whether the holder of a token may still open the widget."""

NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_LARGEST_BODY = 4096
_LONGEST_TOKEN = 2048
_REFUSALS = {
    "broken_off": (400, "no_token"),
    "malformed": (400, "no_token"),
    "refused": (403, "not_valid"),
    "unavailable": (503, "not_now"),
}
"""Status and sentence by what is counted."""

LARGEST_LOGO = 200_000
"""Bytes of a logo, which every applicant's phone loads."""

_PICTURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
LARGEST_NOTICE = 65_536
"""Bytes of a notice's file."""

BLANKS = ("company", "months", "withdrawn")
"""What `{…}` may be: the lender's name, how many months decisions are kept, and what becomes
of them when consent is withdrawn."""

_BLANK = re.compile(r"\{(\w*)\}")
_SCRIPTS = ("connect.js", "accounts.js", "steps.js", "state.js")
_ASSETS = {"connect.css": "text/css"} | dict.fromkeys(_SCRIPTS, "text/javascript")
_ASSET_HEADERS = {"x-content-type-options": "nosniff", "cache-control": "max-age=300"}


class PageTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of one language.

    `page` is for the template, `said` for its script, `refusals` for why a link token was refused,
    `account_errors` by the vendor's codes.
    """

    name: str
    page: Mapping[str, str]
    said: Mapping[str, str]
    refusals: Mapping[str, str]
    account_errors: Mapping[str, str] = {}


@cache
def texts_in(language: str) -> PageTexts:
    """The texts of one of LANGUAGES; English has its account errors from where all have theirs."""
    texts = packaged(__package__, f"static/{language}.yaml", PageTexts)
    english = {code: f"{one.happened} {one.advice}" for code, one in ACCOUNT_ERRORS.items()}
    return msgspec.structs.replace(texts, account_errors=english | dict(texts.account_errors))


def language_of(tag: str) -> str:
    """The page's language of a tag (`fil-PH` is `fil`); empty where the page is not in it."""
    primary = tag.partition("-")[0].lower()
    language = _ALIASES.get(primary, primary)
    return language if language in LANGUAGES else ""


def chosen_language(asked: str | None, header: str) -> str:
    """The language asked for by name where there is one, else the best of accept-language."""
    return asked if asked in LANGUAGES else best_language(header, LANGUAGES, _ALIASES)


class _ShownToken(msgspec.Struct):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_TOKEN)]


class LinkTokenEndpoints:
    """Answers the holder of a link token.

    Requests are counted by what was answered. A refusal is 400, 403 or 503 with a sentence in the
    language of the request. How often a token is refused is not limited: it has 128 random bits.
    """

    def __init__(
        self, renew: Renew, is_alive: IsAlive, registry: CollectorRegistry | None = None
    ) -> None:
        self._renew = renew
        self._is_alive = is_alive
        self._requests = counter(
            registry,
            "link_token_requests",
            "Requests of connect pages about their link tokens by what was answered",
            labels=("outcome",),
        )

    async def renewed(self, request: Request) -> Response:
        async def answer(shown: str) -> dict[str, str] | None:
            fresh = await self._renew(shown)
            return None if fresh is None else {"token": fresh.access_token}

        return await self._answered(request, "renewed", answer)

    async def checked(self, request: Request) -> Response:
        async def answer(shown: str) -> dict[str, str] | None:
            return {} if await self._is_alive(shown) else None

        return await self._answered(request, "checked", answer)

    async def _answered(
        self,
        request: Request,
        outcome: str,
        answer: Callable[[str], Awaitable[dict[str, str] | None]],
    ) -> Response:
        try:
            shown = await _shown_token(request)
            content = None if shown is None else await answer(shown)
        except ClientDisconnect:
            return self._refusal(request, "broken_off")
        except ServiceError:
            return self._refusal(request, "unavailable")
        if content is None:
            return self._refusal(request, "malformed" if shown is None else "refused")
        self._requests.labels(outcome).inc()
        return JSONResponse(content, headers=NO_STORE)

    def _refusal(self, request: Request, outcome: str) -> Response:
        self._requests.labels(outcome).inc()
        status, why = _REFUSALS[outcome]
        language = chosen_language(None, request.headers.get("accept-language", ""))
        sentence = texts_in(language).refusals[why]
        return JSONResponse({"message": sentence}, status, headers=NO_STORE)


async def _shown_token(request: Request) -> str | None:
    """The token that a page sends, None where it sends none; nothing longer is read.

    Raises ClientDisconnect where the client leaves before the body has come.
    """
    body = await read_body(request, _LARGEST_BODY)
    try:
        return None if body is None else msgspec.json.decode(body, type=_ShownToken).token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class PageRefused(Exception):
    """A file of the connect page cannot be used; the message says which, why and what to do."""


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of 1 to `most` bytes; raises PageRefused."""
    try:
        content = read_small(path, most)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise PageRefused(f"{path} has more than {most:,} bytes: give a smaller one") from None
        raise PageRefused(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise PageRefused(f"{path} is empty: write it, or leave the setting out")
    return content


class Logo(msgspec.Struct, frozen=True):
    content: bytes
    media_type: str


def read_logo(path: Path) -> Logo:
    """The logo of a file of at most LARGEST bytes; raises PageRefused."""
    content = read_bounded(path, LARGEST_LOGO)
    for start, media_type in _PICTURES:
        if start.match(content):
            return Logo(content, media_type)
    raise PageRefused(f"{path} is no picture that is taken: give a PNG, JPEG or WebP")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of the notice: its title and its text, both plain text."""

    title: str
    text: str


Notice = Mapping[str, tuple[Entry, ...]]
"""The entries by language."""


def fill(text: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return values.get(found[1], found[0])

    return _BLANK.sub(value, text)


def read_notice(path: Path | None = None) -> Notice:
    """The notice of a file of at most LARGEST bytes, or the service's own; raises PageRefused."""
    if path is None:
        return _decoded(resources.files(__package__).joinpath("static/notice.yaml").read_bytes())
    content = read_bounded(path, LARGEST_NOTICE)
    try:
        notice = _decoded(content)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise PageRefused(
            f"{path} is no notice ({' '.join(str(error).split())}): write for each of "
            f"{' and '.join(LANGUAGES)} a list of entries with title and text"
        ) from None
    _check(path, notice)
    return notice


def _decoded(content: bytes) -> Notice:
    return msgspec.yaml.decode(content, type=dict[str, tuple[Entry, ...]])


def _check(path: Path, notice: Notice) -> None:
    shown = " and ".join(LANGUAGES)
    for language in LANGUAGES:
        if not notice.get(language):
            raise PageRefused(f"{path} has no entries in {language}: the page is shown in {shown}")
    for language, entries in notice.items():
        if language not in LANGUAGES:
            raise PageRefused(
                f"{path} has entries in {language}: the page is shown in {shown} only"
            )
        for place, entry in enumerate(entries, 1):
            for blank in _BLANK.findall(entry.title + entry.text):
                if blank not in BLANKS:
                    raise PageRefused(
                        f"{path}: entry {place} in {language} has {{{blank}}}, which means "
                        f"nothing: there are {', '.join(f'{{{one}}}' for one in BLANKS)}"
                    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def page_files(settings: Settings) -> tuple[Notice, Logo | None]:
    """The files that settings name; raises PageRefused."""
    setting = "connect_notice_file"
    try:
        notice = read_notice(settings.connect_notice_file)
        setting = "connect_logo_file"
        file = settings.connect_logo_file
        return notice, None if file is None else read_logo(file)
    except PageRefused as error:
        raise PageRefused(f"{env_name(setting)}: {error}") from None


class ConnectPage:
    """The page of a lender with the vendor's widget, whose script and API are given; PageRefused.

    `names` gives what people call providers, by id. The page is the same for all who read a
    language: the token stays in the address, which the script reads. It is therefore in no
    template, no cache and no log of ours.
    """

    def __init__(
        self,
        settings: Settings,
        script_url: str,
        api_host: str,
        names: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._settings = settings
        self._names = names
        self._notice, self.logo = page_files(settings)
        self._script = settings.widget_script_url or script_url
        self._api = settings.widget_api_host or api_host
        # As many as languages, and as often again while rules are reloaded that name others
        self._shown = lru_cache(2 * len(LANGUAGES))(self._rendered)

    def policy(self) -> str:
        """The Content-Security-Policy: our own files, the widget's script and what it talks to."""
        script = _origin(self._script)
        host = _origin(self._api)
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' {script}",
                f"style-src 'self' {script}",
                f"connect-src 'self' {host}",
                f"frame-src {script} {host}",
                f"img-src 'self' data: {script}",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )

    def _options(self) -> str:
        """What the page hands to the widget, in its own words; no providers means all of them."""
        settings = self._settings
        options = {
            "apiHost": self._api,
            "providers": names_of(settings.connect_providers),
            "enableUpload": settings.connect_upload,
            "companyName": settings.connect_company_name,
        }
        if settings.connect_template_id:
            options["templateId"] = settings.connect_template_id
        return json.dumps(options)

    def shown(self, language: str) -> str:
        """The page; made when it is first asked for, so that no start waits for the template."""
        return self._shown(language, json.dumps(dict(self._names())))

    def _rendered(self, language: str, names_json: str) -> str:
        texts = texts_in(language)
        blanks = self._blanks(language)
        return (
            templates(__package__, "static")
            .get_template("connect.html")
            .render(
                language=language,
                languages={one: texts_in(one).name for one in LANGUAGES},
                company=self._settings.connect_company_name,
                logo=self.logo,
                return_origins=self._settings.return_origins,
                script_url=self._script,
                options_json=self._options(),
                text={name: fill(words, blanks) for name, words in texts.page.items()},
                notice=[
                    Entry(fill(entry.title, blanks), fill(entry.text, blanks))
                    for entry in self._notice[language]
                ],
                said_json=json.dumps({key: fill(one, blanks) for key, one in texts.said.items()}),
                names_json=names_json,
                errors_json=json.dumps(dict(texts.account_errors)),
            )
        )

    def _blanks(self, language: str) -> dict[str, str]:
        page = texts_in(language).page
        kept = {
            "months": f"{self._settings.retention}",
            "loan_months": f"{self._settings.loan_retention}",
        }
        erases = self._settings.on_revoke is OnRevoke.ERASE_DECISIONS
        withdrawn = "decisions_erased" if erases else "decisions_stay"
        return {
            "company": self._settings.connect_company_name or page["lender"],
            **kept,
            "withdrawn": fill(page[withdrawn], kept),
        }


def connect_routes(page: ConnectPage, tokens: LinkTokenEndpoints) -> list[BaseRoute]:
    headers = {
        **NO_STORE,
        "content-security-policy": page.policy(),
        "x-content-type-options": "nosniff",
        "vary": "accept-language",
    }

    async def connect(request: Request) -> Response:
        header = request.headers.get("accept-language", "")
        language = chosen_language(request.query_params.get("lang"), header)
        content = await asyncio.to_thread(page.shown, language)
        return HTMLResponse(content, headers={**headers, "content-language": language})

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return Response(status_code=404)
        content = resources.files(__package__).joinpath("static", name).read_bytes()
        return Response(content, media_type=_ASSETS[name], headers=_ASSET_HEADERS)

    async def logo(_: Request) -> Response:
        if (picture := page.logo) is None:
            return Response(status_code=404)
        return Response(picture.content, media_type=picture.media_type, headers=_ASSET_HEADERS)

    return [
        Route("/connect", connect, methods=["GET"]),
        Route("/connect/token", tokens.renewed, methods=["POST"]),
        Route("/connect/check", tokens.checked, methods=["POST"]),
        Route("/connect/logo", logo, methods=["GET"]),
        Route("/connect/{name}", asset, methods=["GET"]),
    ]
