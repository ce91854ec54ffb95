"""Data that is still arriving at the vendor."""

import asyncio
from datetime import timedelta

import pytest

from decision_service.domain.errors import DataNotReady, UpstreamUnavailable
from decision_service.domain.missing import Cause, DataReason
from tests.unit.smile.gathering import EINCOMES, MONTHLY, ask, gathered, only_fault, opened
from tests.unit.smile.items import SSS, USER, account, contribution, eincome, task
from tests.unit.smile.vendor import Hang, Vendor, ok, problem
from tests.unit.smile.virtual import virtual

YOUNG = timedelta(minutes=1)


def now():
    """The loop's time."""
    return asyncio.get_running_loop().time()


def linking(status="PENDING"):
    """A vendor with one account that is just being linked."""
    return Vendor(accounts=[account(status=status, age=YOUNG)], eincomes=[eincome()])


@pytest.mark.parametrize("status", ["PENDING", "AWAITING_MFA"])
@virtual
async def test_an_account_being_linked_is_not_ready(status):
    """Nobody who does not wait gets a decision while an account is being linked."""
    one = linking(status)
    with pytest.raises(DataNotReady) as found:
        await gathered(one)
    assert found.value.retry_after
    assert USER not in found.value.message
    assert one.paths == ["/accounts"]


@virtual
async def test_an_old_attempt_is_ignored():
    """An account that has been PENDING for ten minutes holds nobody up."""
    one = Vendor(
        accounts=[account(), account("a-2", status="PENDING", age=timedelta(minutes=10))],
        eincomes=[eincome()],
    )
    assert (await gathered(one)).snapshot.eincomes.records


@virtual
async def test_a_running_first_sync_is_not_ready():
    """A young connected account with an unfinished task is not ready."""
    one = Vendor(accounts=[account(age=YOUNG)], tasks=[task()])
    with pytest.raises(DataNotReady):
        await gathered(one)
    assert one.paths == ["/accounts", "/tasks"]


@pytest.mark.parametrize(
    "tasks",
    [
        [],
        [task(status="Finished")],
        [task(status="Cancelled")],
        [task(source="a-other")],
    ],
)
@virtual
async def test_a_finished_first_sync_is_ready(tasks):
    """Finished tasks, tasks with an end, and tasks of other sources hold nobody up."""
    one = Vendor(accounts=[account(age=YOUNG)], tasks=tasks, eincomes=[eincome()])
    found = await gathered(one)
    assert found.snapshot.eincomes.records
    assert found.calls == 3


@virtual
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


@virtual
async def test_after_the_wait_the_deadline_cuts_as_always():
    """Data that has arrived and cannot be read in time is NOT_FETCHED, no longer not ready."""
    one = linking()
    one.then("/accounts", one.honest)
    one.each("/accounts", ok({"items": [account()]}))
    one.each("/eincomes", Hang)
    found = await gathered(one, wait=5.0, seconds=3.0)
    assert only_fault(found.snapshot.eincomes).cause is Cause.NOT_FETCHED


@virtual
async def test_waiting_ends_with_patience():
    """Data that does not arrive within the wait is not ready when the wait ends, no later."""
    one = linking()
    began = now()
    with pytest.raises(DataNotReady):
        await gathered(one, wait=20.0, seconds=60.0)
    assert 19.0 < now() - began <= 20.0 + 1e-4
    assert 3 < len(one.log) < 12


@virtual
async def test_the_deadline_ends_a_longer_wait():
    """A wait beyond the deadline ends with DataNotReady at the deadline."""
    one = linking()
    began = now()
    with pytest.raises(DataNotReady):
        await gathered(one, wait=60.0, seconds=5.0)
    assert now() - began <= 5.0 + 1e-4


@virtual
async def test_a_look_that_fails_while_waiting_is_not_ready():
    """A vendor that fails while data was arriving leaves the decision for later."""
    one = linking()
    one.then("/accounts", one.honest)
    one.each("/accounts", problem(500))
    with pytest.raises(DataNotReady):
        await gathered(one, wait=30.0, seconds=60.0)


@virtual
async def test_keys_refused_while_waiting_are_told():
    """Keys that are refused during the wait are not mistaken for arriving data."""
    one = linking()
    one.then("/accounts", one.honest, problem(401))
    with pytest.raises(UpstreamUnavailable):
        await gathered(one, wait=30.0, seconds=60.0)


@virtual
async def test_unreadable_tasks_taint_what_the_young_account_feeds():
    """When the vendor cannot say whether a young account's data is whole, nobody relies on it."""
    one = Vendor(
        accounts=[account(age=YOUNG), account("a-old")],
        eincomes=[eincome()],
        contributions=[contribution()],
    )
    one.each("/tasks", problem(404))
    snapshot = (await gathered(one, MONTHLY)).snapshot
    for read in (snapshot.eincomes, snapshot.contributions, snapshot.liabilities):
        (fault,) = read.faults
        assert (fault.code, fault.source) == (DataReason.DATA_GONE, SSS)
    assert snapshot.eincomes.records


@virtual
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


@virtual
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
