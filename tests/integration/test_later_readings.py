"""What a stored reading leaves for later: late data, when pay comes, and a loan that ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.casework.review_steps import By, ReviewStep, claim, request_data
from decision_service.casework.reviews import DecideAgain
from decision_service.decide.refresh import EventResult, EventWorker, sweep
from decision_service.decide.replay import ReadDecisions
from decision_service.decide.snapshots import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.reviews import ReviewAction
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.standin.faults import Fault
from decision_service.standin.linking import LinkSessions
from decision_service.standin.sandbox import sandbox, sandbox_people
from decision_service.standin.world import Person, World, WorldMaker
from tests.fakes.world import NOW
from tests.integration.refreshing import Desk, Heard, opened

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from decision_service.casework.review_log import RecordedReview
    from decision_service.domain.ports import StoredEntry

UNREADABLE = Fault("status", "/contributions", settings={"status": 503})

SYNCING = Fault("task_running", "/tasks")

LAST = NOW + timedelta(days=9)


class Dying:
    """A process that dies before anything is noted."""

    async def arrived(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Note nothing."""
        raise StoreUnavailable("the process has died")

    async def never_whole(self, user_id: str, kinds: Collection[Kind]) -> None:
        """Note nothing."""
        raise StoreUnavailable("the process has died")


class Unheard:
    """Hears of nothing that is asked for here."""

    def __call__(self, step: ReviewStep) -> None:
        """Take no note."""


class Late:
    """A referral for data that is not whole, and a process that waits for it."""

    def __init__(self, desk: Desk, review_id: str, user_id: str) -> None:
        self.desk, self.user_id, self._review_id = desk, user_id, review_id
        archive = RulesetArchive(desk.store, lambda: desk.rules, CompilationThread())
        read, reviews = ReadDecisions(desk.store, archive), desk.store.reviews
        self.again = DecideAgain(reviews, read, desk.deciding, desk.clock, Unheard())
        desk.worker.listener = self.again

    @classmethod
    async def of(cls, desk: Desk, made: StoredEntry) -> Late:
        """The process that waits with the review of a referral."""
        assert made.outcome is Outcome.REFER
        (review,) = await desk.store.reviews.of_decision(made.decision_id)
        return cls(desk, review.review_id, made.user_id)

    async def arrives(self) -> None:
        """The vendor says so."""
        await self.desk.event(self.user_id, "TASK_FINISHED", kinds=(Kind.CONTRIBUTIONS,))

    async def asked_for(self, kind: Kind) -> None:
        """Ana puts the review aside until there is data of this kind."""
        by, reviews = By("ana", "", self.desk.clock.now()), self.desk.store.reviews
        await reviews.step(self._review_id, lambda review, _: claim(review, by))
        wait = partial(request_data, by=by, kinds=(kind,), text="")
        await reviews.step(self._review_id, lambda review, _: wait(review))

    async def later(self, seconds: float) -> bool:
        """What is due so much later is done; whether the vendor was asked."""
        self.desk.clock.wall += timedelta(seconds=seconds)
        self.desk.vendor.meter.reset()
        assert await self.desk.worker.drain()
        asked = bool(self.desk.vendor.meter.by_path())
        assert await self.again.drain()
        return asked

    async def review(self) -> RecordedReview:
        found = await self.desk.store.reviews.get(self._review_id)
        assert found is not None
        return found

    async def actions(self) -> list[str]:
        """What happened to the review, in order."""
        return [event.action.value for event in (await self.review()).events]


async def referred(desk: Desk, fault: Fault) -> Late:
    """Somebody new who is referred for data, since the vendor has this fault."""
    user_id = desk.vendor.tenant.create_user({}).id
    connect(desk, user_id)
    desk.vendor.faults.add(fault)
    late = await Late.of(desk, await desk.decide(user_id))
    assert (await late.review()).review.kind == ReferKind.DATA
    return late


def connect(desk: Desk, user_id: str) -> None:
    """Connect George's account, an hour ago."""
    tenant, person = desk.vendor.tenant, sandbox_people()[0]
    linking = LinkSessions(tenant)
    session, _ = linking.open(tenant.issue_token(user_id)["accessToken"])
    account = linking.begin(session, "sss_ph", person.user_name, person.password)
    linking.confirm(session, account.id, person.code)
    desk.clock.wall += timedelta(hours=1)


@pytest.mark.parametrize("fault", [UNREADABLE, SYNCING], ids=["unreadable", "syncing"])
async def test_data_that_becomes_whole_later_is_decided_on(tmp_path: Path, fault: Fault) -> None:
    """No second event comes: the arrival is due again, no earlier, and then decides."""
    async with opened(tmp_path) as desk:
        late = await referred(desk, fault)
        await late.arrives()
        assert await late.later(0)
        assert not await late.later(FIRST_PAUSE.seconds - 1)
        assert await late.later(1)
        assert await late.actions() == ["OPENED"]
        desk.vendor.faults.clear()
        assert not await late.later(FIRST_PAUSE.seconds - 1)
        assert await late.later(1)
        assert await late.actions() == ["OPENED", "DATA_ARRIVED", "DECIDED_AGAIN"]
        again = await desk.store.get((await late.review()).review.decided_again_as)
        assert again is not None
        assert again.outcome is Outcome.APPROVE
        assert not await late.later(PATIENCE.total_seconds())


async def test_data_that_no_event_tells_of_is_found_by_the_sweep(tmp_path: Path) -> None:
    """An account is connected and the event lost: what a reviewer waits for is decided on, once."""
    async with opened(tmp_path) as desk:
        user_id = desk.vendor.tenant.create_user({}).id
        late = await Late.of(desk, await desk.decide(user_id))
        await late.asked_for(Kind.CONTRIBUTIONS)
        seen = []
        for connects in (False, True, False):
            if connects:
                connect(desk, user_id)
            assert await sweep(desk.store, desk.refresh, late.again, pace=0) == 1
            assert await late.again.drain()
            seen.append((await late.actions())[3:])
        assert seen == [[], ["DATA_ARRIVED", "DECIDED_AGAIN"], ["DATA_ARRIVED", "DECIDED_AGAIN"]]


@pytest.mark.long
async def test_data_that_never_becomes_whole_is_left_to_a_person(tmp_path: Path) -> None:
    """Read ever more rarely for four hours; then the history says so, once, and nothing decides."""
    async with opened(tmp_path) as desk:
        late = await referred(desk, UNREADABLE)
        await late.arrives()
        readings, began = int(await late.later(0)), desk.clock.wall
        while await desk.store.pending(1, LAST, withdrawals=False):
            readings += await late.later(30)
        assert readings == 15
        assert PATIENCE <= desk.clock.wall - began < PATIENCE + LONGEST_PAUSE
        found = await late.review()
        assert (found.review.state, len(found.events)) == ("OPEN", 2)
        assert found.events[-1].action is ReviewAction.NOT_DECIDED_AGAIN
        assert found.events[-1].text == (
            "Smile said that data had arrived, but it could not be read whole within 4 hours: "
            "a person has to take the review"
        )
        desk.vendor.faults.clear()
        await late.arrives()
        await late.later(0)
        assert (await late.actions())[-2:] == ["DATA_ARRIVED", "DECIDED_AGAIN"]


@pytest.mark.parametrize("fault", [(), (UNREADABLE,)], ids=["whole", "never"])
async def test_a_process_that_dies_before_it_is_done_leaves_the_arrival(
    tmp_path: Path, fault: tuple[Fault, ...]
) -> None:
    """Whether it was about to note whole data or the end of the patience, the next one does it."""
    async with opened(tmp_path) as desk:
        late, heard = await referred(desk, UNREADABLE), Heard()
        await late.arrives()
        await late.later(0)
        desk.vendor.faults.clear()
        desk.vendor.faults.add(*fault)
        desk.clock.wall += PATIENCE
        dying = EventWorker(desk.store, desk.refresh, desk.clock)
        dying.listener = Dying()
        assert not await dying.drain()
        desk.worker.listener = heard
        assert not await late.later(0)
        assert await late.later(LONGEST_PAUSE.seconds)
        told = [(late.user_id, {Kind.CONTRIBUTIONS})]
        assert (heard.never if fault else heard.whole) == told
        assert (heard.whole if fault else heard.never) == []


async def test_an_outage_gives_nothing_up(tmp_path: Path) -> None:
    """However long the vendor cannot be asked at all, the arrival is read once it answers."""
    async with opened(tmp_path) as desk:
        late, heard = await referred(desk, UNREADABLE), Heard()
        desk.worker.listener = heard
        await late.arrives()
        await late.later(0)
        desk.vendor.faults.clear()
        desk.vendor.faults.add(Fault("status", settings={"status": 401}))
        for _ in range(3):
            desk.clock.wall += PATIENCE
            assert not await desk.worker.drain()
        desk.vendor.faults.clear()
        assert await late.later(PATIENCE.total_seconds())
        assert heard.whole == [(late.user_id, {Kind.CONTRIBUTIONS})]


GEORGE = sandbox_people()[0].user_id

SMALL = {"requested_amount": Money("PHP", 500_000), "requested_term_months": 6}


async def test_each_reading_goes_on_from_the_last(tmp_path: Path) -> None:
    """Decisions and events read; the pay periods that end between are seen, those before are not.

    A decision by the stored reading, an erasure and a reading after a long pause change nothing,
    forget all and begin anew.
    """
    async with opened(tmp_path) as desk:
        await desk.decide(GEORGE, inputs=SMALL)
        [first] = (await desk.stored(GEORGE)).watches
        assert (first.sights, first.since) == ((), first.latest.date())

        desk.clock.wall = NOW + timedelta(days=8)
        await desk.decide(GEORGE, inputs=SMALL)
        [second] = (await desk.stored(GEORGE)).watches
        assert [end for end, _ in second.sights] == [date(2026, 11, 30)]
        assert second.sights[0][1] == second.latest
        assert second.since == first.since

        await desk.decide(GEORGE, inputs=SMALL)
        assert (await desk.stored(GEORGE)).watches == (second,)

        desk.clock.wall = NOW + timedelta(days=23)
        assert await desk.refresh.refresh(GEORGE) is EventResult.REFRESHED
        [third] = (await desk.stored(GEORGE)).watches
        assert [end for end, _ in third.sights] == [date(2026, 11, 30), date(2026, 12, 15)]

        desk.clock.wall = NOW + timedelta(days=60)
        await desk.decide(GEORGE, inputs=SMALL)
        [fourth] = (await desk.stored(GEORGE)).watches
        assert fourth.sights == third.sights
        assert fourth.since == fourth.latest.date()

        await desk.store.erase(GEORGE, None)
        desk.clock.wall = NOW + timedelta(days=61)
        await desk.decide(GEORGE, inputs=SMALL)
        [fresh] = (await desk.stored(GEORGE)).watches
        assert fresh.sights == ()


INSTALMENT = 922.90


def until_the_first_day(instalments: int, *, others: bool) -> WorldMaker:
    """George owes so many instalments at first, and later his scheme lists that loan no more."""

    (first,) = (loan for one in george(NOW.date()).sources for loan in one.of("liabilities"))
    loan = first | {"outstandingBalance": round(instalments * INSTALMENT, 2)}
    housing = loan | {"id": f"{loan['id'][:-1]}0", "type": "Housing Loan", "referenceId": "H-1"}

    def world(day: date) -> World:
        listed = (loan,) * (day <= NOW.date()) + (housing,) * others
        person, found = george(day), sandbox(day)
        sources = tuple(
            replace(one, items={**one.items, "liabilities": listed})
            if one.of("liabilities")
            else one
            for one in person.sources
        )
        changed = replace(person, sources=sources)
        return World(day, {**found.builders, GEORGE: lambda: changed}, found.faults)

    return world


def george(day: date) -> Person:
    """He as the sandbox has him on a day."""
    found = sandbox(day).person(GEORGE)
    assert found is not None
    return found


def outcome_of(entry: StoredEntry) -> tuple[str, list[str]]:
    """The outcome of a decision, and its reasons."""
    made = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
    outcome = pb.Outcome.Name(made.outcome).removeprefix("OUTCOME_")
    return outcome, [reason.code for reason in made.reasons]


@pytest.mark.parametrize("others", [False, True], ids=["the only one", "one of two"])
async def test_a_loan_that_was_paid_off_refers_nobody(tmp_path: Path, *, others: bool) -> None:
    """With two instalments left on the first day, and gone from the list on days 9 and 40."""
    async with opened(tmp_path, until_the_first_day(2, others=others)) as desk:
        for days in (0, 9, 40):
            desk.clock.wall = NOW + timedelta(days=days)
            made = await desk.decide(GEORGE, inputs=SMALL)
            assert outcome_of(made) == ("APPROVE", []), days
