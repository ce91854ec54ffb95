"""Warm snapshots: when a reading serves again, and what it costs when it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.codec import snapshot_body
from decision_service.decide.gather import ACCOUNTS_ONLY
from decision_service.decide.snapshots import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PATIENCE,
    Ages,
    CachedSnapshot,
    SnapshotCache,
    covers,
    cut,
    gained,
    is_over,
    merged,
    next_reading,
    with_losses_settled,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import FetchResult, SnapshotBody, UserState, WarmMark
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    EstimatedIncome,
    KnownCount,
    Liability,
    Read,
    Snapshot,
    Task,
)
from decision_service.domain.values import AsOf, Cause, DataReason, Missing
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, World, application, steady_earner
from tests.kits.cases import cases
from tests.kits.decision_log import NOON

AGES = Ages(accounts=timedelta(minutes=15), snapshot=timedelta(hours=24))

NEVER, MAYBE, ALWAYS = WhenTransactions


@dataclass(slots=True)
class Vendor:
    """A vendor that reads what the plan asks for, five calls for data and one for accounts."""

    snapshot: Snapshot = field(default_factory=steady_earner)
    plans: list[FetchPlan] = field(default_factory=list)
    now: datetime = NOW

    async def gather(self, user_id: str, plan: FetchPlan, **given: object) -> FetchResult:
        del user_id, given
        self.plans.append(plan)
        return FetchResult(cut(self.snapshot, plan), self.now, 1 if plan == ACCOUNTS_ONLY else 5)


class Desk:
    """Deciding with warm snapshots, against a vendor that can change."""

    def __init__(self) -> None:
        self.vendor = Vendor()
        self.log = InMemoryDecisionLog()
        self.world = World(self.vendor, self.log, warm=SnapshotCache(self.log, AGES))
        self.decide = self.world.decide()
        self.made = 0

    def later(self, time: timedelta) -> None:
        self.world.clock.wall += time
        self.vendor.now = self.world.clock.wall

    async def calls(self, outcome: Outcome = Outcome.APPROVE) -> int:
        """Decide anew, and say how many of the vendor's calls that took."""
        before, self.made = len(self.vendor.plans), self.made + 1
        stored = await self.decide(application(request_id=f"w-{self.made}"), self.world.call())
        assert stored.outcome is outcome
        return sum(1 if plan == ACCOUNTS_ONLY else 5 for plan in self.vendor.plans[before:])


STARTED = Task("t-1", "a-1", "LINK_ACCOUNT", "Started", NOW, None)

FINISHED = msgspec.structs.replace(STARTED, status="Finished", finished=NOW)

UNTOLD = Missing(Cause.NOT_FETCHED, source="a-1")

TASKS = {
    "Started": STARTED,
    "Finished": FINISHED,
    "Cancelled": msgspec.structs.replace(FINISHED, status="Cancelled"),
}

SCENARIOS = cases("warm")


async def done(desk: Desk, step: dict[str, Any]) -> None:  # noqa: C901 - a case for each kind of step
    """Do what a step of a scenario does, and compare the calls that it takes."""
    vendor = desk.vendor
    match step:
        case {"calls": calls}:
            assert [await desk.calls() for _ in calls] == calls
        case {"refer": calls}:
            assert [await desk.calls(Outcome.REFER) for _ in calls] == calls
        case {"any": number}:
            for one in range(number):
                await desk.decide(application(request_id=f"any-{one}"), desk.world.call())
        case {"later": minutes}:
            desk.later(timedelta(minutes=minutes))
        case {"ahead": minutes}:
            vendor.now += timedelta(minutes=minutes)
        case {"looked": minutes}:
            last = (await desk.log.user_state("u-1")).last
            assert last is not None
            await desk.log.looked("u-1", last.snapshot_id, NOW + timedelta(minutes=minutes))
            await desk.log.user_state("u-1")
        case {"quarantine": True}:
            await desk.log.quarantine("u-1", desk.world.clock.wall)
        case {"accounts": "moved"}:
            [*rest, last] = vendor.snapshot.accounts
            moved = replace(last, monitor_updated_at=desk.world.clock.wall)
            vendor.snapshot = replace(vendor.snapshot, accounts=(*rest, moved))
        case {"fault": there}:
            fault = Missing(Cause.SOURCE_FAILED, kind=Kind.LIABILITIES)
            liabilities = Read(faults=(fault,)) if there else steady_earner().liabilities
            vendor.snapshot = replace(vendor.snapshot, liabilities=liabilities)
        case {"tasks": told}:
            known = {"none": None, "untold": Read(faults=(UNTOLD,))}
            tasks = (
                known[told] if isinstance(told, str) else Read(tuple(TASKS[one] for one in told))
            )
            vendor.snapshot = replace(vendor.snapshot, tasks=tasks)
        case _:
            pytest.fail(f"no step is called {[*step]}")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one["name"])
async def test_a_reading_serves_as_the_scenario_says(scenario: dict[str, Any]) -> None:
    """Each decision takes as many of the vendor's calls as stand there."""
    desk = Desk()
    for step in scenario["steps"]:
        await done(desk, step)


async def test_what_is_remembered_serves_without_asking_the_store() -> None:
    """Once a reading was looked up, later decisions on it read nothing before they commit."""
    desk = Desk()
    await desk.calls()
    await desk.calls()
    asked: list[str] = []
    held = desk.log.user_state

    async def watched(user_id: str) -> UserState:
        asked.append(user_id)
        return await held(user_id)

    desk.log.user_state = watched  # type: ignore[method-assign]  # the same store, overheard
    assert [await desk.calls() for _ in range(3)] == [0, 0, 0]
    assert asked == []
    await desk.log.quarantine("u-1", desk.world.clock.wall)
    desk.later(timedelta(seconds=1))
    assert await desk.calls() == 5
    assert asked == ["u-1"]


@pytest.mark.parametrize("here", [True, False], ids=["here", "elsewhere"])
async def test_an_erased_users_readings_leave_the_memory(here: bool) -> None:
    """Erased here or by another process: what was decoded is gone, and read anew from the store."""
    desk = Desk()
    read: list[str] = []
    stored = desk.log.snapshot

    async def watched(user_id: str, snapshot_id: str) -> bytes | None:
        read.append(user_id)
        return await stored(user_id, snapshot_id)

    desk.log.snapshot = watched  # type: ignore[method-assign]  # the same store, overheard
    assert [await desk.calls() for _ in range(3)] == [5, 0, 0]
    assert read == ["u-1"]
    if here:
        desk.decide.forget("u-1")
        assert await desk.calls() == 0
    else:
        await InMemoryDecisionLog(desk.log.database).erase("u-1")
        assert [await desk.calls(), await desk.calls()] == [5, 0]
    assert read == ["u-1", "u-1"]


async def test_decoded_readings_are_bounded_by_their_bytes() -> None:
    """Beyond the bound the one that was asked for longest ago is read again, and decides alike."""
    desk = Desk()
    await desk.calls()
    shelf = SnapshotCache(desk.log, AGES, most=1)
    mark = (await desk.log.user_state("u-1")).warm
    assert mark is not None
    held = await desk.log.user_state("u-1")
    first = await shelf.find("u-1", mark.plan, held, NOW)
    again = await shelf.find("u-1", mark.plan, held, NOW)
    assert first is not None
    assert again is not None
    assert again.fetch_result.snapshot is first.fetch_result.snapshot
    await desk.log.keep_warm(SnapshotBody("s-2", "u-2", body_of(first)), replaced(mark), 0)
    other = await desk.log.user_state("u-2")
    assert await shelf.find("u-2", mark.plan, other, NOW) is not None
    evicted = await shelf.find("u-1", mark.plan, held, NOW)
    assert evicted is not None
    assert evicted.fetch_result.snapshot is not first.fetch_result.snapshot
    assert evicted.fetch_result.snapshot == first.fetch_result.snapshot


async def test_a_part_of_a_reading_is_cut_once() -> None:
    """Decisions that need less than was read rest on one and the same part, stored form and all."""
    desk = Desk()
    await desk.calls()
    shelf = SnapshotCache(desk.log, AGES)
    held = await desk.log.user_state("u-1")
    less = plan(Kind.EINCOMES)
    found = [await shelf.find("u-1", less, held, NOW) for _ in range(2)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].fetch_result.body is found[1].fetch_result.body
    assert found[0].fetch_result.body == snapshot_body(found[0].fetch_result.snapshot)
    assert found[0].fetch_result.mark == held.warm


def body_of(found: CachedSnapshot) -> bytes:
    """The stored form of what was found."""
    assert found.fetch_result.body is not None
    return found.fetch_result.body.body


def replaced(mark: WarmMark) -> WarmMark:
    """The mark of the second user's reading."""
    return replace(mark, snapshot_id="s-2")


def test_a_merge_keeps_the_tasks_that_nobody_asked_for_again() -> None:
    """The newest word on tasks counts; a reading that had no need to ask says nothing."""
    old = msgspec.structs.replace(steady_earner(), tasks=Read((FINISHED,)))
    unasked = msgspec.structs.replace(old, tasks=None)
    assert merged(old, unasked, frozenset()).tasks == Read((FINISHED,))
    asked = msgspec.structs.replace(old, tasks=Read((STARTED,)))
    assert merged(old, asked, frozenset()).tasks == Read((STARTED,))


def plan(*kinds: Kind, mode: WhenTransactions = NEVER, since: date | None = None) -> FetchPlan:
    return FetchPlan(frozenset(kinds), mode, since, since)


EARLY, LATE = date(2025, 10, 1), date(2025, 11, 1)


@pytest.mark.parametrize(
    ("read", "wanted", "enough"),
    [
        (plan(Kind.EINCOMES, Kind.INCOMES), plan(Kind.EINCOMES), True),
        (plan(Kind.EINCOMES), plan(Kind.EINCOMES, Kind.INCOMES), False),
        (plan(mode=ALWAYS, since=EARLY), plan(mode=MAYBE, since=LATE), True),
        (plan(mode=ALWAYS, since=LATE), plan(mode=MAYBE, since=EARLY), False),
        (plan(mode=MAYBE, since=EARLY), plan(mode=ALWAYS, since=LATE), False),
        (plan(mode=ALWAYS, since=EARLY), plan(), True),
        (plan(), plan(mode=MAYBE, since=LATE), False),
    ],
)
def test_a_plan_covers_what_it_read(read: FetchPlan, wanted: FetchPlan, *, enough: bool) -> None:
    """All kinds, and transactions from as early and as surely as they are wanted."""
    assert covers(read, wanted) is enough


PLANS = st.builds(
    plan,
    *[st.sampled_from(list(Kind))] * 2,
    mode=st.sampled_from([NEVER, MAYBE, ALWAYS]),
    since=st.dates(date(2025, 1, 1), date(2025, 12, 31)),
)


@given(PLANS, PLANS, PLANS)
def test_covering_is_an_order(one: FetchPlan, two: FetchPlan, three: FetchPlan) -> None:
    """Every plan covers itself, and what covers a plan covers all that this covers."""
    assert covers(one, one)
    if covers(one, two) and covers(two, three):
        assert covers(one, three)


def test_a_cut_is_what_a_smaller_plan_would_have_read() -> None:
    """Kinds that were not asked for are not in it; a fitting snapshot is the same object."""
    whole = steady_earner()
    only = cut(whole, plan(Kind.EINCOMES))
    assert (only.eincomes, only.contributions) == (whole.eincomes, None)
    assert cut(only, plan(Kind.EINCOMES)) is only


def test_a_merge_takes_the_kinds_that_were_read_again() -> None:
    """The others, and sources of either, stay."""
    old = steady_earner()
    new = msgspec.structs.replace(old, eincomes=Read(), contributions=None)
    both = merged(old, new, frozenset({Kind.EINCOMES}))
    assert (both.eincomes, both.contributions) == (Read(), old.contributions)


SHRANK = {
    kind: Missing(Cause.BAD_DATA, DataReason.DATA_SHRANK, kind, "a")
    for kind in (Kind.EINCOMES, Kind.LIABILITIES)
}

TODAY = AsOf.at(NOW, ZoneInfo("Asia/Manila"))


def estimates(count, *, shrunk=False, prefix="e"):
    """A reading of so many months' estimates."""
    records = tuple(
        EstimatedIncome(f"{prefix}{n}", "a", 24_300 + n, "PHP", 1) for n in range(count)
    )
    return Snapshot("u", eincomes=Read(records, (SHRANK[Kind.EINCOMES],) if shrunk else ()))


@pytest.mark.parametrize(
    ("ago", "before", "taken"),
    [
        (timedelta(hours=24), estimates(6, shrunk=True, prefix="other id "), True),
        (timedelta(hours=23), estimates(6, shrunk=True), False),
        (timedelta(days=9), estimates(7, shrunk=True), False),
        (timedelta(minutes=1), estimates(7), True),
    ],
)
def test_a_list_that_shrank_is_taken_at_the_second_look(ago, before, taken):
    """Equal content a day ago or longer, whatever the ids, or no fewer than the reading before."""
    now = estimates(6, shrunk=True)
    earlier = [(NOW - ago, before), (NOW - timedelta(days=40), estimates(33))]
    assert (with_losses_settled(now, earlier, TODAY).eincomes.faults == ()) is taken


def loans(*records, known=0):
    """A reading of loans, fewer than were known."""
    shrank = (SHRANK[Kind.LIABILITIES],) if records and known else ()
    counts = (KnownCount("a", Kind.LIABILITIES, known),) if known else ()
    return Snapshot("u", liabilities=Read(records, shrank), known=counts)


def loan(name, open_, end=date(2028, 1, 1)):
    start = date(2025, 1, 1)
    amounts = (2_000_000, 100_000, "Monthly", open_, 0, None)
    return Liability(name, "a", name, start, end, "PHP", *amounts)


@pytest.mark.parametrize(
    ("left", "taken"),
    [
        (loan("salary", 200_000), True),
        (loan("salary", 200_001), False),
        (loan("salary", 900_000, end=date(2026, 1, 1)), True),
        (loan("salary", None), False),
    ],
)
@pytest.mark.parametrize("rest", [(), (loan("housing", 1_500_000),)])
def test_a_loan_that_was_about_to_end_may_leave_the_list(left, taken, rest):
    """Two instalments or a term that is over; what is known is then what the account lists."""
    now = loans(*rest, known=len(rest) + 1)
    settled = with_losses_settled(now, [(NOW - timedelta(days=40), loans(left, *rest))], TODAY)
    assert (settled.liabilities.faults == ()) is (taken or not rest)
    assert ([k.count for k in settled.known] == ([1] if rest else [])) is taken


FAILED = Read[Contribution](faults=(Missing(Cause.SOURCE_FAILED),))

RUNNING = Read((Task("t-1", "a-1", "UPDATE_ACCOUNT", "RUNNING", None, None),))


def months(*ids: str) -> Read[Contribution]:
    """Contributions of these ids."""
    return Read(tuple(Contribution(one, "a-1", date(2026, 10, 31), "PHP", 1) for one in ids))


def account(status: str = "CONNECTED", **changes: str) -> tuple[Account, ...]:
    return (Account("a-1", "sss_ph", status, **changes),)


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ({}, {}, set()),
        ({"contributions": months("1")}, {"contributions": months("1")}, set()),
        ({"contributions": months("1")}, {"contributions": months("2", "1")}, {"contributions"}),
        ({"contributions": months("1", "2")}, {"contributions": months("1")}, set()),
        ({}, {"contributions": months("1")}, {"contributions"}),
        ({}, {"contributions": months()}, set()),
        ({"contributions": FAILED}, {"contributions": months()}, {"contributions", "accounts"}),
        ({"contributions": FAILED}, {"contributions": FAILED}, {"accounts"}),
        ({"tasks": RUNNING}, {}, {"accounts"}),
        ({"accounts": account()}, {"accounts": account(monitor_status="RUNNING")}, set()),
        ({"accounts": account("PENDING")}, {"accounts": account()}, {"accounts"}),
        ({"accounts": account()}, {"accounts": ()}, set()),
    ],
)
def test_a_kind_is_gained_where_there_is_more_of_it(
    before: dict[str, object], after: dict[str, object], kinds: set[str]
) -> None:
    """Further records, a reading after a failure, a connection: told; less, or the same: not."""
    found = gained_between(before, after)
    assert found == {Kind(kind) for kind in kinds}


def gained_between(before: dict[str, object], after: dict[str, object]) -> frozenset[Kind]:
    """What a snapshot of `after` has that one of `before` has not."""
    return gained(Snapshot("user-1", **before), Snapshot("user-1", **after))  # type: ignore[arg-type]  # fields by name, as the cases have them


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("waited", "pause"),
    [
        (timedelta(0), FIRST_PAUSE),
        (FIRST_PAUSE + SECOND, FIRST_PAUSE + SECOND),
        (timedelta(minutes=8), timedelta(minutes=8)),
        (PATIENCE, LONGEST_PAUSE),
        (timedelta(days=-2), FIRST_PAUSE),
    ],
)
def test_a_pause_is_as_long_as_the_wait_so_far(waited: timedelta, pause: timedelta) -> None:
    """At least half a minute and at most half an hour, whatever the clock says."""
    assert next_reading(NOON - waited, NOON) == NOON + pause


@pytest.mark.parametrize(
    ("waited", "over"),
    [
        (timedelta(0), False),
        (PATIENCE - SECOND, False),
        (PATIENCE, True),
        (timedelta(seconds=-5), False),
        (timedelta(days=-2), True),
    ],
)
def test_patience_ends(waited: timedelta, over: bool) -> None:
    """After four hours, and where a clock that was two days ahead set its beginning."""
    assert is_over(NOON - waited, NOON) is over
