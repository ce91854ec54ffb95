"""One reading per applicant and plan at a time, whoever asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from decision_service.domain.errors import UpstreamUnavailable
from decision_service.domain.needs import FetchPlan
from decision_service.pipeline.ports import Clock
from decision_service.smile.reading.fetch import Reading, unanswered
from decision_service.smile.reading.readiness import not_ready

Key = tuple[str, FetchPlan]


class Shared:
    """A reading in progress and how many wait for it; it has the time of the most patient."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.callers = 0
        self.task = asyncio.create_task(reading.run())
        self.task.add_done_callback(_look_at)
        self.task.add_done_callback(lambda _: reading.allowance.promise.end())

    def extend(self, stop_at: float, wait_until: float) -> None:
        """Somebody is willing to wait until then."""
        allowance, arrival = self.reading.allowance, self.reading.arrival
        allowance.stop_at = max(allowance.stop_at, stop_at)
        arrival.wait_until = max(arrival.wait_until, wait_until)

    async def follow(self, clock: Clock, stop_at: float, wait_until: float) -> None:
        """Return when the reading has ended, or the caller's time has and something was found.

        Raises what the reading raised; DataNotReady when data is still arriving at the end of the
        caller's patience, DeadlineMissed when the vendor has not answered by `stop_at`.
        """
        await self._pass(clock, min(stop_at, wait_until))
        if not self.task.done():
            await self._pass(clock, stop_at, self.reading.arrival.waiting)
        if self.task.done():
            self._result()
        elif self.reading.arrival.waiting.done():
            raise not_ready(self.reading.arrival.waiting.result())
        elif not self.reading.allowance.answered:
            raise unanswered()

    async def _pass(self, clock: Clock, until: float, *signals: asyncio.Future[int]) -> None:
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


def _look_at(task: asyncio.Task[None]) -> None:
    """Nobody may be left to hear of an error; that is not worth a warning."""
    if not task.cancelled():
        task.exception()


class Sharing:
    """The readings in progress; each ends when it is done or when its last caller leaves."""

    def __init__(self) -> None:
        self._shared: dict[Key, Shared] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def join(self, key: Key, start: Callable[[], Reading]) -> tuple[Shared, bool]:
        """The reading of this key, begun when there is none; True for whoever began it."""
        shared = self._shared.get(key)
        began = shared is None
        if shared is None:
            shared = self._shared[key] = Shared(start())
        shared.callers += 1
        return shared, began

    def leave(self, key: Key, shared: Shared) -> None:
        """A caller has what it wanted, or gave up; the last one's leaving cancels the work."""
        shared.callers -= 1
        if shared.callers:
            return
        del self._shared[key]
        if not shared.task.done():
            self._ending.add(shared.task)
            shared.task.add_done_callback(self._ending.discard)
            shared.task.cancel()

    def nudge(self, user_id: str) -> None:
        """Have every reading of this user look again now for data that is still arriving."""
        for (whose, _), shared in self._shared.items():
            if whose == user_id:
                shared.reading.arrival.nudge()

    async def aclose(self) -> None:
        """Cancel every reading and wait until all have ended."""
        tasks = {shared.task for shared in self._shared.values()} | self._ending
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
