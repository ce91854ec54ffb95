"""Several callers on one applicant."""

import asyncio
from datetime import timedelta

import pytest

from decision_service.domain.errors import (
    DataNotReady,
    DeadlineMissed,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.domain.values import Cause
from tests.unit.smile.gathering import EINCOMES, MONTHLY, ask, only_fault, opened
from tests.unit.smile.items import OTHER_USER, account, contribution, eincome
from tests.unit.smile.vendor import Hang, Vendor


def vendor():
    """A vendor with one account."""
    return Vendor(accounts=[account()], eincomes=[eincome()], contributions=[contribution()])


def asked(source, *args, **kwargs):
    """A gathering on a task of its own."""
    return asyncio.create_task(ask(source, *args, **kwargs))


async def test_callers_on_one_applicant_share_one_reading():
    """Fifty callers cost one reading: the first caused its calls, the others none."""
    one = vendor()
    async with opened(one) as source:
        found = await asyncio.gather(*(ask(source) for _ in range(50)))
    assert len(one.log) == 2
    assert [gathering.calls for gathering in found] == [2] + [0] * 49
    assert len({id(gathering.snapshot) for gathering in found}) == 50
    assert all(gathering.snapshot == found[0].snapshot for gathering in found)


async def test_other_plans_and_users_are_read_apart():
    """Another plan or another user is another reading."""
    one = vendor()
    one.users.add(OTHER_USER)
    async with opened(one) as source:
        found = await asyncio.gather(
            ask(source), ask(source, MONTHLY), ask(source, user=OTHER_USER)
        )
    assert [gathering.calls for gathering in found] == [2, 4, 3]


async def test_each_caller_keeps_its_own_deadline():
    """An impatient caller gets a cut snapshot in time, a patient one the whole."""
    one = vendor()
    one.then("/eincomes", Hang)
    async with opened(one) as source:
        began = asyncio.get_running_loop().time()
        patient, hurried = asked(source, MONTHLY), asked(source, MONTHLY, seconds=0.5)
        cut = await hurried
        assert asyncio.get_running_loop().time() - began <= 0.5 + 1e-4
        assert only_fault(cut.snapshot.eincomes).cause is Cause.NOT_FETCHED
        assert cut.snapshot.contributions.records
        assert (await patient).snapshot.eincomes.records


async def test_a_patient_joiner_extends_a_hurried_reading():
    """A reading begun under a short deadline goes on for a caller with a longer one."""
    one = vendor()
    one.then("/eincomes", Hang)
    async with opened(one) as source:
        hurried, patient = asked(source, seconds=1.0), asked(source, seconds=10.0)
        assert only_fault((await hurried).snapshot.eincomes)
        found = await patient
    assert found.snapshot.eincomes.records
    assert found.calls == 0


async def test_a_callers_leaving_does_not_end_the_reading_of_others():
    """The first caller may be cancelled; those who joined get everything."""
    one = vendor()
    async with opened(one) as source:
        first, second = asked(source), asked(source)
        await asyncio.sleep(0.01)
        first.cancel()
        found = await second
        with pytest.raises(asyncio.CancelledError):
            await first
    assert found.snapshot.eincomes.records
    assert len(one.log) == 2


async def test_the_last_ones_leaving_ends_the_reading():
    """When everybody has left, nothing further is asked of the vendor."""
    one = vendor()
    async with opened(one) as source:
        callers = [asked(source) for _ in range(3)]
        await asyncio.sleep(0.01)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        await asyncio.sleep(10.0)
        assert one.paths == ["/accounts"]
        assert (await ask(source)).snapshot.eincomes.records


async def test_everybody_hears_of_an_error():
    """An unknown user is unknown to every caller, for one look-up."""
    one = vendor()
    async with opened(one) as source:
        found = await asyncio.gather(
            *(ask(source, user=OTHER_USER) for _ in range(3)), return_exceptions=True
        )
    assert [type(error) for error in found] == [UserUnknown] * 3
    assert len(one.log) == 2


async def test_silence_is_judged_by_each_callers_deadline():
    """Before any answer a hurried caller misses its deadline, while a patient one is served."""
    one = vendor()
    one.then("/accounts", Hang)
    async with opened(one) as source:
        patient, hurried = asked(source), asked(source, seconds=1.0)
        with pytest.raises(DeadlineMissed):
            await hurried
        assert (await patient).snapshot.eincomes.records


async def test_each_caller_waits_for_arriving_data_as_long_as_it_wants():
    """Of two callers on arriving data one is refused at once and the other waits and gets it."""
    one = Vendor(
        accounts=[account(status="PENDING", age=timedelta(minutes=1))], eincomes=[eincome()]
    )
    one.then("/accounts", one.honest, one.honest)
    async with opened(one) as source:
        willing = asked(source, wait=30.0, seconds=60.0)
        unwilling = asked(source, wait=0.0)
        with pytest.raises(DataNotReady):
            await unwilling
        assert asyncio.get_running_loop().time() - one.times[0] < 1.0
        one.lists["/v1/accounts"] = [account()]
        assert (await willing).snapshot.eincomes.records


async def test_closing_tells_those_who_wait():
    """Callers of readings that are stopped at shutdown are told to come again."""
    one = vendor()
    one.each("/accounts", Hang)
    async with opened(one) as source:
        waiting = asked(source, EINCOMES)
        await asyncio.sleep(0.5)
    with pytest.raises(UpstreamUnavailable):
        await waiting
