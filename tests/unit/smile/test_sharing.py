"""Several callers on one applicant, and what leaves the adapter on any way but its result."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import httpx2
import pytest
import structlog

from decision_service.domain.errors import (
    DataNotReady,
    DeadlineMissed,
    ServiceError,
    UpstreamUnavailable,
    UserUnknown,
)
from decision_service.domain.values import Cause, Missing
from tests.unit.smile.items import OTHER_USER, USER, account, contribution, eincome, metadata
from tests.unit.smile.vendor import (
    EINCOMES,
    KEY,
    MONTHLY,
    SECRET,
    Hang,
    Vendor,
    ask,
    ok,
    only_fault,
    opened,
    problem,
    raw,
)


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


PERSON = "Juana dela Cruz"


def answers():
    """Failures that hold a person's name wherever there is room for one."""
    foreign = metadata(user=OTHER_USER)
    yield from (problem(status, PERSON) for status in (400, 401, 403, 404, 418, 429, 500, 501, 503))
    yield from (httpx2.ConnectError(PERSON), httpx2.ReadError(PERSON), Hang)
    yield raw(f"<html>{PERSON}</html>".encode(), "text/html")
    yield raw(f'{{"code":"{PERSON}","data":{{}}}}'.encode())
    yield httpx2.Response(302, headers={"location": f"http://x/{PERSON}"})
    yield ok({"items": [eincome(1, currency=PERSON)]})
    yield ok({"items": [eincome(1, month=PERSON)]})
    yield ok({"items": [eincome(1, month={"name": PERSON})]})
    yield ok({"items": [eincome(1, amount=PERSON)]})
    yield ok({"items": [eincome(1, metadata=foreign)]})


@pytest.mark.parametrize("answer", list(answers()))
@pytest.mark.parametrize("path", ["/accounts", "/eincomes"])
async def test_no_failure_shows_a_person_a_user_or_a_key(answer, path):
    """Messages, faults and logs name no person, no user and no key, whatever the vendor sends."""
    one = Vendor(accounts=[account()], eincomes=[eincome()])
    one.each(path, answer)
    with structlog.testing.capture_logs() as logs:
        async with opened(one) as source:
            try:
                found = (await ask(source, MONTHLY, seconds=3.0)).snapshot
                shown = [_texts(fault) for fault in (*found.account_faults, *found.eincomes.faults)]
            except ServiceError as error:
                shown = [str(error), repr(error), str(error.fields)]
    text = repr((shown, logs))
    for secret in (PERSON, "Juana", USER, OTHER_USER, KEY, SECRET):
        assert secret not in text


def _texts(fault: Missing):
    return (fault.code, fault.kind, fault.detail, fault.account_error)


async def test_credentials_go_as_basic_authentication():
    """Every request carries the key pair as Basic credentials and asks for JSON."""
    one = Vendor(accounts=[account()])
    async with opened(one) as source:
        await ask(source)
    expected = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    for _, request in one.log:
        assert request.headers["authorization"] == expected
        assert request.headers["accept"] == "application/json"


async def test_no_cookie_is_kept():
    """A cookie of one answer is not sent with the next request."""
    one = Vendor(accounts=[account()])
    one.each(
        "/accounts",
        httpx2.Response(
            200,
            json={"code": "OK", "data": {"items": [account()]}},
            headers={"set-cookie": "session=1; Path=/"},
        ),
    )
    async with opened(one) as source:
        await ask(source)
        await ask(source)
    assert all("cookie" not in request.headers for _, request in one.log)
