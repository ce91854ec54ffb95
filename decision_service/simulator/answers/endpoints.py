"""The endpoints: from a request to the vendor's answer, with the faults in force."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from decision_service.simulator.answers import lists
from decision_service.simulator.answers.catalogue import list_providers, one_provider
from decision_service.simulator.answers.requests import (
    PREFIX,
    below_prefix,
    external_metadata,
    json_object,
)
from decision_service.simulator.faults.plan import FaultPlan
from decision_service.simulator.formats.pages import (
    Cursor,
    Filters,
    filters_in,
    page,
    read_cursor,
    size_of,
)
from decision_service.simulator.formats.replies import Reply, VendorError, failure, ok, response
from decision_service.simulator.people.world import Person
from decision_service.simulator.tenant import Tenant
from decision_service.simulator.webhooks.fields import webhook_fields
from decision_service.simulator.webhooks.registrations import Webhooks

Handler = Callable[[Request], Awaitable[Reply]]


@dataclass(slots=True)
class Endpoints:
    """Everything the endpoints work on; `closing` is set when the server is about to stop."""

    tenant: Tenant
    faults: FaultPlan
    webhooks: Webhooks = field(default_factory=Webhooks)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> list[Route]:
        """Return the routes of every endpoint."""
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
        return [self._route(*one) for one in (*own, *self._lists())]

    def _lists(self) -> list[tuple[str, str, Handler]]:
        found: list[tuple[str, str, Handler]] = []
        for name, listing in lists.LIST_ENDPOINTS.items():
            found.append(("GET", f"/{name}", partial(self.listing, listing)))
            if name != "users":
                found.append(("GET", f"/{name}/{{id}}", partial(self.single, listing)))
        return found

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            return response(await self._answer(handler, request))

        return Route(PREFIX + path, endpoint, methods=[method])

    async def _answer(self, handler: Handler, request: Request) -> Reply:
        path = below_prefix(request.url.path)
        effects_on = self.faults.effects_on(request.method, path, self._user_of(request))
        standing = next((one for one in effects_on if one.replaces), None)
        reply = ok() if standing else await self._handled(handler, request)
        if effects_on:
            reply.document, reply.now = deepcopy(reply.document), self.tenant.now()
        changes = [one for one in effects_on if one is standing or not one.replaces]
        for change in changes:
            change.change(reply)
        await self._pause(reply.delay)
        return reply

    async def _handled(self, handler: Handler, request: Request) -> Reply:
        try:
            return await handler(request)
        except VendorError as error:
            return failure(error)

    async def _pause(self, seconds: float) -> None:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), seconds)

    def _user_of(self, request: Request) -> str | None:
        """Return the user a request is about, as far as it says."""
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
        """`GET` of a list."""
        return lists.answer(listing, self.tenant, request.query_params)

    async def single(self, listing: lists.ListEndpoint, request: Request) -> Reply:
        """`GET` of one object of a list."""
        return lists.single(listing, self.tenant, request.path_params["id"])

    async def providers(self, request: Request) -> Reply:
        """`GET /providers`."""
        return list_providers(request.query_params)

    async def provider(self, request: Request) -> Reply:
        """`GET /providers/{id}`."""
        return one_provider(request.path_params["id"])

    async def create_user(self, request: Request) -> Reply:
        """`POST /users`: 201 with the user and a first token."""
        created = self.tenant.create_user(external_metadata(await json_object(request)))
        token = self.tenant.issue_token(created.id)
        return ok({"user": created.user, "token": token}, 201)

    async def user(self, request: Request) -> Reply:
        """`GET /users/{id}`."""
        return ok(self._person(request.path_params["id"]).user)

    async def create_token(self, request: Request) -> Reply:
        """`POST /tokens?userId=`: 201 with a single-use link token."""
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
        """`GET /webhooks`."""
        size, cursor = size_of(request.query_params), Cursor("webhooks", {})
        if request.query_params.get("cursor"):
            cursor = read_cursor(request.query_params["cursor"], "webhooks")
        return ok(page(self.webhooks.all(), cursor, size))

    async def register_webhook(self, request: Request) -> Reply:
        """`POST /webhooks`."""
        fields = webhook_fields(await json_object(request))
        return ok(self.webhooks.register(fields, self.tenant.now()))

    async def webhook(self, request: Request) -> Reply:
        """`GET /webhooks/{id}`."""
        return ok(self.webhooks.one(request.path_params["id"]))

    async def remove_webhook(self, request: Request) -> Reply:
        """`DELETE /webhooks/{id}`."""
        self.webhooks.remove(request.path_params["id"])
        return ok()
