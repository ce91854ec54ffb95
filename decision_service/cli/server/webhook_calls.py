"""The vendor's webhooks: registering one once, removing one, listing all; raises CommandError."""

from __future__ import annotations

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.vendor import open_smile, vendor_deadline
from decision_service.config import Settings
from decision_service.domain.errors import ServiceError
from decision_service.pipeline.snapshots.events import NEEDED_TYPES
from decision_service.smile.onboarding.webhooks import Webhook


async def registered(settings: Settings, name: str, url: str, secret: str) -> tuple[Webhook, bool]:
    """The webhook that sends what is needed by this secret, and whether it was made now."""
    async with open_smile(settings) as source:
        try:
            for hook in await source.webhooks.list(vendor_deadline()):
                complete = all(map(hook.sends, NEEDED_TYPES)) and hook.is_signed_by(secret)
                if hook.url == url and complete:
                    return hook, False
            made = await source.webhooks.register(
                name, url, NEEDED_TYPES, secret, vendor_deadline()
            )
            return made, True
        except ServiceError as error:
            raise CommandError(error.message, Exit.SERVER) from None


async def removed(settings: Settings, webhook_id: str) -> bool:
    """Whether the vendor knew the webhook, which is removed by now."""
    async with open_smile(settings) as source:
        try:
            return await source.webhooks.remove(webhook_id, vendor_deadline())
        except ServiceError as error:
            raise CommandError(error.message, Exit.SERVER) from None


async def listed(settings: Settings) -> tuple[Webhook, ...]:
    """Every webhook of the key pair."""
    async with open_smile(settings) as source:
        try:
            return await source.webhooks.list(vendor_deadline())
        except ServiceError as error:
            raise CommandError(error.message, Exit.SERVER) from None
