"""The look-alike widget: its sessions, its script, and the link API that the script calls."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from decision_service.standin.formats import PROVIDERS
from decision_service.standin.sandbox import SandboxPerson, sandbox_people
from decision_service.standin.tenant import LinkedAccount, Tenant

_ATTEMPTS = 5
LOCKED = "ACCOUNT_LOCKED"
LINK_PREFIX = "/link/v1"
SCRIPT_PATH = "/v2/smile.v2.js"
_STATUSES = {"TOKEN_EXPIRED": 401, "NO_SESSION": 401, "NO_SUCH": 404, "BAD_REQUEST": 400}
_LARGEST_BODY = 10_000
_SHOWN = ("id", "name", "longName", "type", "typeLabel", "mfa")
LinkReply = Callable[[str, Mapping[str, Any]], Any]


class LinkRefused(Exception):
    """An error of the link API: `code` is TOKEN_EXPIRED, NO_SESSION, or NO_SUCH for ids."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LinkSessions:
    """Sessions of the widget; five wrong passwords for one login lock that login."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._sessions: dict[str, str] = {}
        self._wrong: Counter[tuple[str, str]] = Counter()

    def open(self, token: str) -> tuple[str, str]:
        user_id = self._tenant.use_token(token)
        if user_id is None:
            raise LinkRefused("TOKEN_EXPIRED")
        session = uuid.uuid4().hex
        self._sessions[session] = user_id
        return session, user_id

    def accounts(self, session: str) -> list[LinkedAccount]:
        return self._tenant.linked(self._user(session))

    def begin(self, session: str, provider_id: str, login: str, password: str) -> LinkedAccount:
        user_id = self._user(session)
        if provider_id not in PROVIDERS:
            raise LinkRefused("NO_SUCH")
        now = self._tenant.now()
        account = LinkedAccount(
            user_id, provider_id, now, key=uuid.uuid4().hex, status="PENDING", changed=now,
            collecting=self._tenant.collecting,
        )  # fmt: skip
        self._tenant.attach(account)
        error = self._error(provider_id, login, password)
        if error is not None:
            account.set_status("ERROR", now, error)
            return account
        account.person = _person(login)
        account.set_status("AWAITING_MFA", now)
        return account

    def confirm(self, session: str, account_id: str, code: str) -> LinkedAccount:
        account = self._account(session, account_id)
        if account.status != "AWAITING_MFA" or account.person is None:
            raise LinkRefused("NO_SUCH")
        now = self._tenant.now()
        if code == account.person.code:
            account.set_status("CONNECTED", now)
        else:
            account.set_status("ERROR", now, "INVALID_MFA")
        return account

    def remove(self, session: str, account_id: str) -> LinkedAccount:
        """Withdraw the consent for an account: it stays as DISCONNECTED, without data."""
        account = self._account(session, account_id)
        self._tenant.disconnect(account_id)
        return account

    def _error(self, provider_id: str, login: str, password: str) -> str | None:
        key = (provider_id, login)
        if self._wrong[key] >= _ATTEMPTS:
            return LOCKED
        person = _person(login)
        if person is not None and password == person.password:
            del self._wrong[key]
            return None
        self._wrong[key] += 1
        return LOCKED if self._wrong[key] >= _ATTEMPTS else "INVALID_CREDENTIALS"

    def _user(self, session: str) -> str:
        if session not in self._sessions:
            raise LinkRefused("NO_SESSION")
        return self._sessions[session]

    def _account(self, session: str, account_id: str) -> LinkedAccount:
        for account in self.accounts(session):
            if account.id == account_id:
                return account
        raise LinkRefused("NO_SUCH")


def _person(login: str) -> SandboxPerson | None:
    people = sandbox_people()
    return next((one for one in people if login in (one.user_name, one.email, one.phone)), None)


def widget_routes(linking: LinkSessions) -> list[BaseRoute]:

    def opened(_: str, sent: Mapping[str, Any]) -> Any:
        session, user_id = linking.open(_text(sent, "token"))
        return {"session": session, "userId": user_id}

    def listed(*_: object) -> Any:
        return providers

    def accounts(session: str, _: Mapping[str, Any]) -> Any:
        return [*map(_account, linking.accounts(session))]

    def begun(session: str, sent: Mapping[str, Any]) -> Any:
        provider_id = _text(sent, "providerId")
        login = _text(sent, "login")
        password = _text(sent, "password")
        return _account(linking.begin(session, provider_id, login, password=password))

    def confirmed(session: str, sent: Mapping[str, Any]) -> Any:
        return _account(linking.confirm(session, sent["id"], _text(sent, "code")))

    def removed(session: str, sent: Mapping[str, Any]) -> Any:
        return _account(linking.remove(session, sent["id"]))

    providers = [*map(_shown, PROVIDERS.values())]
    answers: list[tuple[str, str, LinkReply]] = [
        ("POST", "/sessions", opened),
        ("GET", "/providers", listed),
        ("GET", "/accounts", accounts),
        ("POST", "/accounts", begun),
        ("POST", "/accounts/{id}/code", confirmed),
        ("DELETE", "/accounts/{id}", removed),
    ]
    routes = [Route(path, _endpoint(answer), methods=[verb]) for verb, path, answer in answers]
    anywhere = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
    )
    return [
        Mount(LINK_PREFIX, routes=routes, middleware=[anywhere]),
        Route(SCRIPT_PATH, _script, methods=["GET"]),
    ]


def _endpoint(answer: LinkReply) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            sent = {**await _object(request), **request.path_params}
            session = request.headers.get("authorization", "").removeprefix("Bearer ")
            return JSONResponse(answer(session, sent))
        except LinkRefused as refused:
            return JSONResponse({"code": refused.code}, _STATUSES[refused.code])

    return endpoint


async def _object(request: Request) -> dict[str, Any]:
    body = await request.body()
    if not body:
        return {}
    try:
        content = json.loads(body[:_LARGEST_BODY])
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise LinkRefused("BAD_REQUEST")
    return content


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str):
        raise LinkRefused("BAD_REQUEST")
    return value


def _shown(provider: Mapping[str, Any]) -> dict[str, Any]:
    return {name: provider[name] for name in _SHOWN}


def _account(account: LinkedAccount) -> dict[str, Any]:
    return {
        "accountId": account.id,
        "userId": account.user_id,
        "providerId": account.provider_id,
        "status": account.status,
        "errorCode": account.error_code,
    }


async def _script(_: Request) -> Response:
    script = resources.files("decision_service.standin").joinpath("widget", "smile.v2.js")
    return Response(script.read_bytes(), media_type="text/javascript")
