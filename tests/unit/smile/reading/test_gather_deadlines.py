"""Readings that run out of time, and limits that leave none."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from decision_service.domain.errors import DeadlineMissed, UpstreamBudgetExhausted
from decision_service.domain.values import Cause, DataReason
from tests.unit.smile.gathering import (
    EINCOMES,
    MONTHLY,
    STANDING_IN,
    ask,
    gathered,
    only_fault,
    opened,
)
from tests.unit.smile.items import GRAB, account, contribution, eincome, transaction
from tests.unit.smile.vendor import Hang, Vendor, problem

EPSILON = 1e-4


def vendor(**lists):
    """A vendor with one account."""
    return Vendor(
        accounts=[account()], eincomes=[eincome()], contributions=[contribution()], **lists
    )


def passed(one):
    """Seconds since the first request."""
    return asyncio.get_running_loop().time() - one.times[0]


async def test_silence_until_the_deadline_is_no_evidence():
    """A vendor that has not answered anything by the deadline makes no decision."""
    one = vendor()
    one.each("/accounts", Hang)
    with pytest.raises(DeadlineMissed):
        await gathered(one, seconds=1.5)
    assert passed(one) <= 1.5 + EPSILON


async def test_a_hanging_vendor_is_evidence_once_its_retries_are_used_up():
    """Two attempts of two seconds that both hang before the deadline are UPSTREAM_TIMEOUT."""
    one = vendor()
    one.each("/accounts", Hang)
    found = await gathered(one, seconds=5.0)
    (fault,) = found.snapshot.account_faults
    assert (fault.cause, fault.code) == (Cause.SOURCE_FAILED, DataReason.UPSTREAM_TIMEOUT)
    assert found.calls == 2


async def test_what_is_unread_at_the_deadline_is_not_fetched():
    """After the accounts have been read, a kind that hangs is NOT_FETCHED at the deadline."""
    one = vendor()
    one.each("/contributions", Hang)
    found = await gathered(one, MONTHLY, seconds=1.0)
    assert passed(one) <= 1.0 + EPSILON
    fault = only_fault(found.snapshot.contributions)
    assert (fault.cause, fault.code) == (Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT)
    assert found.snapshot.eincomes.records
    assert found.snapshot.accounts


async def test_any_status_counts_as_an_answer():
    """One 503 before the deadline makes the rest NOT_FETCHED rather than nothing."""
    one = vendor()
    one.then("/accounts", problem(503))
    one.each("/accounts", Hang)
    snapshot = (await gathered(one, seconds=1.0)).snapshot
    (fault,) = snapshot.account_faults
    assert fault.code is DataReason.UPSTREAM_TIMEOUT
    assert only_fault(snapshot.eincomes).cause is Cause.NOT_FETCHED


async def test_no_request_is_sent_after_the_deadline():
    """A retry that would begin after the deadline is not sent."""
    one = vendor()
    one.delay = 0.4
    one.each("/eincomes", problem(500))
    found = await gathered(one, seconds=1.0)
    assert only_fault(found.snapshot.eincomes).code is not None
    await asyncio.sleep(5.0)
    assert max(one.times) - min(one.times) <= 1.0


async def test_a_backoff_beyond_the_deadline_is_not_waited_for():
    """A failure whose retry would come too late is told at once, with its own reason."""
    one = vendor()
    one.each("/eincomes", problem(500))
    found = await gathered(one, limits={"backoff_seconds": 1e9, "longest_backoff": 1e9})
    assert only_fault(found.snapshot.eincomes).code is DataReason.UPSTREAM_UNAVAILABLE
    assert passed(one) < 1.0


async def test_pages_that_wait_for_the_closing_look_are_not_used():
    """A list of several pages without the closing look is NOT_FETCHED at the deadline."""
    one = vendor()
    one.lists["/v1/eincomes"] = [eincome(n) for n in range(151)]
    one.then("/accounts", one.honest)
    one.each("/accounts", Hang)
    snapshot = (await gathered(one, MONTHLY, seconds=1.0)).snapshot
    assert only_fault(snapshot.eincomes).code is DataReason.UPSTREAM_TIMEOUT
    assert snapshot.contributions.records


@pytest.mark.parametrize("path", ["/transactions", "/accounts"])
async def test_transactions_that_may_be_needed_are_not_fetched_at_the_deadline(path):
    """A cut reading lacks transactions that stand in, or of which that is not known yet."""
    one = Vendor(accounts=[account(GRAB, "grab")], transactions=[transaction()])
    if path == "/accounts":
        one.then(path, problem(500))
    one.each(path, Hang)
    snapshot = (await gathered(one, STANDING_IN, seconds=1.0)).snapshot
    assert only_fault(snapshot.transactions).cause is Cause.NOT_FETCHED


async def test_a_full_limiter_refuses_before_the_first_call():
    """A decision that the request limit cannot serve in time is refused unsent, with a time."""
    one = vendor()
    async with opened(one, requests_per_second=3) as source:
        await ask(source)
        sent = len(one.log)
        with pytest.raises(UpstreamBudgetExhausted) as found:
            await ask(source, seconds=0.5)
        assert len(one.log) == sent
        assert 0 < found.value.retry_after <= 1.05


async def test_room_is_needed_for_the_whole_decision():
    """A decision of four calls is refused where only three have room before its deadline."""
    one = vendor()
    async with opened(one, requests_per_second=3) as source:
        with pytest.raises(UpstreamBudgetExhausted):
            await ask(source, MONTHLY, seconds=1.3)
        assert one.log == []
        assert (await ask(source, MONTHLY, seconds=1.6)).calls == 4


async def test_a_turn_that_never_comes_taints_the_kind():
    """A request that finds the limit used up by others is UPSTREAM_RATE_LIMITED."""
    one = vendor()
    one.delay = 0.1
    async with opened(one, requests_per_second=3) as source:
        first = asyncio.create_task(ask(source, EINCOMES, seconds=1.0))
        await asyncio.sleep(0.05)
        source._api.limiter.pause(30.0)
        snapshot = (await first).snapshot
    fault = only_fault(snapshot.eincomes)
    assert (fault.cause, fault.code) == (Cause.NOT_FETCHED, DataReason.UPSTREAM_RATE_LIMITED)


async def outcome_of(asking):
    """Whether a gathering was whole, incomplete, or refused before its first call."""
    try:
        found = await asking
    except UpstreamBudgetExhausted:
        return "refused"
    return "incomplete" if found.snapshot.eincomes.faults else "whole"


async def test_what_the_limit_cannot_finish_is_not_begun():
    """Of fifty decisions at once with time for twenty, none begins that cannot be finished."""
    users = [f"u-{n}" for n in range(50)]
    one = Vendor(accounts=[account(userId=user) for user in users], eincomes=[])
    async with opened(one) as source:
        asking = (outcome_of(ask(source, user=user, seconds=3.0)) for user in users)
        outcomes = Counter(await asyncio.gather(*asking))
    assert outcomes["incomplete"] == 0
    assert outcomes["whole"] >= 15
    assert len(one.log) == 3 * outcomes["whole"]


async def test_data_that_is_arriving_keeps_no_turns_from_others():
    """A reading that waits for an account to be linked does not use the request limit up."""
    one = Vendor(accounts=[account(status="PENDING", age=timedelta(minutes=1))])
    one.users = {"u-2"}
    async with opened(one, requests_per_second=4) as source:
        waiting = asyncio.create_task(ask(source, MONTHLY, seconds=60.0, wait=50.0))
        await asyncio.sleep(0.5)
        assert (await ask(source, user="u-2", seconds=0.5)).calls == 3
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
