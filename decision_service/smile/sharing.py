"""A caller's place in a reading that others may share."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from decision_service.domain.errors import UpstreamUnavailable
from decision_service.domain.needs import FetchPlan
from decision_service.pipeline.ports import Clock
from decision_service.single_flight import Place, SingleFlight, WorkStopped
from decision_service.smile.readiness import not_ready
from decision_service.smile.reading import Reading, unanswered

Readings: TypeAlias = SingleFlight[tuple[str, FetchPlan], Reading, None]
"""The readings in progress, one per applicant and plan, whoever asks for it."""


def readings() -> Readings:
    """No readings yet; what the request limit has set aside for one ends with it."""
    return SingleFlight(Reading.run, on_end=lambda reading: reading.allowance.promise.end())


async def follow(
    place: Place[Reading, None], clock: Clock, stop_at: float, wait_until: float
) -> None:
    """Return when the reading has ended, or the caller's time has and something was found.

    A reading has the time of its most patient caller. Raises what the reading raised; DataNotReady
    when data is still arriving at the end of the caller's patience, DeadlineMissed when the vendor
    has not answered by `stop_at`, UpstreamUnavailable when the service shuts down.
    """
    allowance, arrival = place.job.allowance, place.job.arrival
    allowance.stop_at = max(allowance.stop_at, stop_at)
    arrival.wait_until = max(arrival.wait_until, wait_until)
    if await _ended(place, min(stop_at, wait_until) - clock.monotonic()):
        return
    if await _ended(place, stop_at - clock.monotonic(), arrival.waiting):
        return
    if arrival.waiting.done():
        raise not_ready(arrival.waiting.result())
    if not allowance.answered:
        raise unanswered()


async def _ended(
    place: Place[Reading, None], seconds: float, *signals: asyncio.Future[int]
) -> bool:
    """Whether the reading ended while its caller waited; raises as `follow` does."""
    try:
        await place.result(seconds, *signals)
    except TimeoutError:
        return False
    except WorkStopped:
        raise UpstreamUnavailable(
            "The reading of the applicant was stopped because the service is shutting down; "
            "send the request again",
            retry_after=1.0,
        ) from None
    return True
