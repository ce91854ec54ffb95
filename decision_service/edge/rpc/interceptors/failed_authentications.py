"""Failed authentications by the client's address: counted, slowed, and told to an operator."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from cachetools import TTLCache
from prometheus_client import CollectorRegistry

from decision_service.alarms import Alarm, raised
from decision_service.instruments import counter

FORGOTTEN_AFTER = 60.0
"""Seconds without a failure after which an address begins anew."""

AT_ONCE = 10
"""Failures of an address that are answered without delay."""

SLOWED_SECONDS = 1.0
ALARM_FROM = 100
ALARM_EVERY = 1_000
MOST_ADDRESSES = 10_000

log = structlog.get_logger("decision_service.access")


class FailedAuthentications:
    """Counts failures on the event loop; `seconds` is a monotonic clock.

    A slowed answer holds one of the few places of unauthenticated calls, so that an address gets
    no more than sixteen a second.
    """

    def __init__(
        self, seconds: Callable[[], float], registry: CollectorRegistry | None = None
    ) -> None:
        self._failures: TTLCache[str, int] = TTLCache(MOST_ADDRESSES, FORGOTTEN_AFTER, seconds)
        self._counter = counter(
            registry, "failed_authentications", "Calls whose caller was not known"
        )

    def delay(self, address: str) -> float:
        """Count a failure of an address; how many seconds its answer shall wait."""
        failures: int = self._failures.get(address, 0) + 1
        self._failures[address] = failures
        self._counter.inc()
        if failures == ALARM_FROM or failures % ALARM_EVERY == 0:
            log.warning(
                "authentication fails again and again",
                alarm=raised(Alarm.AUTHENTICATION),
                address=address,
                failures=failures,
            )
        return SLOWED_SECONDS if failures > AT_ONCE else 0.0
