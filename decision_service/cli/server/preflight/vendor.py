"""Whether the vendor takes the keys and sends events, and whether the clocks agree."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from decision_service.cli.server.preflight.check import PreflightCheck
from decision_service.cli.server.vendor import vendor_deadline
from decision_service.config import (
    Settings,
)
from decision_service.domain.errors import ServiceError
from decision_service.edge.http.webhooks import PATH
from decision_service.pipeline.snapshots.events import NEEDED_TYPES
from decision_service.smile.source import SmileSource

MOST_DRIFT = 5.0
"""Seconds by which this machine's clock may differ from the vendor's."""


_SECONDS = 10.0


async def clock_check(settings: Settings) -> PreflightCheck:
    """Whether the vendor takes the key pair, and whether the two clocks agree."""
    keys = (settings.smile_api_key.get_secret_value(), settings.smile_api_secret.get_secret_value())
    url = f"{settings.base_url}/providers?size=1"
    try:
        async with httpx2.AsyncClient(auth=keys, timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(url)
    except httpx2.HTTPError:
        return PreflightCheck("vendor", False, f"{settings.base_url} cannot be reached")
    if answer.status_code != httpx2.codes.OK:
        return PreflightCheck(
            "vendor", False, f"it answers HTTP {answer.status_code}: check the key pair"
        )
    given = answer.headers.get("date")
    if given is None:
        return PreflightCheck("clock", None, "the vendor's answer holds no date to compare with")
    drift = abs((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    words = f"{drift:.0f} s beside the vendor's"
    if drift > MOST_DRIFT:
        return PreflightCheck("clock", False, f"{words}: at most {MOST_DRIFT:.0f} s, so run NTP")
    return PreflightCheck("clock", True, words)


async def vendor_checks(
    settings: Settings, source: SmileSource, trusted: ssl.SSLContext | bool
) -> AsyncIterator[PreflightCheck]:
    """Whether the key pair is of the mode, and whether the needed events are sent.

    The service's own address is verified by `trusted`.
    """
    try:
        yield await _keys(settings, source)
        yield await _webhooks(settings, source, trusted)
    except ServiceError as error:
        yield PreflightCheck("vendor", False, error.message)


async def _keys(settings: Settings, source: SmileSource) -> PreflightCheck:
    """Whether the key pair belongs to the mode; a link token shows the key pair's mode."""
    user_id = await source.enrolment.anybody(vendor_deadline())
    if user_id is None:
        return PreflightCheck("keys", None, "taken; their mode shows with the first applicant")
    token = await source.enrolment.link_token(user_id, vendor_deadline())
    wanted = settings.smile_mode.value.upper()
    if token.mode.upper() == wanted:
        return PreflightCheck("keys", True, f"taken, and of mode {token.mode}")
    return PreflightCheck(
        "keys", False, f"are of mode {token.mode} and the service runs as {wanted}"
    )


async def _webhooks(
    settings: Settings, source: SmileSource, trusted: ssl.SSLContext | bool
) -> PreflightCheck:
    if not settings.secrets_of_webhooks:
        return PreflightCheck("webhooks", None, "off: without them every decision reads the vendor")
    hooks = [one for one in await source.webhooks.list(vendor_deadline()) if one.url.endswith(PATH)]
    lacking = [one for one in NEEDED_TYPES if not any(hook.sends(one) for hook in hooks)]
    if lacking:
        words = f"{len(lacking)} needed events are not sent to {PATH}: see `webhooks register`"
        return PreflightCheck("webhooks", False, words)
    told = {hook.url: await _status(hook.url, trusted) for hook in hooks}
    refused = [url for url, status in told.items() if status != httpx2.codes.UNAUTHORIZED]
    if refused:
        return PreflightCheck(
            "webhooks", False, f"{refused[0]} does not answer as the service does"
        )
    return PreflightCheck("webhooks", True, f"registered and reached at {hooks[0].url}")


async def _status(url: str, trusted: ssl.SSLContext | bool) -> int:
    """The HTTP status of an address for an unsigned event; 0 without an answer."""
    try:
        async with httpx2.AsyncClient(verify=trusted, timeout=_SECONDS, trust_env=False) as client:
            return (await client.post(url, content=b"{}")).status_code
    except httpx2.HTTPError:
        return 0
