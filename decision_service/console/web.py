"""What every page goes through: walls, session, form, and answers to what goes wrong."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
import structlog
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.console.service import Refused, Service
from decision_service.console.session import Session

log = structlog.get_logger("decision_service.console")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FORM_BYTES = 64 * 1024
UPLOAD_BYTES = 5 * 1024 * 1024
"""Of a report or of proofs that a person shows; nothing of it is stored."""

_SAFE = {"GET", "HEAD"}
_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_TITLES = {
    400: "That cannot be asked",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "It has changed meanwhile",
    413: "Too large",
    421: "Another address",
    429: "Too much at once",
    503: "The service does not answer",
    504: "The service took too long",
}


class Walls:
    """Lets only pages of this console send forms, bounds bodies, and sets the headers of safety.

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
        left = UPLOAD_BYTES + FORM_BYTES

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, "At most 5 MB can be sent: send less.")
            return message

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
        await refusal(scope, bounded, safe)

    def _is_own(self, headers: Headers) -> bool:
        """As the browser says; without a referrer it sends the origin `null` from here as well."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is None:
            return origin == self._origin
        return site == "same-origin" and origin in {None, "null", self._origin}


@dataclass(slots=True)
class Visit:
    """One request of a signed-in person."""

    request: Request
    session: Session
    service: Service
    templates: Environment
    form: FormData = field(default_factory=FormData)

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
        value = self.form.get(name, "")
        return value.strip().replace("\r\n", "\n") if isinstance(value, str) else ""

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        body = self.templates.get_template(template).render(
            session=self.session, here=self.request.url.path, query=self.query, **values
        )
        return HTMLResponse(body, status)

    def go(self, path: str) -> Response:
        return RedirectResponse(path, 303)


Handler = Callable[[Visit], Response]


class Pages:
    """Makes endpoints of handlers, which run in threads: calls of the service block them."""

    def __init__(
        self,
        templates: Environment,
        session_of: Callable[[Request], Any],
        is_fresh: Callable[[Session], bool],
        serve: Callable[[str], Service],
        end: Callable[[Session], None],
    ) -> None:
        self.templates = templates
        self._session_of = session_of
        self._is_fresh = is_fresh
        self._serve = serve
        self._end = end

    def route(
        self, path: str, handler: Handler, method: str = "GET", *, weighty: bool = False
    ) -> Route:
        """A `weighty` step asks for a new sign-in where the last one is some time ago."""

        async def endpoint(request: Request) -> Response:
            began = perf_counter()
            form = await _form(request) if method == "POST" else FormData()
            session = await self._session_of(request)
            if session is None:
                return self.signed_out(request, form)
            if weighty and not self._is_fresh(session):
                return self._again(request, form, session)
            visit = Visit(request, session, self._serve(session.token), self.templates, form)
            try:
                response = await run_in_threadpool(handler, visit)
            except Refused as refused:
                if refused.code is grpc.StatusCode.UNAUTHENTICATED:
                    self._end(session)
                    return self.signed_out(request, form)
                response = self.refusal(request, refused, session)
            spent, whole = visit.service.seconds * 1000, (perf_counter() - began) * 1000
            response.headers["server-timing"] = (
                f"own;dur={whole - spent:.1f}, service;dur={spent:.1f}"
            )
            return response

        return Route(path, endpoint, methods=[method])

    def signed_out(self, request: Request, form: FormData) -> Response:
        """Leads to the sign-in and back. What was typed stays on the page and can be sent again."""
        if request.method == "POST":
            why = "Your session has ended."
            return self._again(request, form, None, why)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if "hx-request" in request.headers:
            return HTMLResponse(
                '<p class="bad">Your session has ended: <a href="/sign-in">sign in</a>.</p>'
            )
        return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", 303)

    def _again(
        self,
        request: Request,
        form: FormData,
        session: Session | None,
        why: str = "This step has weight, so you are asked who you are again.",
    ) -> Response:
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        return self.error(
            request, 401, "Sign in again", why, session, fields=fields, action=request.url.path
        )

    def refusal(self, request: Request, refused: Refused, session: Session | None) -> Response:
        status = _STATUS.get(refused.code, 502)
        title = _TITLES.get(status, "That did not work")
        return self.error(request, status, title, sentence(refused), session)

    def error(
        self,
        request: Request,
        status: int,
        title: str,
        words: str,
        session: Session | None,
        fields: Sequence[tuple[str, str]] = (),
        action: str = "",
    ) -> Response:
        """A page with one sentence and a way on."""
        body = self.templates.get_template("error.html").render(
            title=title,
            words=words,
            session=session,
            here=request.url.path,
            fields=fields,
            action=action,
            way_on=_above(request.url.path),
        )
        return HTMLResponse(body, status)

    async def failed(self, request: Request, error: Exception, session: Session | None) -> Response:
        """Any page's answer to what no handler expected, with an id to find it by."""
        if isinstance(error, HTTPException):
            words = (
                error.detail
                if error.status_code == 413
                else f"There is no page {request.url.path}."
            )
            title = _TITLES.get(error.status_code, "That did not work")
            return self.error(request, error.status_code, title, words, session)
        incident = secrets.token_hex(8)
        places = traceback.extract_tb(error.__traceback__)[-12:]
        log.error(
            "incident",
            incident=incident,
            error=type(error).__name__,
            frames=[
                f"{one.filename.rpartition('decision_service/')[2]}:{one.lineno}" for one in places
            ],
        )
        words = f"The console failed: give the operators the incident {incident}."
        return self.error(request, 500, "That did not work", words, session)


def sentence(refused: Refused) -> str:
    """What the service said, as a sentence that begins with a capital and ends with a full stop."""
    words = refused.message.strip()
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def local(path: str, otherwise: str = "/") -> str:
    """A path of this console, and nothing that leads elsewhere."""
    parts = urlsplit(path)
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return (
        path if is_own and not parts.scheme and not parts.netloc and "\\" not in path else otherwise
    )


def _above(path: str) -> str:
    """The list that a page belongs to: `/reviews` of a case."""
    return "/" + path.strip("/").split("/")[0] if path.count("/") > 1 else "/"


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "")
    is_upload = request.headers.get("content-type", "").startswith("multipart/")
    if not is_upload and (not length.isdigit() or int(length) > FORM_BYTES):
        raise HTTPException(413, "A form has at most 64 KB: write less.")
    try:
        return await request.form(max_files=1, max_fields=60)
    except ClientDisconnect:
        return FormData()
