"""Work that callers share or wait for: single flight, a lock for each user, the bulkhead, caches
that forget erased users.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypeAlias, TypeVar

from cachetools import LRUCache
from msgspec import Struct

from decision_service.domain.errors import Overloaded

Key = TypeVar("Key")
Job = TypeVar("Job")
Result = TypeVar("Result")
Value = TypeVar("Value")

LIMIT = 256
"""How many decisions are in progress at most, unless the settings say otherwise."""

UserKey: TypeAlias = tuple[str, ...]
"""The user's id, then the rest of the key."""


class WorkStopped(Exception):
    """The work was cancelled from outside while a caller waited for its result."""


class _Flight(Struct, Generic[Job, Result], eq=False):
    job: Job
    task: asyncio.Task[Result]
    callers: int = 0
    sealed: bool = False

    @property
    def over(self) -> bool:
        """Whether the work has ended or is being cancelled, so that it cannot be joined."""
        return self.task.done() or self.task.cancelling() > 0


class Waiter(Struct, Generic[Job, Result], eq=False):
    """One caller of a flight; `began` where this caller's `join` began the work.

    `job` is what `SingleFlight.join` was given by whoever began it.
    """

    began: bool
    _flight: _Flight[Job, Result]

    @property
    def job(self) -> Job:
        return self._flight.job

    async def result(self, seconds: float, *signals: asyncio.Future[Any]) -> Result:
        """The work's result, waited for at most `seconds`, or until one of the signals is done.

        Raises TimeoutError where the work goes on by then, what the work raised, or WorkStopped.
        """
        task = self._flight.task
        if not task.done():
            # `wait_for` would cancel the task at the end of the time, and others wait for it too.
            await asyncio.wait(
                [task, *signals], timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED
            )
        if not task.done():
            raise TimeoutError
        if task.cancelled():
            # CancelledError would say that the caller itself is to stop.
            raise WorkStopped
        return task.result()


class SingleFlight(Generic[Key, Job, Result]):
    """Does each job on a task of its own: it goes on when one of its callers leaves.

    When the last caller leaves, the work is cancelled, unless it is sealed by then. A key whose
    work is being cancelled is free for a new job, which begins once the old one has ended.
    `on_end` is called for every job that has ended, also for one cancelled before it ran.
    """

    def __init__(
        self,
        work: Callable[[Job], Coroutine[Any, Any, Result]],
        on_end: Callable[[Job], object] = lambda _: None,
    ) -> None:
        self._work = work
        self._on_end = on_end
        self._flights: dict[Key, _Flight[Job, Result]] = {}
        self._tasks: set[asyncio.Task[Result]] = set()

    @contextmanager
    def join(self, key: Key, job: Callable[[], Job]) -> Iterator[Waiter[Job, Result]]:
        """Join the work of this key for the block; `job` makes the job of new work.

        Raises what `job` raises, and nothing has begun then.
        """
        flight = self._flights.get(key)
        began = flight is None or flight.over
        if flight is None or began:
            flight = self._begin(key, job(), flight)
        flight.callers += 1
        try:
            yield Waiter(began, flight)
        finally:
            flight.callers -= 1
            if not flight.callers and not flight.sealed:
                flight.task.cancel()

    def seal(self, key: Key) -> None:
        """Let the work of this key go on even without callers."""
        self._flights[key].sealed = True

    def jobs(self) -> dict[Key, Job]:
        return {key: flight.job for key, flight in self._flights.items()}

    async def aclose(self) -> None:
        """Cancel all work and wait for its end; waiting callers get WorkStopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, key: Key, job: Job, before: _Flight[Job, Result] | None
    ) -> _Flight[Job, Result]:
        # The new work waits for the end of the old: of one key never two are done at a time.
        work = self._work(job) if before is None else self._after(before, job)
        task = asyncio.create_task(work)
        flight = self._flights[key] = _Flight(job, task)
        # The event loop has weak references alone: a task that nothing holds may disappear.
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._ended(key, flight))
        return flight

    async def _after(self, before: _Flight[Job, Result], job: Job) -> Result:
        # `wait`, since how the old work ended is no matter of the new one's callers.
        await asyncio.wait([before.task])
        return await self._work(job)

    def _ended(self, key: Key, flight: _Flight[Job, Result]) -> None:
        self._tasks.discard(flight.task)
        # The key may have gone over to other work, which began while this was cancelled.
        if self._flights.get(key) is flight:
            del self._flights[key]
        self._on_end(flight.job)
        if not flight.task.cancelled():
            # Callers have it; asyncio logs an exception that was never asked for.
            flight.task.exception()


class _Line(Struct):
    lock: asyncio.Lock
    waiting: int = 0


class UserLocks:
    """A lock for each user."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def of(self, user_id: str) -> AsyncIterator[bool]:
        """Wait for the user's turn, until the block ends; whether others had theirs before."""
        # Without it many at once would be decided over and over: each moves the others' history.
        line = self._lines.setdefault(user_id, _Line(asyncio.Lock()))
        # Counted before the lock is had, so that those in the queue keep the line.
        waited = line.waiting > 0
        line.waiting += 1
        try:
            async with line.lock:
                yield waited
        finally:
            line.waiting -= 1
            # Else a lock would stay for every user who was ever decided on.
            if not line.waiting:
                del self._lines[user_id]


class Bulkhead:
    """At most `limit` pieces of work in progress; twice as many may wait, first come, first served.

    `async with bulkhead:` raises Overloaded without waiting where the queue is full, or while
    `shedding` is set.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.shedding = False
        self.working = self.waiting = self.refused = 0
        self._slots = asyncio.Semaphore(limit)

    async def __aenter__(self) -> None:
        # Before any work, so that what is refused costs the vendor no request.
        if self.shedding or (self._slots.locked() and self.waiting >= 2 * self.limit):
            self.refused += 1
            raise Overloaded("more work is in progress and waiting than this process takes: retry")
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        self.working += 1

    async def __aexit__(self, *_: object) -> None:
        self.working -= 1
        self._slots.release()


class UserCache(LRUCache[UserKey, Value]):
    """A least-recently-used cache of at most `most` entries, or of that total `size`.

    An entry that is larger than the whole cache is kept alone. For use on one thread.
    """

    def __init__(self, most: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        # The library refuses a value that is larger than the whole cache.
        def bounded(value: Value) -> int:
            return min(size(value), most)

        super().__init__(most, getsizeof=bounded)
        self.forgotten = 0
        self._of_user: dict[str, set[UserKey]] = {}

    def __setitem__(self, key: UserKey, value: Value) -> None:
        super().__setitem__(key, value)
        self._of_user.setdefault(key[0], set()).add(key)

    # The library deletes by it what makes room, so that the index follows.
    def __delitem__(self, key: UserKey) -> None:
        super().__delitem__(key)
        keys = self._of_user[key[0]]
        keys.discard(key)
        if not keys:
            del self._of_user[key[0]]

    def keep(self, key: UserKey, value: Value, since: int) -> None:
        """Store a value read while `forgotten` was `since`, unless it has risen since."""
        if self.forgotten == since:
            self[key] = value

    def forget(self, user_id: str) -> None:
        """Drop a user's values, and refuse those being read now."""
        # Raised for any user: what is being read of others is lost to the cache, and no more.
        self.forgotten += 1
        # A copy, since each deletion changes the set.
        for key in tuple(self._of_user.get(user_id, ())):
            del self[key]
