"""What leaves the adapter on any way but its result."""

import base64

import httpx2
import pytest
import structlog

from decision_service.domain.errors import ServiceError
from decision_service.domain.values import Missing
from tests.unit.smile.gathering import KEY, MONTHLY, SECRET, ask, opened
from tests.unit.smile.items import OTHER_USER, USER, account, eincome, metadata
from tests.unit.smile.vendor import Hang, Vendor, ok, problem, raw

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
