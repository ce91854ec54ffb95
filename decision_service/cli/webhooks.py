"""`webhooks`: have the vendor send its events, see what is registered, and try the receiver."""

from __future__ import annotations

import json
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from decision_service.cli.client import trusting
from decision_service.cli.output import (
    CommandError,
    Exit,
    Format,
    console,
    print_json,
    print_lines,
    print_table,
    table,
)
from decision_service.decide.events import NEEDED_TYPES
from decision_service.domain.errors import ServiceError
from decision_service.domain.vendor import Webhook
from decision_service.runtime.address import is_loopback
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from decision_service.runtime.settings import Settings, SmileMode
from decision_service.runtime.tasks import run_async
from decision_service.smile.events import signature
from decision_service.smile.onboarding import SmileWebhooks
from decision_service.smile.source import SmileSource

Answer = TypeVar("Answer")
_VENDOR_SECONDS = 15.0
_TEST_SECONDS = 10.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def vendor_deadline() -> float:
    """The deadline of a command's request to the vendor (Clock.monotonic)."""
    return SystemClock().monotonic() + _VENDOR_SECONDS


@asynccontextmanager
async def open_smile(settings: Settings) -> AsyncIterator[SmileSource]:
    """The vendor; raises CommandError in embedded mode, where only the server has a vendor."""
    if settings.smile_mode is SmileMode.EMBEDDED:
        raise CommandError(
            "there is no vendor to ask in embedded mode: set DECISION_SMILE_MODE=sandbox or "
            "production, with its keys"
        )
    source = SmileSource(
        settings.base_url,
        settings.smile_api_key.get_secret_value(),
        settings.smile_api_secret.get_secret_value(),
        clock=SystemClock(),
    )
    try:
        yield source
    finally:
        await source.aclose()


def _asked(
    settings: Settings, ask: Callable[[SmileWebhooks], Coroutine[Any, Any, Answer]]
) -> Answer:
    """What the vendor answers about its webhooks; raises CommandError."""

    async def run() -> Answer:
        async with open_smile(settings) as source:
            try:
                return await ask(source.webhooks)
            except ServiceError as error:
                raise CommandError(error.message, Exit.SERVER) from None

    return run_async(run())


def register(url: str, name: str, config: Path | None, form: Format) -> None:
    settings = load(config)
    secret = _newest_secret(settings)
    if urlsplit(url).scheme != "https":
        raise CommandError(f"{url} is no https:// address, and the vendor takes none else")

    async def registered(webhooks: SmileWebhooks) -> tuple[Webhook, bool]:
        for hook in await webhooks.list(vendor_deadline()):
            complete = all(map(hook.sends, NEEDED_TYPES)) and hook.is_signed_by(secret)
            if hook.url == url and complete:
                return hook, False
        return await webhooks.register(name, url, NEEDED_TYPES, secret, vendor_deadline()), True

    hook, made = _asked(settings, registered)
    _print([hook], form)
    if form is Format.TABLE:
        console().print("Registered." if made else "Registered already: nothing was changed.")


def remove(webhook_id: str, config: Path | None, form: Format) -> None:
    settings = load(config)
    if not _ID.fullmatch(webhook_id):
        raise CommandError(f"{webhook_id!r} is no id of a webhook: see `webhooks list`")

    async def removed(webhooks: SmileWebhooks) -> bool:
        return await webhooks.remove(webhook_id, vendor_deadline())

    if not _asked(settings, removed):
        raise CommandError(
            f"the vendor knows no webhook {webhook_id}: see `webhooks list`", Exit.FINDINGS
        )
    if form is Format.JSON:
        print_json({"removed": webhook_id})
        return
    print_lines(f"{webhook_id} is removed.")


def list_webhooks(config: Path | None, form: Format) -> None:

    async def listed(webhooks: SmileWebhooks) -> tuple[Webhook, ...]:
        return await webhooks.list(vendor_deadline())

    found = _asked(load(config), listed)
    _print(found, form)
    lacking = list(NEEDED_TYPES)
    for hook in found:
        lacking = [one for one in lacking if not hook.sends(one)]
    if lacking:
        raise CommandError(
            f"nothing sends {', '.join(lacking)}: `webhooks register` again, then "
            "`webhooks remove` the old one",
            Exit.FINDINGS,
        )


def send_test(url: str, config: Path | None, tls_ca: Path | None, form: Format) -> None:
    secret = _newest_secret(load(config))
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise CommandError(f"{url} is neither https:// nor of this machine")
    trusted = trusting(tls_ca)
    signed = _post(url, secret, trusted)
    forged = _post(url, secret + "-forged", trusted)
    if form is Format.JSON:
        print_json({"signed": signed, "forged": forged})
    else:
        answers = f"signed event: HTTP {signed}; forged event: HTTP {forged}"
        console().print(answers, highlight=False)
    if (signed, forged) != (200, 401):
        raise CommandError(
            "a signed event should be answered with 200 and a forged one with 401: check the "
            "address, and that the server has the same DECISION_WEBHOOK_SECRETS",
            Exit.FINDINGS,
        )


def _newest_secret(settings: Settings) -> str:
    secrets = settings.secrets_of_webhooks
    if not secrets:
        raise CommandError("no secret is set: put one into DECISION_WEBHOOK_SECRETS (or …_FILE)")
    return secrets[0].decode()


def _post(url: str, secret: str, trusted: ssl.SSLContext | bool) -> int:
    event = {
        "id": f"et-test-{uuid.uuid4().hex}",
        "version": "v1",
        "type": "WEBHOOK_TEST",
        "createdAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "data": {},
    }
    body = json.dumps(event).encode()
    headers = {
        "content-type": "application/json",
        "smile-signature": signature(body, secret.encode()),
    }
    try:
        with httpx2.Client(verify=trusted, timeout=_TEST_SECONDS, trust_env=False) as client:
            answer = client.post(url, content=body, headers=headers)
    except httpx2.HTTPError:
        raise CommandError(f"{url} cannot be reached", Exit.SERVER) from None
    return answer.status_code


def _print(found: tuple[Webhook, ...] | list[Webhook], form: Format) -> None:
    if form is Format.JSON:
        print_json([
            {"id": hook.id, "name": hook.name, "url": hook.url, "active": hook.active,
             "event_types": list(hook.event_types)}
            for hook in found
        ])  # fmt: skip
        return
    columns = ("webhook", "name", "address", "active", "events")
    rows = table(*columns)
    for hook in found:
        active = "yes" if hook.active else "no"
        rows.add_row(hook.id, hook.name, hook.url, active, str(len(hook.event_types)))
    print_table(rows)
