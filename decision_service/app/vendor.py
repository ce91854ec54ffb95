"""The port to a vendor of income data, and the one place that opens the vendor of the settings."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Protocol

import msgspec
from opentelemetry.trace import Tracer

from decision_service.casework.onboarding import Enrolment
from decision_service.decide.events import EventReader
from decision_service.domain.ports import Clock, SnapshotSource
from decision_service.domain.snapshot import Provider
from decision_service.domain.vendor import VendorStatus, Webhooks
from decision_service.runtime.clock import ClockGuard
from decision_service.runtime.config import OFFLINE_KEY, OFFLINE_SECRET
from decision_service.runtime.settings import WIDGET_SCRIPT, Settings, SmileMode

_WIDGET_APIS = {
    SmileMode.SANDBOX: "https://link-sandbox.smileapi.io/v1",
    SmileMode.PRODUCTION: "https://link.smileapi.io/v1",
}


class Vendor(SnapshotSource, Protocol):
    """What the service asks of a vendor: data, onboarding, events, and how it is.

    States of accounts, types of providers and of events, and errors of accounts are the words of
    `domain.accounts` and `decide.events`: an adapter says in them what its vendor says in others.
    """

    @property
    def enrolment(self) -> Enrolment:
        """Creates applicants, gives link tokens, revokes accounts."""

    @property
    def webhooks(self) -> Webhooks:
        """Where the vendor sends events, for the commands of operators."""

    @property
    def events(self) -> EventReader:
        """Knows the vendor's events, and how they are signed."""

    @property
    def status(self) -> VendorStatus:
        """How the vendor is, now."""

    def nudge(self, user_id: str) -> None:
        """Make readings that wait for this user's data look at once: an event has arrived."""

    def providers(self) -> Collection[Provider]:
        """The vendor's last good list of providers; empty until one was read."""

    async def refresh_providers(self) -> bool:
        """Read the list of providers; False where it could not be read."""

    async def aclose(self) -> None:
        """End what is in progress, and close connections."""


class OpenVendor(msgspec.Struct, frozen=True):
    """`url` is where applicants' data comes from, `widget` the script and the API of the widget."""

    vendor: Vendor
    url: str
    widget: tuple[str, str]


async def open_vendor(
    settings: Settings,
    clock: Clock,
    guard: ClockGuard,
    *,
    tracer: Tracer,
    stack: AsyncExitStack,
) -> OpenVendor:
    """The vendor of the settings, closed by the stack."""
    # The one import of an adapter in what serves: another vendor's takes its place here.
    from decision_service.smile.limits import SmileLimits
    from decision_service.smile.source import SmileSource

    url, widget = await _where(settings, clock, stack)
    key = OFFLINE_KEY
    secret = OFFLINE_SECRET
    if settings.smile_mode is not SmileMode.EMBEDDED:
        key = settings.smile_api_key.get_secret_value()
        secret = settings.smile_api_secret.get_secret_value()
    limits = SmileLimits(
        requests_per_second=settings.smile_requests_per_second,
        first_sync=timedelta(seconds=settings.first_sync_wait),
    )
    source = SmileSource(url, key, secret, clock=clock, limits=limits, tracer=tracer, guard=guard)
    stack.push_async_callback(source.aclose)
    return OpenVendor(source, url, widget)


async def _where(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> tuple[str, tuple[str, str]]:
    """Where data is read, and the widget's script and API."""
    if settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.base_url, (WIDGET_SCRIPT, _WIDGET_APIS[settings.smile_mode])
    from decision_service.standin.server import embedded  # the one way to it from what serves

    standin = embedded((OFFLINE_KEY, OFFLINE_SECRET), clock.now)
    return await stack.enter_async_context(standin)
