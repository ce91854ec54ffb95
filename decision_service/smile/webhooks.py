"""The webhooks that are registered with the vendor."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from urllib.parse import quote

import msgspec

from decision_service.smile.answers import (
    BareDecoder,
    OneDecoder,
    PageDecoder,
    WebhookAnswer,
    listed,
)
from decision_service.smile.client import Request, SmileApi, refusals
from decision_service.smile.errors import Gone
from decision_service.smile.records import needed

ALL_EVENTS = "ALL_EVENTS"

_PAGE = PageDecoder(WebhookAnswer, "webhooks")
_ONE = OneDecoder(WebhookAnswer, "webhooks")
_DONE = BareDecoder("webhooks")


class Webhook(msgspec.Struct, frozen=True):
    """`secret_digest` is the SHA-256 of its secret in hex, empty where the vendor does not say."""

    id: str
    name: str
    url: str
    event_types: tuple[str, ...]
    active: bool
    secret_digest: str = ""

    def is_signed_by(self, secret: str) -> bool:
        """Whether its events are signed by this secret; True where the vendor does not say."""
        return self.secret_digest in ("", _digest(secret))

    def sends(self, event_type: str) -> bool:
        return self.active and bool({event_type, ALL_EVENTS} & set(self.event_types))


class SmileWebhooks:
    """Methods raise UpstreamUnavailable and UpstreamBudgetExhausted."""

    def __init__(self, api: SmileApi) -> None:
        self._api = api

    async def list(self, stop_at: float) -> tuple[Webhook, ...]:
        with refusals():
            request, budget = Request("/webhooks"), self._api.budget(stop_at)
            return tuple(map(_webhook, await listed(self._api, request, _PAGE, budget)))

    async def register(
        self, name: str, url: str, event_types: tuple[str, ...], secret: str, stop_at: float
    ) -> Webhook:
        """Have the vendor send these events to an https address, signed by the secret."""
        content = {
            "name": name,
            "url": url,
            "eventTypes": list(event_types),
            "active": True,
            "includePayload": False,
            "secret": secret,
        }
        body = msgspec.json.encode(content)
        request = Request("/webhooks", method="POST", content=body, repeatable=False)
        with refusals():
            return _webhook(await self._api.get(request, _ONE, self._api.budget(stop_at)))

    async def remove(self, webhook_id: str, stop_at: float) -> bool:
        """Have the vendor send nothing more to a webhook; False where it knows none of this id."""
        path = f"/webhooks/{quote(webhook_id, safe='')}"
        request, budget = Request(path, method="DELETE"), self._api.budget(stop_at)
        with refusals(), suppress(Gone):
            await self._api.get(request, _DONE, budget)
            return True
        return False


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _webhook(answer: WebhookAnswer) -> Webhook:
    return Webhook(
        needed(answer.id, "webhooks.id"),
        answer.name or "",
        needed(answer.url, "webhooks.url"),
        tuple(answer.event_types or ()),
        answer.active is not False,
        _digest(answer.secret) if answer.secret else "",
    )
