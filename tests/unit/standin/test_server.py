"""Serving on loopback: keys, refusals, webhook registrations, the meter and the request limit."""

from __future__ import annotations

import asyncio
import base64
import socket
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.standin.faults import Fault
from decision_service.standin.server import ListenRefused, SlidingLimit, build_app, serve
from tests.fakes.examples import examples
from tests.kits.cases import until
from tests.unit.standin.kit import GEORGE, Stand, ids, open_stand

KEYS = {"api_key": "key", "api_secret": "secret"}


def basic(text: str) -> dict[str, str]:
    """The header that sends a text as HTTP Basic credentials."""
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def test_stopping_does_not_wait_for_slow_answers() -> None:
    """An answer that would take minutes is given when the server stops."""
    app = build_app(**KEYS, faults=[Fault("slow", settings={"seconds": 600})])
    async with httpx2.AsyncClient(auth=("key", "secret"), timeout=30) as client:
        async with serve(app) as url:
            asking = asyncio.create_task(client.get(f"{url}/users"))
            await until(lambda: app.faults.hits)
        assert (await asking).status_code == 200


async def test_a_port_in_use_is_refused_in_a_sentence() -> None:
    """The refusal names the address and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenRefused, match=rf"127\.0\.0\.1:{port} .*: choose another port"):
            async with serve(build_app(**KEYS), port=port):
                pass


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer key:secret"},
        {"authorization": "Basic !!!"},
        basic("key:Secret"),
        basic("key"),
        basic("other:secret"),
        {"authorization": basic("key:secret")["authorization"].replace("Basic", "Digest")},
    ],
)
async def test_other_keys_are_refused(stand: Stand, headers: dict[str, str]) -> None:
    """Anything but the key pair as HTTP Basic is 401 INVALID_TOKEN, whatever the path."""
    for path in ("users", "nothing"):
        request = httpx2.Request("GET", f"http://simulator/v1/{path}", headers=headers)
        answer = await stand.client.send(request, auth=None)
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


async def test_unknown_paths_and_methods(stand: Stand) -> None:
    """An unknown path is MISSING_RESOURCE, a method a path does not have UNSUPPORTED_METHOD."""
    missing = await stand.get("/users/")
    unsupported = await stand.client.put("users", json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "MISSING_RESOURCE")
    assert (unsupported.status_code, unsupported.json()["code"]) == (501, "UNSUPPORTED_METHOD")


GOOD = {
    "name": "decisions",
    "url": "https://decisions.example/hooks",
    "eventTypes": ["ACCOUNT_DISCONNECTED", "EINCOMES_UPDATED"],
    "active": True,
    "includePayload": True,
    "secret": "s" * 64,
}


async def register(stand: Stand, **changes: Any) -> Any:
    """The answer to a good registration, changed."""
    return await stand.client.post("webhooks", json=GOOD | changes)


async def test_a_registration_is_kept_as_sent(stand: Stand) -> None:
    """A webhook reads back as registered, newest first in the list, until it is deleted."""
    first = (await register(stand)).json()["data"]
    second = (await register(stand, name="other")).json()["data"]
    assert GOOD.items() <= first.items()
    assert ids(await stand.items("/webhooks", size=1)) == [second["id"], first["id"]]
    assert await stand.data(f"/webhooks/{first['id']}") == first
    assert (await stand.client.delete(f"webhooks/{first['id']}")).status_code == 200
    assert (await stand.get(f"/webhooks/{first['id']}")).status_code == 404
    assert (await stand.client.delete(f"webhooks/{first['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "n" * 201),
        ("url", "http://decisions.example"),
        ("url", "https://" + "u" * 493),
        ("eventTypes", "ALL_EVENTS"),
        ("eventTypes", ["EVERYTHING"]),
        ("active", "yes"),
        ("includePayload", 1),
        ("secret", ""),
        ("secret", "s" * 65),
        ("secret", None),
    ],
)
async def test_illegal_fields_are_named(stand: Stand, field: str, value: Any) -> None:
    """A field that breaks the document's limits is INVALID_PARAMETERS and is named."""
    answer = await register(stand, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert field in answer.json()["message"]
    assert await stand.items("/webhooks") == []


GAPS = st.lists(st.integers(0, 700).map(lambda thousandths: thousandths / 1000), max_size=80)


def moments(gaps: list[float]) -> list[float]:
    """Moments with these gaps between them."""
    found, now = [], 5.0
    for gap in gaps:
        now += gap
        found.append(now)
    return found


@settings(max_examples=examples(150), deadline=None)
@given(gaps=GAPS, limit=st.integers(1, 10))
def test_no_second_has_more_than_the_limit(gaps: list[float], limit: int) -> None:
    """Whatever arrives when, no second holds more allowed requests than the limit."""
    sliding = SlidingLimit(limit)
    allowed = [at for at in moments(gaps) if sliding.allows(at)]
    assert all(sum(a <= b < a + 0.999 for b in allowed) <= limit for a in allowed)


async def test_the_limit_spans_all_endpoints_and_the_meter_sees_all() -> None:
    """The limit counts every endpoint together; refused requests are metered too."""
    times = iter((1.0, 1.2, 1.4, 1.6, 1.8, 1.99, 2.0, 2.1))
    async with open_stand(requests_per_second=4, seconds=lambda: next(times)) as stand:
        paths = [
            "/providers",
            "/users",
            "/accounts",
            f"/users/{GEORGE.user_id}",
            "/nothing",
            "/x",
            "/users",
            "/users",
        ]
        statuses = [(await stand.get(path)).status_code for path in paths]
        meter = stand.app.meter
    assert statuses == [200, 200, 200, 200, 429, 429, 200, 429]
    assert (meter.total, meter.peak()) == (8, 7)
    assert [call.status for call in meter.calls] == statuses
    assert meter.by_path()["/users/{id}"] == 1
    assert meter.times == [1.0, 1.2, 1.4, 1.6, 1.8, 1.99, 2.0, 2.1]
