"""What requests share: one piece of work for all who ask, kept users, leases in memory."""

from __future__ import annotations

import asyncio
import gc

import pytest

from decision_service.decide.flow import SingleFlight, UserCache, WorkStopped
from tests.fakes.in_memory import InMemoryDecisionLog, InMemoryLeases
from tests.kits.leases import LeasesKit, Replica


class Stage:
    """Work that the test lets go on when it likes, and that tells how it ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = asyncio.Event()
        self.error = error
        self.log: list[str] = []
        self.ended: list[str] = []
        self.flights: SingleFlight[str, str, str] = SingleFlight(self.work, self.ended.append)

    async def work(self, job: str) -> str:
        self.log.append(f"{job} begins")
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await turns()  # as work does that has something to close
            raise
        finally:
            self.log.append(f"{job} ends")
        if self.error is not None:
            raise self.error
        return job.upper()

    async def ask(self, job: str = "a", seconds: float = 5, key: str = "k") -> tuple[str, bool]:
        """The result, and whether this caller began the work."""
        with self.flights.join(key, lambda: job) as place:
            return await place.result(seconds), place.began

    def asked(self, job: str = "a", **kwargs: object) -> asyncio.Task[tuple[str, bool]]:
        return asyncio.create_task(self.ask(job, **kwargs))  # type: ignore[arg-type]  # as given


async def turns(number: int = 4) -> None:
    """Let whatever can go on do so."""
    for _ in range(number):
        await asyncio.sleep(0)


async def left(caller: asyncio.Task[tuple[str, bool]]) -> None:
    """A caller goes away."""
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)


async def test_all_callers_get_the_one_result() -> None:
    """Fifty callers, one job, one answer; the first one began it."""
    stage = Stage()
    callers = [stage.asked(f"job-{number}") for number in range(50)]
    await turns()
    stage.go.set()
    assert await asyncio.gather(*callers) == [("JOB-0", True)] + [("JOB-0", False)] * 49
    assert stage.log == ["job-0 begins", "job-0 ends"]


async def test_other_keys_are_other_work_and_what_has_ended_is_not_shared() -> None:
    """Each key has a job of its own, and whoever asks after the end begins anew."""
    stage = Stage()
    stage.go.set()
    assert await asyncio.gather(stage.ask("a"), stage.ask("b", key="other")) == [
        ("A", True),
        ("B", True),
    ]
    assert await stage.ask("c") == ("C", True)
    with stage.flights.join("k", lambda: "d"):
        await asyncio.sleep(0)  # the work has ended, and nobody has heard of it yet
        with stage.flights.join("k", lambda: "e") as place:
            assert (place.job, place.began) == ("e", True)
    await turns(8)
    assert stage.flights.jobs() == {}
    assert sorted(stage.ended) == ["a", "b", "c", "d", "e"]


async def test_a_caller_who_leaves_does_not_stop_the_others() -> None:
    """Cancelling the first caller leaves the second one its answer."""
    stage = Stage()
    first, second = stage.asked(), stage.asked()
    await turns()
    await left(first)
    stage.go.set()
    assert await second == ("A", False)


async def test_the_work_stops_when_the_last_caller_leaves() -> None:
    """Nobody waits, nothing runs on."""
    stage = Stage()
    callers = [stage.asked() for _ in range(2)]
    await turns()
    for caller in callers:
        await left(caller)
    await turns(8)
    assert stage.log == ["a begins", "a ends"]
    assert stage.ended == ["a"]


async def test_sealed_work_goes_on_without_callers() -> None:
    """What is being committed is committed, and whoever comes meanwhile joins it."""
    stage = Stage()
    caller = stage.asked()
    await turns()
    stage.flights.seal("k")
    await left(caller)
    late = stage.asked("b")
    await turns()
    assert stage.ended == []
    stage.go.set()
    assert await late == ("A", False)


async def test_who_comes_while_work_is_cancelled_begins_after_it() -> None:
    """Of one key never two jobs are done at a time, and nobody gets another's cancellation."""
    stage = Stage()
    first = stage.asked("a")
    await turns()
    first.cancel()
    await asyncio.sleep(0)
    stage.go.set()
    assert await stage.ask("b") == ("B", True)
    assert stage.log == ["a begins", "a ends", "b begins", "b ends"]


async def test_work_that_is_cancelled_before_it_ran_ends_too() -> None:
    """What was set aside for a job is given back although the job never began."""
    stage = Stage()
    with stage.flights.join("k", lambda: "a"):
        pass
    await turns()
    assert (stage.log, stage.ended) == ([], ["a"])


async def test_each_caller_keeps_its_own_deadline() -> None:
    """A caller without time gets TimeoutError while a patient one gets the answer."""
    stage = Stage()
    patient = stage.asked()
    await turns()
    with pytest.raises(TimeoutError):
        await stage.ask(seconds=0)
    stage.go.set()
    assert await patient == ("A", True)


async def test_a_signal_ends_one_callers_waiting() -> None:
    """Whoever waits for something else as well gets TimeoutError when that comes first."""
    stage = Stage()
    patient = stage.asked()
    await turns()
    signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    signal.set_result(None)
    with stage.flights.join("k", lambda: "b") as place:
        with pytest.raises(TimeoutError):
            await place.result(5, signal)
        assert place.job == "a"
    stage.go.set()
    assert await patient == ("A", True)


async def test_an_error_reaches_every_caller_and_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The exception is raised for each caller; the event loop has nothing to complain about."""
    stage = Stage(KeyError("x"))
    stage.go.set()
    for result in await asyncio.gather(stage.ask(), stage.ask(), return_exceptions=True):
        assert isinstance(result, KeyError)
    with stage.flights.join("k", lambda: "a") as place:
        stage.flights.seal("k")
    del place
    await turns()
    gc.collect()
    assert caplog.records == []


async def test_a_job_that_cannot_be_made_begins_nothing() -> None:
    """The error is the caller's own, and the key stays free."""
    stage = Stage()

    def refuse() -> str:
        raise KeyError("no time")

    with pytest.raises(KeyError), stage.flights.join("k", refuse):
        pass
    assert stage.flights.jobs() == {}


async def test_closing_stops_the_work_and_tells_who_waits() -> None:
    """Callers get an error of their own, and nothing runs on."""
    stage = Stage()
    waiting = stage.asked()
    await turns()
    await stage.flights.aclose()
    with pytest.raises(WorkStopped):
        await waiting
    assert stage.log == ["a begins", "a ends"]


def test_the_longest_unused_makes_room() -> None:
    """There are never more entries than was said, and asking for one keeps it."""
    cache: UserCache[int] = UserCache(2)
    cache["u-1", "a"], cache["u-2", "a"] = 1, 2
    assert cache.get(("u-1", "a")) == 1
    cache["u-3", "a"] = 3
    assert sorted(cache) == [("u-1", "a"), ("u-3", "a")]
    cache.forget("u-2")
    assert len(cache) == 2


def test_bytes_are_the_bound_where_a_size_is_given() -> None:
    """Entries make room by their sizes; one that is larger than the whole is kept alone."""
    cache: UserCache[bytes] = UserCache(10, len)
    cache["u-1", "a"], cache["u-1", "b"], cache["u-2", "a"] = bytes(4), bytes(4), bytes(6)
    assert sorted(cache) == [("u-1", "b"), ("u-2", "a")]
    cache["u-3", "a"] = bytes(11)
    assert [*cache] == [("u-3", "a")]
    cache["u-1", "a"] = bytes(1)
    assert [*cache] == [("u-1", "a")]


def test_a_user_is_forgotten_with_all_that_was_kept() -> None:
    """All entries of the user go, those of the others stay, and their room is free again."""
    cache: UserCache[bytes] = UserCache(10, len)
    cache["u-1", "a"], cache["u-1", "b"], cache["u-2", "a"] = bytes(3), bytes(3), bytes(3)
    cache.forget("u-1")
    assert [*cache] == [("u-2", "a")]
    assert cache.currsize == 3
    cache.forget("nobody")
    assert [*cache] == [("u-2", "a")]


def test_what_was_being_read_when_a_user_was_forgotten_is_not_kept() -> None:
    """A value counts only where nobody was forgotten between its reading and its keeping."""
    cache: UserCache[int] = UserCache(9)
    since = cache.forgotten
    cache.keep(("u-1", "a"), 1, since)
    cache.forget("u-1")
    cache.keep(("u-1", "a"), 2, since)
    assert [*cache] == []
    cache.keep(("u-1", "a"), 3, cache.forgotten)
    assert cache["u-1", "a"] == 3


class TestInMemoryLeases(LeasesKit):
    @pytest.fixture
    def replicas(self) -> tuple[Replica, Replica]:
        log = InMemoryDecisionLog()
        return Replica(log, InMemoryLeases(log)), Replica(log, InMemoryLeases(log))
