"""Serving on loopback, keys, and the shape of refusals."""

from __future__ import annotations

import asyncio
import base64
import socket

import httpx2
import pytest

from decision_service.standin.faults import Fault
from decision_service.standin.server import ListenRefused, build_app, serve
from tests.kits.until import until
from tests.unit.simulator.stand import Stand

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
