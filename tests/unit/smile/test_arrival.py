"""Data that is still arriving at the vendor, and lists that came back shorter."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import DataNotReady, UpstreamUnavailable
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    KnownCount,
    Read,
    Snapshot,
    Source,
    Task,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.smile.applicant import mark_shrunken
from tests.unit.smile.items import SSS, USER, account, contribution, eincome, instant, task
from tests.unit.smile.vendor import (
    EINCOMES,
    MONTHLY,
    Hang,
    Vendor,
    ask,
    gathered,
    ok,
    only_fault,
    opened,
    problem,
)
from tests.unit.smile.virtual import NOW

YOUNG = timedelta(minutes=1)
TEN = timedelta(minutes=10)
HOUR = timedelta(hours=1)
HOURS = timedelta(hours=3)


def now():
    """The loop's time."""
    return asyncio.get_running_loop().time()


def linking(status="PENDING", age=YOUNG):
    """A vendor with one account that is just being linked."""
    return Vendor(accounts=[account(status=status, age=age)], eincomes=[eincome()])


@pytest.mark.parametrize("age", [YOUNG, TEN - timedelta(seconds=1), -timedelta(seconds=1)])
@pytest.mark.parametrize("status", ["PENDING", "AWAITING_MFA"])
async def test_an_account_being_linked_is_not_ready(status, age):
    """Nobody who does not wait gets a decision while an account is being linked."""
    one = linking(status, age)
    with pytest.raises(DataNotReady) as found:
        await gathered(one)
    assert found.value.retry_after == 30.0
    assert USER not in found.value.message
    assert one.paths == ["/accounts"]


@pytest.mark.parametrize(
    ("status", "age"), [("PENDING", TEN), ("PENDING", -timedelta(days=1)), ("NEW_WORD", YOUNG)]
)
async def test_what_is_no_young_attempt_is_ignored(status, age):
    """Ten minutes of PENDING, a time far in the future and a new word hold nobody up."""
    one = Vendor(accounts=[account(), account("a-2", status=status, age=age)], eincomes=[eincome()])
    assert (await gathered(one)).snapshot.eincomes.records


@pytest.mark.parametrize("age", [YOUNG, HOUR - timedelta(seconds=1)])
@pytest.mark.parametrize("provider", ["sss_ph", "grab", "sprout_ph"])
async def test_a_running_first_sync_is_not_ready(age, provider):
    """A scheme, a platform and a payroll whose first sync began within the hour are not ready."""
    running = task(startedAt=instant(age))
    one = Vendor(accounts=[account(provider=provider, age=age)], tasks=[running])
    with pytest.raises(DataNotReady):
        await gathered(one)
    assert one.paths == ["/accounts", "/tasks"]


async def test_an_operator_sets_for_how_long_a_first_sync_is_waited_for():
    """With five minutes a first sync of six is decided on, however young the connection."""
    six, limits = timedelta(minutes=6), {"first_sync": timedelta(minutes=5)}
    one = Vendor(accounts=[account(age=six)], tasks=[task(startedAt=instant(six))])
    assert (await gathered(one, limits=limits)).snapshot.tasks.records


async def test_an_update_of_an_hour_ago_is_not_waited_for():
    """A later sync of an account whose first one has finished holds nothing up."""
    update = task(2, startedAt=instant(YOUNG), type="UPDATE_ACCOUNT")
    one = Vendor(accounts=[account(age=HOURS)], tasks=[task(status="Finished"), update])
    assert (await gathered(one)).snapshot.tasks.records


@pytest.mark.parametrize(
    "tasks",
    [
        [],
        [task(status="Finished")],
        [task(status="Cancelled")],
        [task(source="a-other")],
    ],
)
async def test_a_finished_first_sync_is_ready(tasks):
    """Finished tasks, tasks with an end, and tasks of other sources hold nobody up."""
    one = Vendor(accounts=[account(age=YOUNG)], tasks=tasks, eincomes=[eincome()])
    found = await gathered(one)
    assert found.snapshot.eincomes.records
    assert found.calls == 3


async def test_waiting_ends_when_the_data_has_arrived():
    """Whoever waits gets the data soon after it has arrived, and pays for the looks."""
    one = linking()
    one.then("/accounts", *[one.honest] * 3)
    one.each("/accounts", ok({"items": [account()]}))
    began = now()
    found = await gathered(one, wait=60.0, seconds=90.0)
    assert found.snapshot.eincomes.records
    assert one.paths.count("/accounts") == 4
    assert found.calls == 5
    assert now() - began < 15.0


async def test_after_the_wait_the_deadline_cuts_as_always():
    """Data that has arrived and cannot be read in time is NOT_FETCHED, no longer not ready."""
    one = linking()
    one.then("/accounts", one.honest)
    one.each("/accounts", ok({"items": [account()]}))
    one.each("/eincomes", Hang)
    found = await gathered(one, wait=5.0, seconds=3.0)
    assert only_fault(found.snapshot.eincomes).cause is Cause.NOT_FETCHED


@pytest.mark.parametrize(("wait", "seconds"), [(20.0, 60.0), (60.0, 20.0)])
async def test_waiting_ends_with_patience(wait, seconds):
    """Data that does not arrive is not ready when wait or deadline end, and no later."""
    one = linking()
    began = now()
    with pytest.raises(DataNotReady):
        await gathered(one, wait=wait, seconds=seconds)
    assert 19.0 < now() - began <= 20.0 + 1e-4
    assert 3 < len(one.log) < 12


@pytest.mark.parametrize(
    ("path", "looks", "failure", "error"),
    [
        ("/accounts", 1, problem(500), DataNotReady),
        ("/accounts", 1, problem(401), UpstreamUnavailable),
        ("/tasks", 1, problem(500), DataNotReady),
        ("/tasks", 0, problem(403), UpstreamUnavailable),
    ],
)
async def test_a_look_that_fails_while_waiting(path, looks, failure, error):
    """What was arriving a moment ago is not decided on; refused keys are no arriving data."""
    one = (
        linking() if path == "/accounts" else Vendor(accounts=[account(age=YOUNG)], tasks=[task()])
    )
    one.then(path, *[one.honest] * looks)
    one.each(path, failure)
    with pytest.raises(error):
        await gathered(one, wait=30.0, seconds=60.0)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (problem(404), DataReason.DATA_GONE),
        (problem(500), DataReason.UPSTREAM_UNAVAILABLE),
        (ok({"items": [task(type=None)]}), DataReason.UPSTREAM_SCHEMA),
        (ok({"items": [task(startedAt="yesterday")]}), DataReason.BAD_DATE),
    ],
)
async def test_tasks_that_cannot_be_read_are_a_fault_of_each_young_account(failure, code):
    """What the vendor cannot say of a young account's data is told beside the data, as a fault."""
    one = Vendor(
        accounts=[account(age=YOUNG), account("a-old"), account("a-2", age=HOURS)],
        eincomes=[eincome()],
        contributions=[contribution()],
    )
    one.each("/tasks", failure)
    snapshot = (await gathered(one, MONTHLY)).snapshot
    found = [(fault.cause, fault.code, fault.source) for fault in snapshot.tasks.faults]
    assert found == [(Cause.NOT_FETCHED, code, "a-2"), (Cause.NOT_FETCHED, code, SSS)]
    assert snapshot.eincomes.records
    assert not snapshot.eincomes.faults


@pytest.mark.parametrize(
    ("age", "asked"),
    [
        (timedelta(hours=23, minutes=59, seconds=59), True),
        (timedelta(days=1), False),
        (None, True),
    ],
)
async def test_tasks_are_asked_for_while_an_account_is_younger_than_a_day(age, asked):
    """One call tells of the first sync of an account of a day, or of one that tells no creation."""
    dated = account() if age is None else account(age=age)
    if age is None:
        dated["createdAt"] = None
    one = Vendor(accounts=[dated], eincomes=[eincome()])
    found = await gathered(one)
    assert (
        one.paths == ["/accounts", "/tasks", "/eincomes"] if asked else ["/accounts", "/eincomes"]
    )
    assert (found.snapshot.tasks is not None) == asked


@pytest.mark.parametrize("status", ["ERROR", "DISCONNECTED", "PENDING"])
async def test_only_connected_accounts_have_a_first_sync(status):
    """The tasks of accounts in another state are not asked for once nothing of them arrives."""
    one = Vendor(accounts=[account(), account("a-2", status=status, age=HOURS)])
    assert (await gathered(one)).snapshot.tasks is None


async def test_an_unfinished_sync_of_hours_is_told_and_not_waited_for():
    """After an hour a running first sync is decided on, and the snapshot holds its task."""
    running = task(startedAt=instant(HOURS))
    done = task(2, "a-old", "Finished", type="UPDATE_ACCOUNT")
    one = Vendor(
        accounts=[account(age=HOURS), account("a-old", "grab")],
        tasks=[running, done],
        eincomes=[eincome()],
    )
    found = (await gathered(one, wait=60.0, seconds=90.0)).snapshot
    assert found.tasks == Read(
        (
            Task("task-1", SSS, "LINK_ACCOUNT", "Started", NOW - HOURS, None),
            Task("task-2", "a-old", "UPDATE_ACCOUNT", "Finished", NOW, NOW),
        )
    )
    assert one.paths == ["/accounts", "/tasks", "/eincomes"]


async def test_an_account_without_a_creation_is_as_young_as_its_task():
    """Where an account tells no time, what was begun just now is waited for, and nothing older."""
    undated = {**account(), "createdAt": None, "connection": {"updatedAt": None}}
    with pytest.raises(DataNotReady):
        await gathered(Vendor(accounts=[undated], tasks=[task()]))
    old = task(startedAt=instant(HOUR))
    assert (await gathered(Vendor(accounts=[undated], tasks=[old]))).snapshot.tasks.records


async def test_a_connection_of_minutes_has_its_tasks_waited_for():
    """An old account that was connected anew is not ready while a task of it runs."""
    anew = account(connection={"updatedAt": instant(YOUNG)})
    one = Vendor(accounts=[anew], tasks=[task()])
    with pytest.raises(DataNotReady):
        await gathered(one)
    assert one.paths == ["/accounts", "/tasks"]


async def test_the_tasks_of_the_last_look_are_told():
    """Whoever waited gets the task that has finished meanwhile."""
    one = Vendor(accounts=[account(age=YOUNG)], eincomes=[eincome()], tasks=[task()])
    one.then("/tasks", one.honest, ok({"items": [task(status="Finished")]}))
    found = await gathered(one, wait=20.0, seconds=30.0)
    assert [one.finished for one in found.snapshot.tasks.records] == [NOW]


async def test_a_running_first_sync_is_looked_at_by_its_task_alone():
    """While it runs the accounts are not read again, and once it has finished they are."""
    one = Vendor(accounts=[account(age=YOUNG)], eincomes=[eincome()], tasks=[task()])
    one.then("/tasks", *[one.honest] * 8, ok({"items": [task(status="Finished")]}))
    found = await gathered(one, wait=200.0, seconds=300.0)
    assert found.snapshot.eincomes.records
    assert one.paths.count("/accounts") == 2
    assert found.calls == 12


async def test_an_account_that_is_lost_while_it_syncs_is_seen_by_its_event():
    """A nudge has the accounts read again, so that nothing waits for a connection that is gone."""
    one = Vendor(accounts=[account(age=YOUNG)], tasks=[task()], eincomes=[eincome()])
    one.delay = 0.0
    async with opened(one) as source:
        asking = asyncio.create_task(ask(source, seconds=60.0, wait=50.0))
        await asyncio.sleep(0.5)
        one.lists["/v1/accounts"] = [account(status="DISCONNECTED")]
        source.nudge(USER)
        snapshot = (await asking).snapshot
    assert [one.connection_status for one in snapshot.accounts] == ["DISCONNECTED"]


async def test_an_account_linked_during_a_reading_is_waited_for():
    """A reading that starts over because an account appeared waits for that account too."""
    one = Vendor(accounts=[account()], eincomes=[eincome(n) for n in range(151)])
    fresh = account("a-2", status="PENDING", age=YOUNG)
    one.then("/accounts", one.honest, ok({"items": [account(), fresh]}))
    one.each("/accounts", ok({"items": [account(), {**fresh, "connectionStatus": "ERROR"}]}))
    with pytest.raises(DataNotReady):
        await gathered(one, EINCOMES)
    one.then("/accounts", one.honest, ok({"items": [account(), fresh]}))
    found = await gathered(one, EINCOMES, wait=20.0, seconds=30.0)
    assert [a.connection_status for a in found.snapshot.accounts] == ["CONNECTED", "ERROR"]
    assert len(found.snapshot.eincomes.records) == 151


async def test_a_nudge_ends_the_waiting_at_once():
    """A waiting reading looks again when an event says so, not when its next look would be."""
    one = linking()
    one.delay = 0.0
    async with opened(one) as source:
        asking = asyncio.create_task(ask(source, seconds=60.0, wait=50.0))
        await asyncio.sleep(0.5)
        one.lists["/v1/accounts"] = [account()]
        source.nudge("somebody-else")
        await asyncio.sleep(0.1)
        assert len(one.asked("/accounts")) == 1
        source.nudge(USER)
        began = now()
        assert (await asking).snapshot.eincomes.records
        assert now() - began < 0.1


OLD = NOW - timedelta(days=400)
UPLOADS = (Source("b", "UPLOAD", "p"),)


def snapshot(now, before, *, status="CONNECTED", created=OLD, source="a", sources=()):
    """So many contributions now where there were so many before."""
    records = tuple(Contribution(f"c{n}", source, date(2026, 1, 1), "PHP", 1) for n in range(now))
    return Snapshot(
        "u",
        (Account("a", "p", status, created_at=created),),
        sources=sources,
        known=(KnownCount(source, Kind.CONTRIBUTIONS, before),),
        contributions=Read(records),
    )


@pytest.mark.parametrize(("now", "before"), [(7, 10), (3, 5), (1, 2)])
def test_more_than_a_fifth_less_has_shrunk(now, before):
    """A list that lost more than a fifth taints what the source feeds, and keeps its records."""
    read = mark_shrunken(snapshot(now, before), NOW).contributions
    (fault,) = read.faults
    assert (fault.cause, fault.code) == (Cause.BAD_DATA, DataReason.DATA_SHRANK)
    assert (fault.kind, fault.source) == (Kind.CONTRIBUTIONS, "a")
    assert fault.detail == f"{now} of {before} records"
    assert len(read.records) == now


@pytest.mark.parametrize(
    ("found", "shrunk"),
    [
        *((snapshot(now, before), False) for now, before in ((8, 10), (10, 10), (30, 10), (4, 5))),
        *((snapshot(0, 10, status=one), False) for one in ("DISCONNECTED", "ERROR", "PENDING")),
        (snapshot(0, 10), False),
        (snapshot(0, 10, created=NOW - timedelta(days=60)), True),
        (snapshot(1, 10, source="b", sources=UPLOADS), True),
        (snapshot(0, 10, source="b"), False),
        (
            replace(
                snapshot(10, 10, source="b", sources=UPLOADS),
                known=(KnownCount("a", Kind.CONTRIBUTIONS, 5),),
            ),
            True,
        ),
    ],
)
def test_what_may_be_fewer(found, shrunk):
    """Up to a fifth may be missing, and what is of an account that is not connected.

    Of an old account a kind that is empty altogether has expired; an upload that is gone has not
    shrunk; an account that gives nothing beside another that does has.
    """
    assert bool(mark_shrunken(found, NOW).contributions.faults) is shrunk


@pytest.mark.parametrize(
    "reads",
    [
        {"contributions": Read(faults=(Missing(Cause.SOURCE_FAILED, None, Kind.CONTRIBUTIONS),))},
        {"transactions": Read((Transaction("t", "a", date(2026, 1, 1), None, "PHP", 1),))},
    ],
)
def test_what_failed_or_is_windowed_or_unread_is_not_compared(reads):
    """Transactions are read in a window and may be fewer; kinds that are unread stay None."""
    kinds = (Kind.CONTRIBUTIONS, Kind.TRANSACTIONS, Kind.EINCOMES)
    known = tuple(KnownCount("a", kind, 900) for kind in kinds)
    found = Snapshot("u", (Account("a", "p", "CONNECTED"),), known=known, **reads)
    assert mark_shrunken(found, NOW) == found
