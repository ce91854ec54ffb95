"""What the front hands on, where it leads, and what it refuses by itself."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from pathlib import Path
from urllib.parse import quote

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.main import run
from deploy.front.front import SECRET, STRANGER, Front, envoy
from tests.e2e import wire
from tests.e2e.office import Office

LIST = "/decision_service.api.v1.DecisionService/ListDecisions"
FORGED = "x-forwarded-client-cert"


async def listed(front: Front, *metadata: tuple[str, str], certificate: str = "") -> str:
    """The code of a call with a certificate of this name, or none."""
    client = front.office.ca.issue_cert(certificate) if certificate else None
    async with front.channel(client) as channel:
        call = channel.unary_unary(LIST, service_pb.ListDecisionsRequest.SerializeToString)
        try:
            await call(service_pb.ListDecisionsRequest(), metadata=metadata, timeout=20)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


async def test_a_certificate_names_its_caller_through_the_front(front: Front) -> None:
    """A known name is a caller, another name is none, and a token counts as before."""
    assert await listed(front, certificate="los.internal") == "OK"
    assert await listed(front, certificate="x.internal") == "UNAUTHENTICATED"
    assert await listed(front, *front.lender) == "OK"
    assert await listed(front) == "UNAUTHENTICATED"


async def test_a_certificate_that_a_client_claims_is_overwritten(front: Front) -> None:
    """With a certificate of its own, and without one."""
    pem = front.office.ca.issue_cert("los.internal").cert_chain_pems[0].bytes()
    claimed = (FORGED, f'Hash={hashlib.sha256(pem).hexdigest()};Cert="{quote(pem)}"')
    assert await listed(front, claimed) == "UNAUTHENTICATED"
    assert await listed(front, claimed, certificate="x.internal") == "UNAUTHENTICATED"


async def test_the_log_has_the_address_of_the_client(front: Front) -> None:
    """It is the one that connected to the front, whatever the client says of itself."""
    sent = {"x-forwarded-for": "203.0.113.9", "x-request-id": "by-address"} | dict(front.lender)
    address = f"127.0.0.1:{front.port}"
    async with wire.connected(address, tls=front.trust("h2"), source=STRANGER) as connection:
        connection.open(1, LIST, b"", **sent)
        assert await connection.until(wire.DATA, stream=1)
    while not (found := [one for one in front.log.read_text().splitlines() if "by-address" in one]):
        await asyncio.sleep(0.05)
    assert [json.loads(line)["address"] for line in found] == [STRANGER]


async def test_each_path_leads_to_its_port(front: Front) -> None:
    """Pages, events and JSON reach the service; nothing else does."""
    body = b'{"id": "e-1", "type": "ACCOUNT_CONNECTED"}' + b" " * 500_000
    signed = hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest()
    async with front.web() as web:
        assert (await web.get("/connect")).status_code == 200
        event = await web.post("/webhooks/smile", content=body, headers={"smile-signature": signed})
        assert event.status_code == 200, event.text
        assert (await web.get("/webhooks/smile")).json()["code"] == "unimplemented"
        asked = await web.post(LIST, json={})
        assert "x-envoy-upstream-service-time" in asked.headers
        for path in ("/", "/metrics", "/healthz", "/livez", "/connected"):
            answer = await web.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "unimplemented"), path
            assert "x-envoy-upstream-service-time" not in answer.headers


async def test_commands_say_that_nothing_answers_behind_the_front(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the service is stopped; no word of certificates, which the front does not ask for."""
    office = Office(tmp_path / "office")
    with socket.socket() as closed:  # bound and not listening: connections to it are refused
        closed.bind(("127.0.0.1", 0))
        nowhere = closed.getsockname()[1]
        with envoy(tmp_path, office, {50051: nowhere, 8080: nowhere}) as port:
            at = ["--address", f"127.0.0.1:{port}", "--tls-ca", str(office.authority)]
            for word in ("health", "whoami"):
                assert await asyncio.to_thread(run, [word, *at]) == 3
                told = capsys.readouterr().err
                assert "a front that answers, and nothing answers behind it" in told
                assert "certificate" not in told


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({f"x-{number}": "x" for number in range(65)}, b"", 431),
        ({"x-long": "x" * 9_000}, b"", 431),
        ({"x_underscore": "x"}, b"", 400),
        ({}, b"x" * 132_000, 413),
    ],
    ids=["fields", "head", "underscore", "body"],
)
async def test_what_is_too_much_ends_at_the_front(
    front: Front, headers: dict[str, str], body: bytes, status: int
) -> None:
    """Fields, bytes of a head and of a body, and a name that a proxy might read as another."""
    async with front.web() as web:
        assert (await web.post(LIST, content=body, headers=headers)).status_code == status


async def test_calls_without_credentials_have_a_lower_rate(front: Front) -> None:
    """One address without a token is soon refused by the front, and a caller elsewhere is not."""
    async with front.web("127.0.0.3") as web:
        found = [(await web.post(LIST, json={})) for _ in range(60)]
    refused = [answer.json()["code"] for answer in found if answer.status_code == 429]
    assert len(refused) >= 20
    assert set(refused) == {"resource_exhausted"}
    assert await listed(front, *front.lender) == "OK"
