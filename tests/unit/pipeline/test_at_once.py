"""Deciding at once: what the long way would come to, without its waits, or nothing at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.errors import InputInvalid, ProductUnknown, StoreUnavailable
from decision_service.domain.money import Money
from decision_service.pipeline.application import Application
from decision_service.pipeline.arm_figures import Counted
from decision_service.pipeline.decide import DecideApplication
from decision_service.pipeline.ports import Entry, ReplyStyle, StoredEntry
from decision_service.pipeline.room import WorkRoom
from decision_service.pipeline.rulebook import Rulebook
from decision_service.pipeline.run import Call
from decision_service.pipeline.warm import Ages, WarmShelf
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, World, application
from tests.unit.pipeline.test_admission import LIVE, products
from tests.unit.pipeline.test_warm import Vendor

amounts = st.integers(100_000, 20_000_000)
terms = st.sampled_from([3, 6, 12])


class Log(InMemoryDecisionLog):
    """A log that cannot be written while it is `full`, and whose commits wait while it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.go = asyncio.Event()
        self.go.set()

    async def commit(self, entry: Entry) -> StoredEntry:
        await self.go.wait()
        if self.full:
            raise StoreUnavailable("the store is full: make room")
        return await super().commit(entry)


@dataclass
class Answers:
    """What was told of decisions that were taken over."""

    told: list[tuple[StoredEntry | None, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, stored: StoredEntry | None, request_id: str) -> None:
        self.told.append((stored, request_id))
        self.came.set()

    async def next(self) -> tuple[StoredEntry | None, str]:
        await self.came.wait()
        self.came.clear()
        return self.told[-1]


class Desk:
    """One world with an applicant whose reading is warm after `warmed`."""

    def __init__(self) -> None:
        self.log, self.vendor = Log(), Vendor()
        self.world = World(self.vendor, self.log)
        self.world.warm = WarmShelf(self.log, Ages())
        self.beside = self.world.beside()
        self.decide: DecideApplication = self.world.decide(beside=self.beside)
        self.answers = Answers()

    @property
    def room(self) -> WorkRoom:
        return self.decide._room

    async def warmed(self) -> Desk:
        """After a cold decision and the first warm one, which reads the stored snapshot."""
        for number in range(2):
            await self.decide(application(request_id=f"before-{number}"), self.world.call())
        return self

    def begin(self, asked: Application, call: Call | None = None) -> bool:
        return self.decide.at_once(asked, call or self.world.call(), self.answers)

    def nothing_is_left(self) -> bool:
        """No place is taken, nothing is in progress."""
        return not self.room.working and not self.decide._runs and self.beside.counters.is_idle


@settings(deadline=None, max_examples=60)
@given(amounts, terms, st.booleans(), st.sampled_from(["", "r-9"]))
def test_it_is_the_decision_of_the_long_way(
    minor: int, term: int, full: bool, request_id: str
) -> None:
    """In two worlds alike, both ways record the same entry and tell the same reply."""
    asked = application(
        request_id=request_id,
        inputs={"requested_amount": Money("PHP", minor), "requested_term_months": term},
        style=ReplyStyle(full=full),
    )

    async def both() -> tuple[StoredEntry | None, StoredEntry]:
        quick, long = await Desk().warmed(), await Desk().warmed()
        assert quick.begin(asked)
        stored, _ = await quick.answers.next()
        return stored, await long.decide(asked, long.world.call())

    at_once, waited = asyncio.run(both())
    assert at_once == waited


async def test_it_is_recorded_and_counted_once() -> None:
    """The log holds what was told, its arm is counted, and nothing is left in progress."""
    desk = await Desk().warmed()
    before = desk.log.commits
    assert desk.begin(application())
    stored, request_id = await desk.answers.next()
    assert request_id == "r-1"
    assert stored is not None
    assert await desk.log.find("anonymous", "r-1") == stored
    assert desk.log.commits == before + 1
    assert desk.nothing_is_left()
    await desk.beside.counters.flush()
    totals = await desk.log.totals(stored.product, NOW - timedelta(hours=2), 1)
    assert sum(total.count for total in totals if total.counted is Counted.OUTCOME) == 3


async def test_a_cold_applicant_is_left_to_the_long_way() -> None:
    """Without a reading that is remembered nothing is begun."""
    desk = Desk()
    assert not desk.begin(application())
    assert desk.nothing_is_left()


@pytest.mark.parametrize("minutes", [16, 25 * 60])
async def test_a_reading_that_must_be_looked_at_is_left_to_the_long_way(minutes: int) -> None:
    """Neither an account list nor data past its age decides at once."""
    desk = await Desk().warmed()
    desk.world.clock.wall += timedelta(minutes=minutes)
    assert not desk.begin(application())
    assert desk.nothing_is_left()


async def test_a_clock_that_went_back_is_left_to_the_long_way() -> None:
    """There the decision becomes a REFER."""
    desk = await Desk().warmed()
    desk.world.clock.wall -= timedelta(seconds=6)
    assert not desk.begin(application())


async def test_a_quarantined_reading_decides_nothing() -> None:
    """What the store refuses is told as nothing, and the long way reads anew."""
    desk = await Desk().warmed()
    await desk.log.quarantine("u-1", NOW + timedelta(seconds=1))
    assert desk.begin(application())
    assert await desk.answers.next() == (None, "r-1")
    assert await desk.log.find("anonymous", "r-1") is None
    assert desk.nothing_is_left()


async def test_no_place_no_time_no_decision() -> None:
    """Work that waits goes first, and too little time is the long way's to tell."""
    desk = await Desk().warmed()
    assert not desk.begin(application(), desk.world.call(seconds=0.2))
    desk.room.shedding = True
    assert not desk.begin(application())
    desk.room.shedding = False
    desk.room.limit = 0
    assert not desk.begin(application())


async def test_errors_are_raised_and_leave_nothing() -> None:
    """What the long way tells as an error is raised before anything is begun."""
    desk = await Desk().warmed()
    with pytest.raises(ProductUnknown):
        desk.begin(application(product="no-such"))
    with pytest.raises(InputInvalid):
        desk.begin(application(inputs={"requested_amount": "much"}))
    assert desk.nothing_is_left()


async def test_a_taken_request_id_gives_the_first_answer() -> None:
    """The same content is told what was recorded; nothing is decided or counted twice."""
    desk = await Desk().warmed()
    first = await desk.decide(application(), desk.world.call())
    assert desk.begin(application())
    assert await desk.answers.next() == (first, "r-1")
    assert desk.nothing_is_left()


async def test_a_taken_request_id_with_other_content_is_told_nothing() -> None:
    """The long way says that the id was used."""
    desk = await Desk().warmed()
    await desk.decide(application(), desk.world.call())
    assert desk.begin(application(application_id="another"))
    assert await desk.answers.next() == (None, "r-1")
    assert desk.nothing_is_left()


async def test_a_store_that_fails_is_left_to_the_long_way() -> None:
    """Nothing is told as decided; the request id is handed over so that it is settled by it."""
    desk = await Desk().warmed()
    desk.log.full = True
    assert desk.begin(application(request_id=""))
    stored, request_id = await desk.answers.next()
    assert stored is None
    assert request_id.startswith("made-")
    assert desk.nothing_is_left()


async def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    """Fifty who ask with the id of a decision under way wait for it; other content is refused."""
    desk = await Desk().warmed()
    desk.log.go.clear()
    assert desk.begin(application())
    assert not desk.begin(application())
    others = [asyncio.create_task(desk.decide(application(), desk.world.call())) for _ in range(50)]
    await asyncio.sleep(0.01)
    desk.log.go.set()
    stored, _ = await desk.answers.next()
    assert await asyncio.gather(*others) == [stored] * 50


async def test_who_waits_for_a_commit_that_fails_decides_anew() -> None:
    """The long way of another caller goes on by itself once the store is there again."""
    desk = await Desk().warmed()
    desk.log.go.clear()
    desk.log.full = True
    assert desk.begin(application())
    other = asyncio.create_task(desk.decide(application(), desk.world.call()))
    await asyncio.sleep(0.01)
    desk.log.go.set()
    assert (await desk.answers.next())[0] is None
    desk.log.full = False
    assert (await other).request_id == "r-1"


async def test_a_rollout_that_must_ask_the_store_is_left_to_the_long_way() -> None:
    """Below 100 % only the store knows who was decided by whom."""
    desk = await Desk().warmed()
    staff_only = products(LIVE)[1]
    desk.world.book = Rulebook({staff_only.name: staff_only})
    assert not desk.begin(application())
    assert desk.nothing_is_left()
