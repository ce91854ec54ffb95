"""What a reading makes of a vendor that fails, or that leaves no time."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from datetime import timedelta

import httpx2
import pytest
from structlog.testing import capture_logs

from decision_service.domain.accounts import Kind
from decision_service.domain.errors import (
    DeadlineMissed,
    UpstreamBudgetExhausted,
    UpstreamUnavailable,
)
from decision_service.domain.values import Cause, DataReason
from decision_service.smile.limits import SmileLimits
from tests.unit.smile.items import GRAB, account, contribution, eincome, liability, transaction
from tests.unit.smile.vendor import (
    EINCOMES,
    MONTHLY,
    STANDING_IN,
    Hang,
    Vendor,
    ask,
    gathered,
    ok,
    only_fault,
    opened,
    problem,
    raw,
)

CHANGED = DataReason.DATA_CHANGED_DURING_READ
HTML = raw(b"<html><body>We are down for maintenance</body></html>", "text/html")


def cut_off():
    """A connection that broke while TLS was spoken."""
    error = httpx2.ConnectError("eof")
    error.__cause__ = ssl.SSLEOFError("EOF occurred in violation of protocol")
    return error


def vendor():
    """A vendor with one account and an item of each of three kinds."""
    return Vendor(
        accounts=[account()],
        eincomes=[eincome()],
        contributions=[contribution()],
        liabilities=[liability()],
    )


def refused():
    """A connection that is refused."""
    return httpx2.ConnectError("refused")


def untrusted():
    """A certificate that cannot be verified."""
    error = httpx2.ConnectError("certificate")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    return error


@pytest.mark.parametrize(
    "failure",
    [
        problem(500),
        problem(502),
        problem(503),
        problem(504),
        problem(599),
        problem(429, "REQUEST_LIMIT_EXCEEDED"),
        refused(),
        cut_off(),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("gone"),
        Hang,
        raw(b'{"code":"OK","data":{"it'),
    ],
)
async def test_one_failure_is_made_good(failure):
    """A failure that may pass is asked again: one call more and the same data."""
    one = vendor()
    one.then("/eincomes", failure)
    found = await gathered(one, MONTHLY)
    assert found.calls == 5
    assert found.snapshot.eincomes.records
    assert found.snapshot.eincomes.faults == ()


CODES = [
    (problem(500), DataReason.UPSTREAM_UNAVAILABLE, 3),
    (problem(429), DataReason.UPSTREAM_RATE_LIMITED, 3),
    (refused(), DataReason.UPSTREAM_UNAVAILABLE, 3),
    (untrusted(), DataReason.UPSTREAM_UNAVAILABLE, 1),
    (Hang, DataReason.UPSTREAM_TIMEOUT, 2),
    (raw(b'{"code":'), DataReason.UPSTREAM_BAD_BODY, 3),
    (HTML, DataReason.UPSTREAM_BAD_BODY, 1),
    (httpx2.Response(204), DataReason.UPSTREAM_BAD_BODY, 1),
    (
        httpx2.Response(302, headers={"location": "http://169.254.169.254/"}),
        DataReason.UPSTREAM_BAD_BODY,
        1,
    ),
    (problem(404, "MISSING_RESOURCE"), DataReason.DATA_GONE, 1),
    (problem(400, "INVALID_PARAMETERS"), None, 1),
    (problem(415, "UNSUPPORTED_TYPE"), None, 1),
    (problem(501, "UNSUPPORTED_METHOD"), None, 1),
    (ok(None), DataReason.UPSTREAM_SCHEMA, 1),
    (httpx2.Response(200, json={"code": "ERROR", "data": {}}), DataReason.UPSTREAM_SCHEMA, 1),
    (raw(b'{"code":"OK","data":{"items":[{"id":1}]}}'), DataReason.UPSTREAM_SCHEMA, 1),
    (raw(b'{"code":"OK","data":{"items":[NaN]}}'), DataReason.BAD_AMOUNT, 1),
    (raw(b" " * 5_000_000), DataReason.DATA_TOO_LARGE, 1),
]


@pytest.mark.parametrize(("failure", "code", "attempts"), CODES)
async def test_a_lasting_failure_taints_only_its_kind(failure, code, attempts):
    """A kind that fails has no records and one fault; the others are read; 4xx is asked once."""
    one = vendor()
    one.each("/contributions", failure)
    found = await gathered(one, MONTHLY)
    fault = only_fault(found.snapshot.contributions)
    assert (fault.code, fault.kind) == (code, Kind.CONTRIBUTIONS)
    assert fault.cause.tainted
    assert one.paths.count("/contributions") == attempts
    assert found.calls == 3 + attempts
    assert found.snapshot.eincomes.records
    assert found.snapshot.liabilities.records


@pytest.mark.parametrize(
    ("failure", "code", "attempts"),
    # 404 for the accounts is told apart by looking the user up.
    [case for case in CODES if case[1] is not DataReason.DATA_GONE],
)
async def test_accounts_that_cannot_be_read_leave_everything_unread(failure, code, attempts):
    """Without the account list no kind is asked for, and each says why."""
    one = vendor()
    one.each("/accounts", failure)
    found = await gathered(one, MONTHLY)
    (fault,) = found.snapshot.account_faults
    assert (fault.code, fault.kind) == (code, Kind.ACCOUNTS)
    assert found.calls == attempts
    for read in (found.snapshot.eincomes, found.snapshot.contributions, found.snapshot.liabilities):
        assert (only_fault(read).cause, only_fault(read).code) == (Cause.NOT_FETCHED, code)


@pytest.mark.parametrize(
    "answer",
    [
        problem(401, "INVALID_TOKEN"),
        problem(403, "UNAUTHORIZED_ACCESS"),
        problem(400, "INVALID_CREDENTIALS"),
    ],
)
@pytest.mark.parametrize("path", ["/accounts", "/eincomes"])
async def test_refused_keys_are_nobodys_data(answer, path):
    """Keys that are refused make no decision at all, are not retried and show no secret."""
    one = vendor()
    one.each(path, answer)
    async with opened(one) as source:
        with pytest.raises(UpstreamUnavailable) as found:
            await ask(source, MONTHLY)
        assert source.status.credential_refusals == 1
    assert one.paths.count(path) == 1
    assert "s3cret" not in str(found.value)
    assert "k3y" not in str(found.value)
    assert found.value.retry_after


async def test_three_refusals_in_a_row_make_the_service_unwell():
    """Operators are told of each refusal, health of the third, and of the next success."""
    one = vendor()
    async with opened(one) as source:
        for told in (False, False, True):
            one.then("/accounts", problem(401))
            with pytest.raises(UpstreamUnavailable), capture_logs() as logs:
                await ask(source)
            assert source.status.keys_refused is told
            assert [line["alarm"] for line in logs] == ["UPSTREAM_KEYS"]
        await ask(source)
        assert not source.status.keys_refused


async def test_tls_that_fails_is_counted():
    """A certificate that cannot be trusted is an alarm of its own."""
    one = vendor()
    one.each("/accounts", untrusted())
    async with opened(one) as source:
        with capture_logs() as logs:
            await ask(source)
        assert source.status.tls_failures == 1
    assert [line["alarm"] for line in logs] == ["UPSTREAM_TLS"]


async def test_nothing_is_sent_during_the_pause_after_429():
    """After a 429 with Retry-After: 1 nobody sends anything for a second, then all goes well."""
    one = vendor()
    one.then("/eincomes", problem(429, **{"retry-after": "1"}))
    found = await gathered(one, MONTHLY)
    limited = one.times[0] + 2 * one.delay
    later = [time for time in one.times if time > limited + 1e-6]
    assert later == [pytest.approx(limited + 1.0, abs=1e-3)]
    assert found.snapshot.eincomes.records


@pytest.mark.parametrize("header", ["86400", "-1", "garbage", "Tue, 24 Nov 2099 04:00:00 GMT"])
async def test_no_retry_after_makes_a_caller_wait_for_long(header):
    """An absurd Retry-After ends the reading at once where its end lies behind the deadline."""
    one = vendor()
    one.each("/eincomes", problem(429, **{"retry-after": header}))
    found = await gathered(one, MONTHLY, seconds=5.0)
    assert only_fault(found.snapshot.eincomes).code is DataReason.UPSTREAM_RATE_LIMITED
    assert one.times[-1] - one.times[0] < 5.0


async def test_the_circuit_opens_and_heals():
    """After five failures decisions are refused unsent; a probe five seconds later heals it."""
    one = vendor()
    one.each("/accounts", problem(503))
    async with opened(one) as source:
        for _ in range(2):
            snapshot = (await ask(source)).snapshot
            assert snapshot.account_faults[0].code is DataReason.UPSTREAM_UNAVAILABLE
        sent = len(one.log)
        assert sent == 5
        with pytest.raises(UpstreamUnavailable) as refusal:
            await ask(source)
        assert len(one.log) == sent
        assert source.status.circuit == "open"
        one.always.clear()
        await asyncio.sleep(refusal.value.retry_after)
        assert (await ask(source)).snapshot.eincomes.records
        assert source.status.circuit == "closed"


async def test_any_answer_heals_the_circuit():
    """A probe that is answered 404 shows that the vendor is there again."""
    one = vendor()
    one.each("/accounts", problem(503))
    async with opened(one) as source:
        for _ in range(2):
            await ask(source)
        await asyncio.sleep(5.0)
        one.each("/accounts", problem(404, "MISSING_RESOURCE"))
        await ask(source)
        assert source.status.circuit == "closed"


async def test_retries_of_a_vendor_that_is_down_stay_within_the_budget():
    """Over a hundred failing decisions at most 10 + 10 % of the requests are retries."""
    one = vendor()
    one.each("/eincomes", problem(429, **{"retry-after": "0"}))
    async with opened(one, failures_to_open=10**9, window_to_open=10**6) as source:
        for _ in range(100):
            await ask(source)
        status = source.status
    first_tries = status.requests - status.retries
    assert status.retries <= 10 + 0.1 * first_tries
    assert status.retries >= 10


async def test_a_kind_that_fails_on_its_second_page_has_no_records():
    """The pages before the one that failed are not used."""
    one = vendor()
    one.lists["/v1/eincomes"] = [eincome(n) for n in range(200)]
    one.then("/eincomes", one.honest, problem(404))
    found = await gathered(one)
    assert only_fault(found.snapshot.eincomes).code is DataReason.DATA_GONE


async def test_ninety_requests_are_the_most_for_one_reading():
    """A reading stops there, and what it has not read is DATA_TOO_LARGE; shown with nine."""
    assert SmileLimits().requests_per_reading == 90
    one = vendor()
    one.lists["/v1/eincomes"] = [eincome(n) for n in range(900)]
    one.lists["/v1/contributions"] = [contribution(n) for n in range(900)]
    found = await gathered(one, MONTHLY, limits={"requests_per_reading": 9})
    assert found.calls == 9
    codes = [f.code for f in found.snapshot.eincomes.faults + found.snapshot.contributions.faults]
    assert DataReason.DATA_TOO_LARGE in codes


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (ok({"nextCursor": "again", "items": [account("a-2")]}), DataReason.PAGINATION_LOOP),
        (ok({"nextCursor": None, "items": [account(status="ERROR")]}), CHANGED),
        (problem(500), DataReason.UPSTREAM_UNAVAILABLE),
        (HTML, DataReason.UPSTREAM_BAD_BODY),
    ],
)
async def test_a_second_page_of_accounts_that_fails_is_told_by_its_own_code(second, code):
    """Accounts that cannot be listed to the end are one fault, with the reason that is true."""
    one = vendor()
    one.each("/accounts", second)
    one.then("/accounts", ok({"nextCursor": "again", "items": [account()]}))
    snapshot = (await gathered(one)).snapshot
    assert [fault.code for fault in snapshot.account_faults] == [code]
    assert only_fault(snapshot.eincomes).code is code
    assert snapshot.accounts == ()


EPSILON = 1e-4


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
