"""The look-alike widget's script, and the link API below `/link/v1` that the script calls.

The vendor does not document the API of its widget: the script's options and callbacks are the
vendor's, the API is the stand-in's own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from decision_service.simulator.formats.providers import PROVIDERS
from decision_service.simulator.linking.sessions import LinkRefused, LinkSessions
from decision_service.simulator.people.linked import LinkedAccount

LINK_PREFIX = "/link/v1"
SCRIPT_PATH = "/v2/smile.v2.js"
_STATUSES = {"TOKEN_EXPIRED": 401, "NO_SESSION": 401, "NO_SUCH": 404, "BAD_REQUEST": 400}
_LARGEST_BODY = 10_000

LinkReply = Callable[[str, Mapping[str, Any]], Any]


def widget_routes(linking: LinkSessions) -> list[BaseRoute]:
    """The script, and the API that it calls from another origin."""
    api = _LinkApi(linking)
    routes = [
        Route("/sessions", _endpoint(api.open), methods=["POST"]),
        Route("/providers", _endpoint(api.providers), methods=["GET"]),
        Route("/accounts", _endpoint(api.accounts), methods=["GET"]),
        Route("/accounts", _endpoint(api.begin), methods=["POST"]),
        Route("/accounts/{id}/code", _endpoint(api.confirm), methods=["POST"]),
        Route("/accounts/{id}", _endpoint(api.remove), methods=["DELETE"]),
    ]
    anywhere = Middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
    )
    return [
        Mount(LINK_PREFIX, routes=routes, middleware=[anywhere]),
        Route(SCRIPT_PATH, _script, methods=["GET"]),
    ]


class _LinkApi:
    """One method for each endpoint: takes a session and the fields sent, returns the answer."""

    def __init__(self, linking: LinkSessions) -> None:
        self._linking = linking

    def open(self, _: str, sent: Mapping[str, Any]) -> Any:
        session, user_id = self._linking.open(_text(sent, "token"))
        return {"session": session, "userId": user_id}

    def providers(self, _: str, __: Mapping[str, Any]) -> Any:
        shown = ("id", "name", "longName", "type", "typeLabel", "mfa")
        return [{name: one[name] for name in shown} for one in PROVIDERS.values()]

    def accounts(self, session: str, _: Mapping[str, Any]) -> Any:
        return [_account(one) for one in self._linking.accounts(session)]

    def begin(self, session: str, sent: Mapping[str, Any]) -> Any:
        words = (_text(sent, name) for name in ("providerId", "login", "password"))
        return _account(self._linking.begin(session, *words))

    def confirm(self, session: str, sent: Mapping[str, Any]) -> Any:
        return _account(self._linking.confirm(session, _text(sent, "id"), _text(sent, "code")))

    def remove(self, session: str, sent: Mapping[str, Any]) -> Any:
        return _account(self._linking.remove(session, _text(sent, "id")))


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


def _account(account: LinkedAccount) -> dict[str, Any]:
    return {
        "accountId": account.id,
        "userId": account.user_id,
        "providerId": account.provider_id,
        "status": account.status,
        "errorCode": account.error_code,
    }


async def _script(_: Request) -> Response:
    body = (
        resources.files("decision_service.simulator").joinpath("widget", "smile.v2.js").read_bytes()
    )
    return Response(body, media_type="text/javascript")
