"""What every page goes through: walls, session, form, in this order, and answers to failures."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.console.forms import read_form
from decision_service.console.service import Refused, Service
from decision_service.console.session import COOKIE, Session, Sessions

log = structlog.get_logger("decision_service.console")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# `//host` and `/\host` lead browsers to another host.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE = {"GET", "HEAD"}
_FAILED = "That did not work"
_ANSWERS = {
    grpc.StatusCode.INVALID_ARGUMENT: (400, "That cannot be asked"),
    grpc.StatusCode.PERMISSION_DENIED: (403, "Not allowed"),
    grpc.StatusCode.NOT_FOUND: (404, "Not found"),
    grpc.StatusCode.FAILED_PRECONDITION: (409, "It has changed meanwhile"),
    grpc.StatusCode.ABORTED: (409, "It has changed meanwhile"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (429, "Too much at once"),
    grpc.StatusCode.UNAVAILABLE: (503, "The service does not answer"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (504, "The service took too long"),
}


class Walls:
    """Lets only pages of this console send forms, and sets the headers of safety.

    `origin` is the console's own, such as `https://console.example.com`; a request to another host
    is refused, so that no foreign name leads here.
    """

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app = app
        self._origin = origin
        self._host = urlsplit(origin).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found.setdefault(name, value)
            await send(message)

        if headers.get("host") != self._host:
            refusal: ASGIApp = PlainTextResponse(f"Open {self._origin}\n", 421)
        elif scope["method"] not in _SAFE and not self._is_own(headers):
            refusal = PlainTextResponse(
                "This form did not come from a page of the console: send it there.\n",
                403,
            )
        else:
            refusal = self.app
        await refusal(scope, receive, safe)

    def _is_own(self, headers: Headers) -> bool:
        """Whether a page of the console sent it, as the browser says."""
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        if site is None:
            return origin == self._origin
        # By our policy `no-referrer` browsers send `null` from our own pages as well.
        return site == "same-origin" and origin in {None, "null", self._origin}


def page(
    request: Request, session: Session | None, template: str, status: int = 200, **values: Any
) -> Response:
    """A page of a template, which every page gives the session and the request."""
    found = request.app.state.templates.get_template(template)
    return HTMLResponse(
        found.render(session=session, request=request, status=status, **values), status
    )


@dataclass(slots=True)
class Visit:
    """One request of a signed-in person."""

    request: Request
    session: Session
    service: Service
    form: FormData

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def path(self) -> Mapping[str, Any]:
        return self.request.path_params

    @property
    def is_part(self) -> bool:
        """Whether a script asks for a part of a page."""
        return "hx-request" in self.request.headers

    def text(self, name: str) -> str:
        """A field of the form, without spaces around it; empty where it was not sent."""
        return str(self.form.get(name, "")).strip().replace("\r\n", "\n")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        return page(self.request, self.session, template, status=status, query=self.query, **values)

    def summary(
        self, verb: str, template: str = "summary.html", rank: str = "main", **values: Any
    ) -> Response:
        """What a final step would do: it is taken once the same form comes back with `sure`."""
        kept = [pair for pair in self.form.multi_items() if pair[0] != "sure"]
        return self.page(template, verb=verb, rank=rank, kept=kept, **values)

    def go(self, path: str) -> Response:
        # After 303 a browser that loads the page again sends no form again.
        return RedirectResponse(path, 303)


Handler = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes endpoints of handlers, which run in threads: calls of the service block them."""

    sessions: Sessions
    session_of: Callable[[Request], Awaitable[Session | None]]
    serve: Callable[[str], Service]

    def route(
        self,
        path: str,
        handler: Handler,
        method: str = "GET",
        *,
        weighty: bool = False,
        has_file: bool = False,
    ) -> Route:
        """A `weighty` step asks for a new sign-in where the last one is some time ago.

        `has_file` lets a signed-in person send a file.
        """

        async def endpoint(request: Request) -> Response:
            began = perf_counter()
            session = await self.session_of(request)
            form = FormData()
            # Who never had a session has nothing read; what was typed before one ended is kept.
            is_read = session is not None or (COOKIE in request.cookies and not has_file)
            if method == "POST" and is_read:
                form = await read_form(request, has_file=has_file)
            if session is None:
                return _signed_out(request, form)
            # Once the form is read: it is on the page, to be sent again after the sign-in.
            if weighty and not self.sessions.is_fresh(session):
                words = "This step has weight, so you are asked who you are again."
                return _sign_in_again(request, session, form, words=words)
            visit = Visit(request, session, self.serve(session.token), form=form)
            try:
                response = await run_in_threadpool(handler, visit)
            except Refused as refused:
                if refused.code is grpc.StatusCode.UNAUTHENTICATED:
                    # The service knows the token no more, and would refuse whatever comes.
                    self.sessions.end(session)
                    return _signed_out(request, form)
                status, title = _ANSWERS.get(refused.code, (502, _FAILED))
                about: dict[str, Any] = {"title": title, "words": sentence(refused), "form": form}
                response = page(request, session, "message.html", status=status, **about)
            spent = visit.service.seconds * 1000
            whole = (perf_counter() - began) * 1000
            response.headers["server-timing"] = (
                f"own;dur={whole - spent:.1f}, service;dur={spent:.1f}"
            )
            return response

        return Route(path, endpoint, methods=[method])

    async def failed(self, request: Request, error: Exception) -> Response:
        """Any page's answer to what no handler expected, with an id to find it by."""
        session = self.sessions.of(request.cookies.get(COOKIE, ""))
        if isinstance(error, HTTPException):
            title = "Not found"
            words = "There is no such page."
            status = error.status_code
            if status in {400, 413}:
                title = "Not taken"
                words = error.detail
            return page(request, session, "message.html", status=status, title=title, words=words)
        incident = secrets.token_hex(8)
        # Neither words nor values of the error: they may be a person's data.
        frames = [
            f"{one.filename.rpartition('decision_service/')[2]}:{one.lineno}"
            for one in traceback.extract_tb(error.__traceback__)[-12:]
        ]
        log.error("incident", incident=incident, error=type(error).__name__, frames=frames)
        words = f"The console failed: give the operators the incident {incident}."
        return page(request, session, "message.html", status=500, title=_FAILED, words=words)


def _signed_out(request: Request, form: FormData) -> Response:
    """Leads to the sign-in and back. What was read of a form stays, and can be sent again."""
    if request.method == "POST":
        return _sign_in_again(request, None, form, words="Your session has ended.")
    # A script would follow a redirect for its part of the page alone.
    if "hx-request" in request.headers:
        return HTMLResponse(
            '<p class="bad">Your session has ended: <a href="/sign-in">sign in</a>.</p>'
        )
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", 303)


def _sign_in_again(
    request: Request, session: Session | None, form: FormData, words: str
) -> Response:
    title = "Sign in again"
    return page(request, session, "message.html", status=401, title=title, words=words, form=form)


def sentence(refused: Refused) -> str:
    """What the service said, with a capital in front of all but a name, and a full stop."""
    words = refused.message.strip()
    if "_" not in words.partition(" ")[0]:
        words = f"{words[:1].upper()}{words[1:]}"
    return f"{words.removesuffix('.')}."


def local(path: str) -> str:
    """A path of this console; the start in the place of what could lead elsewhere."""
    return path if _LOCAL.fullmatch(path) else "/"
