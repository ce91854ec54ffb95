"""A caller's place in a fetch that others may share."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from decision_service.domain.errors import UpstreamUnavailable
from decision_service.domain.needs import FetchPlan
from decision_service.pipeline.ports import Clock
from decision_service.single_flight import SingleFlight, Waiter, WorkStopped
from decision_service.smile.reading.fetch import SnapshotFetch, unanswered
from decision_service.smile.reading.readiness import not_ready

Fetches: TypeAlias = SingleFlight[tuple[str, FetchPlan], SnapshotFetch, None]
"""The fetches in progress, one per applicant and plan."""


def fetches() -> Fetches:
    """No fetches yet; the reserved requests of a fetch are released when it ends."""
    return SingleFlight(SnapshotFetch.run, on_end=lambda fetch: fetch.budget.reservation.release())


async def follow(
    place: Waiter[SnapshotFetch, None], clock: Clock, stop_at: float, wait_until: float
) -> None:
    """Return when the fetch has ended, or at the deadline where the vendor has answered.

    A fetch has the deadline of its most patient caller. Raises what the fetch raised; DataNotReady
    when data is still arriving at the end of the caller's patience, DeadlineMissed when the vendor
    has not answered by `stop_at`, UpstreamUnavailable when the service shuts down.
    """
    budget, arrival = place.job.budget, place.job.arrival
    budget.stop_at = max(budget.stop_at, stop_at)
    arrival.wait_until = max(arrival.wait_until, wait_until)
    if await _ended(place, min(stop_at, wait_until) - clock.monotonic()):
        return
    if await _ended(place, stop_at - clock.monotonic(), arrival.waiting):
        return
    if arrival.waiting.done():
        raise not_ready(arrival.waiting.result())
    if not budget.answered:
        raise unanswered()


async def _ended(
    place: Waiter[SnapshotFetch, None], seconds: float, *signals: asyncio.Future[int]
) -> bool:
    """Whether the fetch ended while its caller waited; raises as `follow` does."""
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
