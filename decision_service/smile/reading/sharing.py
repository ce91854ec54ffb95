"""One fetch per applicant and plan at a time, shared by all callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from decision_service.domain.errors import UpstreamUnavailable
from decision_service.domain.needs import FetchPlan
from decision_service.pipeline.ports import Clock
from decision_service.smile.reading.fetch import SnapshotFetch, unanswered
from decision_service.smile.reading.readiness import not_ready

Key = tuple[str, FetchPlan]


class SharedFetch:
    """A fetch in progress with the number of its callers; the most patient sets its deadline."""

    def __init__(self, fetch: SnapshotFetch) -> None:
        self.fetch = fetch
        self.callers = 0
        self.task = asyncio.create_task(fetch.run())
        self.task.add_done_callback(_consume_error)
        self.task.add_done_callback(lambda _: fetch.budget.reservation.release())

    def extend(self, stop_at: float, wait_until: float) -> None:
        """Move the deadlines of the fetch to those of a more patient caller."""
        budget, arrival = self.fetch.budget, self.fetch.arrival
        budget.stop_at = max(budget.stop_at, stop_at)
        arrival.wait_until = max(arrival.wait_until, wait_until)

    async def follow(self, clock: Clock, stop_at: float, wait_until: float) -> None:
        """Return when the fetch has ended, or at the deadline where the vendor has answered.

        Raises what the fetch raised; DataNotReady when data is still arriving at the end of the
        caller's patience, DeadlineMissed when the vendor has not answered by `stop_at`.
        """
        await self._wait(clock, min(stop_at, wait_until))
        if not self.task.done():
            await self._wait(clock, stop_at, self.fetch.arrival.waiting)
        if self.task.done():
            self._result()
        elif self.fetch.arrival.waiting.done():
            raise not_ready(self.fetch.arrival.waiting.result())
        elif not self.fetch.budget.answered:
            raise unanswered()

    async def _wait(self, clock: Clock, until: float, *signals: asyncio.Future[int]) -> None:
        left = until - clock.monotonic()
        awaited: list[asyncio.Future[None] | asyncio.Future[int]] = [self.task, *signals]
        await asyncio.wait(awaited, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)

    def _result(self) -> None:
        if self.task.cancelled():
            raise UpstreamUnavailable(
                "The reading of the applicant was stopped because the service is shutting down; "
                "send the request again",
                retry_after=1.0,
            )
        self.task.result()


def _consume_error(task: asyncio.Task[None]) -> None:
    """Retrieve the error, so that asyncio does not warn where every caller has left."""
    if not task.cancelled():
        task.exception()


class SharedFetches:
    """The fetches in progress; each ends when it is done or when its last caller leaves."""

    def __init__(self) -> None:
        self._shared: dict[Key, SharedFetch] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def join(self, key: Key, start: Callable[[], SnapshotFetch]) -> tuple[SharedFetch, bool]:
        """The fetch of this key, begun where there is none; True where this call began it."""
        shared = self._shared.get(key)
        began = shared is None
        if shared is None:
            shared = self._shared[key] = SharedFetch(start())
        shared.callers += 1
        return shared, began

    def leave(self, key: Key, shared: SharedFetch) -> None:
        """Remove a caller; without callers the fetch is cancelled."""
        shared.callers -= 1
        if shared.callers:
            return
        del self._shared[key]
        if not shared.task.done():
            self._ending.add(shared.task)
            shared.task.add_done_callback(self._ending.discard)
            shared.task.cancel()

    def nudge(self, user_id: str) -> None:
        """Make every fetch of this user poll at once for data that is still arriving."""
        for (whose, _), shared in self._shared.items():
            if whose == user_id:
                shared.fetch.arrival.nudge()

    async def aclose(self) -> None:
        """Cancel every fetch and wait until all have ended."""
        tasks = {shared.task for shared in self._shared.values()} | self._ending
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
