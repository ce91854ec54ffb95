"""The vendor for commands without a server, with the keys of the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from decision_service.cli.errors import CommandError, Exit
from decision_service.clock_ids import SystemClock
from decision_service.config import Settings, SmileMode
from decision_service.smile.source import SmileSource

SECONDS = 15.0


def vendor_deadline() -> float:
    """The deadline of a command's request to the vendor (Clock.monotonic)."""
    return SystemClock().monotonic() + SECONDS


@asynccontextmanager
async def open_smile(settings: Settings) -> AsyncIterator[SmileSource]:
    """The vendor; raises CommandError in embedded mode, where only the server has a vendor."""
    if settings.smile_mode is SmileMode.EMBEDDED:
        raise CommandError(
            "there is no vendor to ask in embedded mode: set DECISION_SMILE_MODE=sandbox or "
            "production, with its keys",
            Exit.USAGE,
        )
    source = SmileSource(
        settings.base_url,
        settings.smile_api_key.get_secret_value(),
        settings.smile_api_secret.get_secret_value(),
        SystemClock(),
    )
    try:
        yield source
    finally:
        await source.aclose()
