"""The connect page: where an applicant opens the vendor's widget and shares data.

Nothing of it needs an API key: the page holds the applicant's link token alone, and asks here for
another one when that has expired.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import resources
from math import ceil
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from decision_service.domain.accounts import ACCOUNT_ERRORS
from decision_service.domain.errors import ServiceError
from decision_service.edge.http.guesses import GuessLimit
from decision_service.instruments import counter
from decision_service.pipeline.applicants.ports import LinkToken

Renew = Callable[[str], Awaitable[LinkToken | None]]
"""Another token for whoever holds one; None where it is not to be renewed."""

_ASSETS = {"connect.js": "text/javascript", "connect.css": "text/css"}
_LARGEST_BODY = 4096
_LONGEST_TOKEN = 2048
_NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_NO_TOKEN = (400, "The request holds no token.")
_NOT_VALID = (403, "This link is no longer valid. Ask for a new one.")
_TOO_OFTEN = (429, "Too many links were refused here. Try again in a minute.")
_NOT_NOW = (503, "No new link could be made now. Try again in a minute.")


class WidgetOptions(msgspec.Struct, frozen=True):
    """What the page hands to the vendor's widget, in its own words.

    `script_url` is where the widget's script is, `api_host` what the widget talks to; empty
    `providers` means all of them.
    """

    script_url: str
    api_host: str
    providers: tuple[str, ...] = ()
    top_providers: tuple[str, ...] = ()
    enable_search_bar: bool = True
    enable_type_bar: bool = True
    enable_upload: bool = False
    company_name: str = ""
    template_id: str = ""
    return_origins: tuple[str, ...] = ()

    def as_json(self) -> str:
        """The options under the widget's names."""
        content = {
            "apiHost": self.api_host,
            "providers": list(self.providers),
            "topProviders": list(self.top_providers),
            "enableSearchBar": self.enable_search_bar,
            "enableTypeBar": self.enable_type_bar,
            "enableUpload": self.enable_upload,
            "companyName": self.company_name,
        }
        return json.dumps(content | ({"templateId": self.template_id} if self.template_id else {}))

    def policy(self) -> str:
        """The Content-Security-Policy: our own files, the widget's script and what it talks to."""
        script, host = _origin(self.script_url), _origin(self.api_host)
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


class _ShownToken(msgspec.Struct):
    """The body by which a page asks for another token."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_TOKEN)]


class LinkTokenEndpoint:
    """Gives the holder of a link token another one; `limit` bounds what an address may guess.

    Requests are counted by what was answered.
    """

    def __init__(
        self, renew: Renew, limit: GuessLimit, registry: CollectorRegistry | None = None
    ) -> None:
        self._renew = renew
        self._limit = limit
        self._requests = counter(
            registry,
            "link_token_requests",
            "Requests of connect pages for another link token by what was answered",
            "outcome",
        )

    async def answer(self, request: Request) -> Response:
        """Answer 200 with a token, or 400, 403, 429 or 503 with a sentence."""
        address = "" if request.client is None else request.client.host
        wait = self._limit.wait(address)
        if wait:
            return self._refusal("limited", _TOO_OFTEN, wait)
        try:
            shown = await _shown_token(request)
        except ClientDisconnect:
            return self._refusal("broken_off", _NO_TOKEN)
        if shown is None:
            self._limit.refused(address)
            return self._refusal("malformed", _NO_TOKEN)
        return await self._renewed(shown, address)

    async def _renewed(self, shown: str, address: str) -> Response:
        try:
            fresh = await self._renew(shown)
        except ServiceError:
            return self._refusal("unavailable", _NOT_NOW)
        if fresh is None:
            self._limit.refused(address)
            return self._refusal("refused", _NOT_VALID)
        self._requests.labels("renewed").inc()
        return JSONResponse({"token": fresh.access_token}, headers=_NO_STORE)

    def _refusal(self, outcome: str, answer: tuple[int, str], wait: float = 0.0) -> Response:
        self._requests.labels(outcome).inc()
        status, sentence = answer
        headers = _NO_STORE | ({"retry-after": f"{ceil(wait)}"} if wait else {})
        return JSONResponse({"message": sentence}, status, headers=headers)


def connect_routes(options: WidgetOptions, token: LinkTokenEndpoint) -> list[BaseRoute]:
    """The page, its files, and the address where it asks for another token."""
    headers = {
        **_NO_STORE,
        "content-security-policy": options.policy(),
        "x-content-type-options": "nosniff",
    }

    async def connect(_: Request) -> Response:
        return HTMLResponse(await asyncio.to_thread(_page, options), headers=headers)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return Response(status_code=404)
        sniffing = {"x-content-type-options": "nosniff", "cache-control": "max-age=300"}
        return Response(_file(name), media_type=_ASSETS[name], headers=sniffing)

    return [
        Route("/connect", connect, methods=["GET"]),
        Route("/connect/token", token.answer, methods=["POST"]),
        Route("/connect/{name}", asset, methods=["GET"]),
    ]


@cache
def _page(options: WidgetOptions) -> str:
    """The page is the same for everybody: the token stays in the address, which the script reads.

    It is therefore in no template, no cache and no log of ours. It is made when it is first asked
    for, so that no start waits for the template's machinery.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(__package__, "pages"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
    )
    errors = {
        code: f"{error.happened} {error.advice}" for code, error in sorted(ACCOUNT_ERRORS.items())
    }
    return environment.get_template("connect.html").render(
        options=options, options_json=options.as_json(), errors_json=json.dumps(errors)
    )


async def _shown_token(request: Request) -> str | None:
    """The token that a page sends, None where it sends none; nothing longer is read.

    Raises ClientDisconnect where the client leaves before the body has come.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    try:
        return msgspec.json.decode(body, type=_ShownToken).token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _file(name: str) -> bytes:
    return resources.files(__package__).joinpath("pages", name).read_bytes()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
