"""The endpoints: from a request to the vendor's answer; providers and webhooks too."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from decision_service.standin import lists
from decision_service.standin.faults import FaultPlan
from decision_service.standin.formats import (
    PROVIDERS,
    Cursor,
    Filters,
    Reply,
    VendorError,
    failure,
    filters_in,
    ok,
    page,
    read_cursor,
    response,
    size_of,
    stamp,
)
from decision_service.standin.tenant import Tenant
from decision_service.standin.world import Person

PREFIX = "/v1"
_PAIRS = 5
_KEY_LENGTH = 50
_VALUE_LENGTH = 500
_NAME_LENGTH = 200
_URL_LENGTH = 500
_SECRET_LENGTH = 64
_CHANGING = ("CONTRIBUTIONS", "DOCUMENTS", "EINCOMES", "EMPLOYMENTS", "INCOMES", "LIABILITIES")
_EVENTS = """
USER_CREATED ACCOUNT_CREATED ACCOUNT_CONNECTED ACCOUNT_DISCONNECTED ACCOUNT_FAILED TASK_STARTED
TASK_FINISHED ACCOUNT_SYNC_TASK_FINISHED ARCHIVE_STARTED ARCHIVE_ANALYZED ARCHIVE_REVOKED
ARCHIVE_FAILED INVITE_INVITED INVITE_LINKED IDENTITY_ADDED RATING_ADDED TRANSACTIONS_ADDED
INSIGHT_ADDED LINK_ADDED VERIFICATION_STARTED VERIFICATION_COMPLETED RECORD_CREATED
RECORD_COMPLETED USER_SESSION_COMPLETED USER_SESSION_RESET ALL_EVENTS
"""
EVENT_TYPES = frozenset(_EVENTS.split()) | {
    f"{kind}_{change}" for kind in _CHANGING for change in ("ADDED", "UPDATED")
}
Handler = Callable[[Request], Awaitable[Reply]]


def list_providers(query: Mapping[str, str]) -> Reply:
    """All of them, page by page: the document's filters are not read."""
    cursor = Cursor("providers", {})
    if query.get("cursor"):
        cursor = read_cursor(query["cursor"], "providers")
    found = list(PROVIDERS.values())
    reply = ok(page(found, cursor, size_of(query)))
    reply.whole = found
    reply.restart = Cursor("providers", {}).text()
    return reply


def check_keys(header: str | None, key: str, secret: str) -> None:
    """Raise VendorError 401 unless the Authorization header is HTTP Basic with the key pair."""
    scheme, _, encoded = (header or "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        given = b""
    right = hmac.compare_digest(given, f"{key}:{secret}".encode())
    if scheme.lower() != "basic" or not right:
        raise VendorError(401, "The API key and secret are missing, wrong or expired")


async def json_object(request: Request) -> dict[str, Any]:
    """Return the request's JSON object, empty where there is no body; VendorError 415 or 400."""
    body = await request.body()
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise VendorError(415, "The content type must be application/json")
    try:
        content = json.loads(body)
    except ValueError:
        raise VendorError(400, "The body is not JSON") from None
    if not isinstance(content, dict):
        raise VendorError(400, "The body must be a JSON object")
    return content


def external_metadata(body: Mapping[str, Any]) -> dict[str, str]:
    pairs = body.get("externalMetadata") or {}
    if not isinstance(pairs, dict):
        raise VendorError(400, "externalMetadata must be an object")
    if len(pairs) > _PAIRS:
        raise VendorError(400, f"externalMetadata may have at most {_PAIRS} pairs")
    for name, value in pairs.items():
        if not _ascii(name, _KEY_LENGTH) or not _ascii(value, _VALUE_LENGTH):
            raise VendorError(
                400,
                f"externalMetadata keys and values must be ASCII text of at most {_KEY_LENGTH} and "
                f"{_VALUE_LENGTH} characters",
            )
    return pairs


def _ascii(value: object, longest: int) -> bool:
    return isinstance(value, str) and value.isascii() and len(value) <= longest


class Webhooks:
    def __init__(self) -> None:
        self._registered: dict[str, dict[str, Any]] = {}

    def all(self) -> list[dict[str, Any]]:
        return list(reversed(self._registered.values()))

    def register(self, fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        webhook_id = uuid.uuid4().hex
        times = {"createdAt": stamp(now), "updatedAt": stamp(now)}
        self._registered[webhook_id] = {"id": webhook_id, **fields, **times}
        return self._registered[webhook_id]

    def one(self, webhook_id: str) -> dict[str, Any]:
        if webhook_id not in self._registered:
            raise VendorError(404, "There is no such webhook")
        return self._registered[webhook_id]

    def remove(self, webhook_id: str) -> None:
        self.one(webhook_id)
        del self._registered[webhook_id]


def webhook_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    types = body.get("eventTypes")
    legal = {
        "name": _text(body.get("name"), _NAME_LENGTH),
        "url": _text(body.get("url"), _URL_LENGTH) and body["url"].startswith("https://"),
        "eventTypes": isinstance(types, list) and all(one in EVENT_TYPES for one in types),
        "active": isinstance(body.get("active"), bool),
        "includePayload": isinstance(body.get("includePayload", False), bool),
        "secret": _text(body.get("secret"), _SECRET_LENGTH),
    }
    for name, good in legal.items():
        if not good:
            raise VendorError(400, f"{name} is missing or not legal")
    return {"includePayload": False} | {name: body[name] for name in legal if name in body}


def _text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


@dataclass(slots=True)
class Endpoints:
    """Everything the endpoints work on; `closing` is set when the server is about to stop."""

    tenant: Tenant
    faults: FaultPlan
    webhooks: Webhooks = field(default_factory=Webhooks)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> list[Route]:
        own: list[tuple[str, str, Handler]] = [
            ("GET", "/providers", self.providers),
            ("GET", "/providers/{id}", self.provider),
            ("POST", "/users", self.create_user),
            ("GET", "/users/{id}", self.user),
            ("POST", "/tokens", self.create_token),
            ("DELETE", "/accounts/{id}", self.revoke),
            ("GET", "/webhooks", self.list_webhooks),
            ("POST", "/webhooks", self.register_webhook),
            ("GET", "/webhooks/{id}", self.webhook),
            ("DELETE", "/webhooks/{id}", self.remove_webhook),
        ]
        for name, listing in lists.LIST_ENDPOINTS.items():
            own.append(("GET", f"/{name}", partial(self.listing, listing)))
            if name != "users":
                own.append(("GET", f"/{name}/{{id}}", partial(self.single, listing)))
        return [self._route(*one) for one in own]

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return response(await self._answer(handler, request))

        return Route(PREFIX + path, endpoint, methods=[method])

    async def _answer(self, handler: Handler, request: Request) -> Reply:
        path = request.url.path.removeprefix(PREFIX)
        faults = self.faults.hitting(request.method, path, self._user_of(request))
        first = next((one for one in faults if one.replaces), None)
        reply = ok() if first else await self._handled(handler, request)
        if faults:
            reply.document = deepcopy(reply.document)
            reply.now = self.tenant.now()
        for fault in faults:
            if fault is first or not fault.replaces:
                fault.change(reply)
        if reply.delay:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), reply.delay)
        return reply

    async def _handled(self, handler: Handler, request: Request) -> Reply:
        try:
            return await handler(request)
        except VendorError as error:
            return failure(error)

    def _user_of(self, request: Request) -> str | None:
        named: Filters = {**request.query_params, **filters_in(request.query_params.get("cursor"))}
        if "userId" in named:
            return named["userId"]
        object_id = request.path_params.get("id") or named.get("sourceId") or named.get("accountId")
        if not object_id or self.tenant.person(object_id):
            return object_id
        owner = self.tenant.world.owner(object_id)
        return owner.id if owner else None

    def _person(self, user_id: str) -> Person:
        found = self.tenant.person(user_id)
        if found is None:
            raise VendorError(404, "There is no such user")
        return found

    async def listing(self, listing: lists.ListEndpoint, request: Request) -> Reply:
        return lists.answer(listing, self.tenant, request.query_params)

    async def single(self, listing: lists.ListEndpoint, request: Request) -> Reply:
        return lists.single(listing, self.tenant, request.path_params["id"])

    async def providers(self, request: Request) -> Reply:
        return list_providers(request.query_params)

    async def provider(self, request: Request) -> Reply:
        provider_id = request.path_params["id"]
        if provider_id not in PROVIDERS:
            raise VendorError(404, "There is no such provider")
        return ok(PROVIDERS[provider_id])

    async def create_user(self, request: Request) -> Reply:
        created = self.tenant.create_user(external_metadata(await json_object(request)))
        token = self.tenant.issue_token(created.id)
        return ok({"user": created.user, "token": token}, 201)

    async def user(self, request: Request) -> Reply:
        return ok(self._person(request.path_params["id"]).user)

    async def create_token(self, request: Request) -> Reply:
        user_id = request.query_params.get("userId")
        if not user_id:
            raise VendorError(400, "userId is missing")
        return ok(self.tenant.issue_token(self._person(user_id).id), 201)

    async def revoke(self, request: Request) -> Reply:
        """`DELETE /accounts/{id}`: the account and its data are gone."""
        account_id = request.path_params["id"]
        if self.tenant.account(account_id) is None:
            raise VendorError(404, "There is no such account")
        self.tenant.revoke(account_id)
        return ok()

    async def list_webhooks(self, request: Request) -> Reply:
        size = size_of(request.query_params)
        cursor = Cursor("webhooks", {})
        if request.query_params.get("cursor"):
            cursor = read_cursor(request.query_params["cursor"], "webhooks")
        return ok(page(self.webhooks.all(), cursor, size))

    async def register_webhook(self, request: Request) -> Reply:
        fields = webhook_fields(await json_object(request))
        return ok(self.webhooks.register(fields, self.tenant.now()))

    async def webhook(self, request: Request) -> Reply:
        return ok(self.webhooks.one(request.path_params["id"]))

    async def remove_webhook(self, request: Request) -> Reply:
        self.webhooks.remove(request.path_params["id"])
        return ok()
