"""Signing in and out: at the lender's identity provider, or with a token of the callers file."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import grpc
import httpx2
import structlog
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from cachetools import TTLCache
from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from decision_service.console.forms import read_form
from decision_service.console.service import Refused, Service
from decision_service.console.session import COOKIE, Session, Sessions
from decision_service.console.web import local, page, sentence
from decision_service.domain.ports import Clock
from decision_service.server.transport.issuer import LEEWAY, usable_keys, validate

log = structlog.get_logger("decision_service.console")

FLOW_COOKIE = "__Host-flow"
FLOW_SECONDS = 600.0
RENEW_BEFORE = 60.0
"""Seconds before the end of a credential in which a visit brings another one."""

ALGORITHMS = ["RS256", "ES256", "EdDSA"]
_FAULTS = (OAuthError, JoseError, httpx2.HTTPError, ValueError, KeyError)
# Lax: the way back from the provider begins at another site, and needs the cookie.
_COOKIE: Any = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
_UNREACHABLE = (
    "The identity provider does not answer as it should: try again, or tell the operators."
)
_UNKNOWN = "The service does not know this token: paste one that is in use."
_NO_ACCOUNT = (
    "The service does not know you: have an operator add the `subjects` of your account at the "
    "identity provider to the callers file."
)


@dataclass(frozen=True, slots=True)
class Provider:
    """The lender's identity provider, and this console as its client: public without `secret`."""

    issuer: str
    client_id: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that has begun: what its answer must have, and where it leads."""

    state: str
    nonce: str
    verifier: str
    after: str


class SignIn:
    """The routes of signing in and out, and the session of a request.

    `people` are made-up ones with their tokens, to be chosen without a password.
    """

    def __init__(
        self,
        sessions: Sessions,
        serve: Callable[[str], Service],
        clock: Clock,
        origin: str,
        provider: Provider | None,
        people: Mapping[str, str],
    ) -> None:
        self.sessions = sessions
        self._serve = serve
        self._now = clock.now
        self._seconds = clock.monotonic
        self._provider = provider or Provider("", "")
        self._people = people
        self._callback = f"{origin}/sign-in/callback"
        self._flows: TTLCache[str, Flow] = TTLCache(10_000, FLOW_SECONDS, clock.monotonic)
        self._renewing = asyncio.Lock()

    def routes(self) -> list[Route]:
        made = [
            Route("/sign-in", self._page, methods=["GET"]),
            Route("/sign-in", self._by_token, methods=["POST"]),
            Route("/sign-out", self._out, methods=["POST"]),
        ]
        if self._provider.issuer:
            made += [
                Route("/sign-in/provider", self._to_provider, methods=["GET"]),
                Route("/sign-in/callback", self._from_provider, methods=["GET"]),
            ]
        return made

    async def session_of(self, request: Request) -> Session | None:
        """The session of a request, with a credential that lasts; None where there is none."""
        session = self.sessions.of(request.cookies.get(COOKIE, ""))
        if session is None or session.token_ends - self._seconds() > RENEW_BEFORE:
            return session
        async with self._renewing:
            # Again: another visit may have renewed it, and a refresh token may serve but once.
            if session.refresh and session.token_ends - self._seconds() <= RENEW_BEFORE:
                # Where that fails, the present one serves to its end.
                with suppress(*_FAULTS):
                    async with self._asking() as (client, about):
                        found = await client.refresh_token(about["token_endpoint"], session.refresh)
                        self._keep(session, found, await self._checked(client, about, found))
        if session.token_ends > self._seconds():
            return session
        self.sessions.end(session)
        return None

    def _page(self, request: Request, status: int = 200, words: str = "") -> Response:
        return page(
            request,
            None,
            "sign-in.html",
            status=status,
            words=words,
            after=local(request.query_params.get("next", "/")),
            has_provider=bool(self._provider.issuer),
            people=[*self._people],
        )

    async def _by_token(self, request: Request) -> Response:
        """With a pasted token, or as one of the made-up people."""
        form = await read_form(request)
        person = str(form.get("person", ""))
        token = str(form.get("token", "")).strip()
        token = self._people.get(person, token)
        # It becomes a header, which takes nothing else.
        if not token.isascii() or not token.isprintable() or " " in token or len(token) > 4096:
            return self._page(request, 400, "That is no token: paste one as it was given to you.")
        session = Session("", frozenset(), token, began=self._seconds(), seen=self._seconds())
        return await self._begin(request, session, local(str(form.get("next", "/"))))

    async def _begin(self, request: Request, session: Session, after: str) -> Response:
        """Ask the service who that is; a session begins where it knows the person."""
        try:
            # The client's calls block, and other visits are served by this event loop.
            who = await run_in_threadpool(
                lambda: self._serve(session.token).call("StatusService.GetCaller")
            )
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNAUTHENTICATED:
                return self._page(request, 503, sentence(refused))
            is_pasted = session.token_ends == inf
            return self._page(request, 403, _UNKNOWN if is_pasted else _NO_ACCOUNT)
        former = self.sessions.of(request.cookies.get(COOKIE, ""))
        # Its cookie is overwritten: from then on it could not be signed out.
        if former is not None:
            self.sessions.end(former)
        session = replace(session, name=who.caller, roles=frozenset(who.roles))
        response = RedirectResponse(after, 303)
        response.set_cookie(COOKIE, self.sessions.begin(session), **_COOKIE)
        response.delete_cookie(FLOW_COOKIE, **_COOKIE)
        log.info("signed in", caller=session.name)
        return response

    async def _out(self, request: Request) -> Response:
        """End this session, or all of the person's."""
        session = self.sessions.of(request.cookies.get(COOKIE, ""))
        if session is not None:
            form = await read_form(request)
            self.sessions.end(session, everywhere=bool(form.get("everywhere")))
            log.info("signed out", caller=session.name)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, **_COOKIE)
        return response

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[tuple[AsyncOAuth2Client, dict[str, Any]]]:
        """A client of the provider, and what that says of itself; raises one of _FAULTS."""
        provider = self._provider
        async with AsyncOAuth2Client(
            provider.client_id,
            provider.secret or None,
            token_endpoint_auth_method="client_secret_basic" if provider.secret else "none",
            scope="openid offline_access",
            redirect_uri=self._callback,
            code_challenge_method="S256",
            timeout=5.0,
            # No redirect may carry the client's secret or a code elsewhere.
            follow_redirects=False,
        ) as client:
            url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            about = await _object(client, url)
            # OpenID Connect Discovery 1.0, 4.3: it has to name the issuer that was asked.
            if about.get("issuer") != provider.issuer:
                raise ValueError("another issuer")
            yield client, about

    async def _to_provider(self, request: Request) -> Response:
        """To the provider, by a link: the policy lets no form lead there, even by a redirect."""
        flow = Flow(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(32),
            after=local(request.query_params.get("next", "/")),
        )
        try:
            async with self._asking() as (client, about):
                url, _ = client.create_authorization_url(
                    about["authorization_endpoint"],
                    state=flow.state,
                    nonce=flow.nonce,
                    code_verifier=flow.verifier,
                    # It has to ask even where it knows the browser, since steps of weight rest
                    # on that; `max_age` has it say when it did.
                    prompt="login",
                    max_age=0,
                )
        except _FAULTS:
            return self._page(request, 503, _UNREACHABLE)
        key = secrets.token_urlsafe(32)
        self._flows[key] = flow
        response = RedirectResponse(url, 303)
        response.set_cookie(FLOW_COOKIE, key, max_age=int(FLOW_SECONDS), **_COOKIE)
        return response

    async def _from_provider(self, request: Request) -> Response:
        # An answer that is sent a second time finds no flow.
        flow = self._flows.pop(request.cookies.get(FLOW_COOKIE, ""), None)
        if flow is None or not secrets.compare_digest(
            request.query_params.get("state", "").encode(), flow.state.encode()
        ):
            return self._page(
                request, 400, "That sign-in was not begun here, or too long ago: begin again."
            )
        if "error" in request.query_params:
            return self._page(request, 403, "The identity provider did not sign you in: try again.")
        try:
            async with self._asking() as (client, about):
                found = await client.fetch_token(
                    about["token_endpoint"],
                    code=request.query_params.get("code", ""),
                    code_verifier=flow.verifier,
                )
                claims = await self._checked(client, about, found, flow=flow)
        except JoseError:
            return self._page(request, 403, "The provider's answer is not one to you: begin again.")
        except _FAULTS:
            return self._page(request, 503, _UNREACHABLE)
        began = self._seconds()
        session = Session("", frozenset(), found["id_token"], began=began, seen=began)
        self._keep(session, found, claims)
        return await self._begin(request, session, flow.after)

    async def _checked(
        self,
        client: AsyncOAuth2Client,
        about: Mapping[str, Any],
        found: Mapping[str, Any],
        flow: Flow | None = None,
    ) -> Mapping[str, Any]:
        """The claims of an ID token to this console, that of a flow's answer; raises JoseError."""
        keys = usable_keys((await _object(client, about["jwks_uri"]))["keys"])
        decoded = jwt.decode(found["id_token"], keys.known, algorithms=ALGORITHMS)
        claims = decoded.claims
        now = self._now()
        provider = self._provider
        nonce: Any = {} if flow is None else {"nonce": {"essential": True, "value": flow.nonce}}
        validate(decoded.header, claims, (provider.issuer, provider.client_id), now=now, **nonce)
        if flow is not None and now.timestamp() - claims.get("auth_time", inf) > LEEWAY:
            # It did not ask the person again.
            raise InvalidClaimError("auth_time")
        return claims

    def _keep(self, session: Session, found: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        session.token = found["id_token"]
        session.token_ends = self._seconds() + claims["exp"] - self._now().timestamp()
        # A provider that gives no other one lets the old one be used again.
        session.refresh = found.get("refresh_token") or session.refresh


async def _object(client: AsyncOAuth2Client, url: str) -> dict[str, Any]:
    """A document of the provider; raises ValueError where it is none."""
    # The document is public: no token goes with the request.
    found = (await client.request("GET", url, withhold_token=True)).raise_for_status().json()
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - a fault of the provider
    return found
