"""Signing in and out: at the lender's identity provider, or with a token of the callers file."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import grpc
import httpx2
import structlog
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from cachetools import TTLCache
from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from decision_service.console.service import Refused, Service
from decision_service.console.session import COOKIE, Session, Sessions
from decision_service.console.web import Pages, local, sentence

log = structlog.get_logger("decision_service.console")

FLOW_COOKIE = "__Host-flow"
FLOW_SECONDS = 600.0
RENEW_BEFORE = 60.0
"""Seconds before the end of a credential in which a visit brings another one."""

ALGORITHMS = ["RS256", "ES256", "EdDSA"]
LEEWAY = 60
_FAULTS = (OAuthError, JoseError, httpx2.HTTPError, ValueError, KeyError)
_COOKIE: Any = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
_UNREACHABLE = (
    "The identity provider does not answer as it should: try again, or tell the operators."
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
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        origin: str,
        provider: Provider | None = None,
        people: Mapping[str, str] | None = None,
    ) -> None:
        self.sessions = sessions
        self.pages: Pages
        self._serve = serve
        self._now = now
        self._seconds = seconds
        self._provider = provider
        self._people = people or {}
        self._callback = f"{origin}/sign-in/callback"
        self._flows: TTLCache[str, Flow] = TTLCache(10_000, FLOW_SECONDS, seconds)
        self._renewing = asyncio.Lock()

    def routes(self) -> list[Route]:
        made = [
            Route("/sign-in", self._choose, methods=["GET"]),
            Route("/sign-in", self._by_token, methods=["POST"]),
            Route("/sign-out", self._out, methods=["POST"]),
        ]
        if self._provider is not None:
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
            if session.token_ends - self._seconds() <= RENEW_BEFORE:
                await self._renew(session)
        if session.token_ends > self._seconds():
            return session
        self.sessions.end(session)
        return None

    async def _renew(self, session: Session) -> None:
        """Bring another ID token; the present one serves to its end without it."""
        if not session.refresh or self._provider is None:
            return
        try:
            async with self._client() as client:
                about = await _discovered(client, self._provider)
                found = await client.refresh_token(about["token_endpoint"], session.refresh)
                claims = self._checked(found["id_token"], await _keys(client, about))
        except _FAULTS:
            return
        session.token, session.token_ends = found["id_token"], self._ends(claims["exp"])
        session.refresh = found.get("refresh_token") or session.refresh

    async def _choose(self, request: Request) -> Response:
        return self._page(request)

    def _page(self, request: Request, status: int = 200, words: str = "") -> Response:
        after = local(request.query_params.get("next", "/"))
        body = self.pages.templates.get_template("sign-in.html").render(
            session=None,
            here="/sign-in",
            words=words,
            after=after,
            has_provider=self._provider is not None,
            people=[*self._people],
        )
        return HTMLResponse(body, status)

    async def _by_token(self, request: Request) -> Response:
        """With a pasted token, or as one of the made-up people."""
        form: FormData = await request.form(max_files=0, max_fields=5)
        person, token = str(form.get("person", "")), str(form.get("token", "")).strip()
        token = self._people.get(person, token)
        if not token.isascii() or not token.isprintable() or " " in token or len(token) > 4096:
            return self._page(request, 400, "That is no token: paste one as it was given to you.")
        session = Session("", frozenset(), token, self._seconds(), self._seconds())
        return await self._begin(request, session, local(str(form.get("next", "/"))))

    async def _begin(self, request: Request, session: Session, after: str) -> Response:
        """Ask the service who that is; a session begins where it knows the person."""
        try:
            who = await run_in_threadpool(
                lambda: self._serve(session.token).call("StatusService.GetCaller")
            )
        except Refused as refused:
            known = refused.code is not grpc.StatusCode.UNAUTHENTICATED
            words = sentence(refused) if known else _unknown(session)
            return self._page(request, 503 if known else 403, words)
        former = self.sessions.of(request.cookies.get(COOKIE, ""))
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
        form = await request.form(max_files=0, max_fields=5)
        session = self.sessions.of(request.cookies.get(COOKIE, ""))
        if session is not None:
            self.sessions.end(session, everywhere=bool(form.get("everywhere")))
            log.info("signed out", caller=session.name)
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, **_COOKIE)
        return response

    def _client(self) -> AsyncOAuth2Client:
        provider = self._provider
        assert provider is not None  # noqa: S101 - its routes are there with a provider alone
        return AsyncOAuth2Client(
            provider.client_id,
            provider.secret or None,
            token_endpoint_auth_method="client_secret_basic" if provider.secret else "none",
            scope="openid offline_access",
            redirect_uri=self._callback,
            code_challenge_method="S256",
            timeout=5.0,
            follow_redirects=False,
        )

    async def _to_provider(self, request: Request) -> Response:
        """To the provider, which has to ask who it is even where it knows the browser.

        By a link: the policy lets no form lead elsewhere, and that holds for redirects too.
        """
        assert self._provider is not None  # noqa: S101
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, local(request.query_params.get("next", "/")))
        try:
            async with self._client() as client:
                about = await _discovered(client, self._provider)
        except _FAULTS:
            return self._page(request, 503, _UNREACHABLE)
        url, _ = client.create_authorization_url(
            about["authorization_endpoint"],
            state=flow.state,
            nonce=flow.nonce,
            code_verifier=flow.verifier,
            prompt="login",
            max_age=0,
        )
        key = secrets.token_urlsafe(32)
        self._flows[key] = flow
        response = RedirectResponse(url, 303)
        response.set_cookie(FLOW_COOKIE, key, max_age=int(FLOW_SECONDS), **_COOKIE)
        return response

    async def _from_provider(self, request: Request) -> Response:
        assert self._provider is not None  # noqa: S101
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
            async with self._client() as client:
                about = await _discovered(client, self._provider)
                found = await client.fetch_token(
                    about["token_endpoint"],
                    code=request.query_params.get("code", ""),
                    code_verifier=flow.verifier,
                )
                claims = self._checked(found["id_token"], await _keys(client, about), flow)
        except JoseError:
            return self._page(request, 403, "The provider's answer is not one to you: begin again.")
        except _FAULTS:
            return self._page(request, 503, _UNREACHABLE)
        began = self._seconds()
        session = Session("", frozenset(), found["id_token"], began, began)
        session.refresh, session.token_ends = (
            found.get("refresh_token", ""),
            self._ends(claims["exp"]),
        )
        return await self._begin(request, session, flow.after)

    def _checked(self, token: str, keys: KeySet, flow: Flow | None = None) -> dict[str, Any]:
        """The claims of an ID token to this console, that of a flow's answer; raises JoseError."""
        assert self._provider is not None  # noqa: S101
        wanted: dict[str, Any] = {
            "iss": {"essential": True, "value": self._provider.issuer},
            "aud": {"essential": True, "value": self._provider.client_id},
            "exp": {"essential": True},
        }
        if flow is not None:
            wanted["nonce"] = {"essential": True, "value": flow.nonce}
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        now = int(self._now().timestamp())
        jwt.JWTClaimsRegistry(now=now, leeway=LEEWAY, **wanted).validate(claims)
        if flow is not None and now - claims.get("auth_time", now) > LEEWAY:
            raise InvalidClaimError("auth_time")  # it did not ask the person again
        return claims

    def _ends(self, exp: int) -> float:
        return self._seconds() + exp - self._now().timestamp()


async def _keys(client: AsyncOAuth2Client, about: Mapping[str, Any]) -> KeySet:
    answer = await client.request("GET", about["jwks_uri"], withhold_token=True)
    return KeySet.import_key_set(cast("KeySetSerialization", _object(answer)))


def _unknown(session: Session) -> str:
    """That the service does not know a person, with what an operator needs to mend it."""
    if not session.token_ends < float("inf"):
        return "The service does not know this token: paste one that is in use."
    return (
        "The service does not know you: have an operator add the `subjects` of your account at the "
        "identity provider to the callers file."
    )


async def _discovered(client: AsyncOAuth2Client, provider: Provider) -> dict[str, Any]:
    """What the provider says of itself; raises ValueError where it is another one."""
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    about = _object(await client.request("GET", url, withhold_token=True))
    if about.get("issuer") != provider.issuer:
        raise ValueError("another issuer")
    return about


def _object(answer: httpx2.Response) -> dict[str, Any]:
    found = answer.raise_for_status().json()
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - a fault of the provider
    return found
