"""What the front hands on, where it leads, and what it refuses by itself."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import socket
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import grpc
import httpx2
import pytest

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.main import run
from deploy.front.front import LENDER, SAMPLE, SECRET, STRANGER, Front, envoy, listing, ports_of
from tests.e2e import wire
from tests.e2e.page import Page
from tests.e2e.team import Office

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
        asked = await web.post(LIST, json={}, headers={"host": "decisions.lender.example"})
        assert asked.status_code == 401, asked.text  # by the name that a lender calls
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
        with envoy(tmp_path, office, {50051: nowhere, 8080: nowhere}, shipped=listing()) as port:
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


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("127.0.1.1", {}),
        ("127.0.1.2", {"authorization": "Bearer x"}),
        ("127.0.1.3", {"authorization": "Basic eDp4"}),
        ("127.0.1.4", {FORGED: "Hash=0"}),
        ("127.0.1.5", {"x-forwarded-for": LENDER}),
        ("127.0.1.6", {"x-real-ip": LENDER, "forwarded": f"for={LENDER}"}),
    ],
    ids=["nothing", "token", "scheme", "certificate", "address", "addresses"],
)
async def test_a_stranger_has_a_lower_rate_whatever_it_shows(
    front: Front, address: str, shown: dict[str, str]
) -> None:
    """The front soon refuses an address that is not listed, and no caller elsewhere."""
    async with front.web(address) as web:
        refused = await first_refused(web, shown)
    assert refused is not None
    assert refused.json()["code"] == "resource_exhausted"
    assert await listed(front, *front.lender) == "OK"


async def test_a_token_in_use_has_a_strangers_rate(front: Front) -> None:
    """It is served from an address that is not listed, and soon refused."""
    async with front.web("127.0.1.7") as web:
        found = set()
        for _ in range(1_000):
            found.add((await web.post(LIST, json={}, headers=dict(front.lender))).status_code)
            if {200, 429} <= found:
                break
    assert found == {200, 429}


async def test_a_listed_address_and_a_verified_certificate_are_known(front: Front) -> None:
    """Neither is refused where a stranger is, with a token that is wrong too."""
    wrong = {"authorization": "Bearer x"}
    certificate = front.office.ca.issue_cert("los.internal")
    for address, client in ((LENDER, None), ("127.0.2.1", certificate)):
        async with front.web(address, client) as web:
            assert await first_refused(web, wrong, most=100) is None


async def test_networks_are_listed_in_both_families(front: Front, tmp_path: Path) -> None:
    """As the page writes them; an address beside a network is a stranger's."""
    page = Page("front.md")
    [(_, listed_there)] = [one for one in page.blocks("Who is known") if "remote_ip" in one[1]]
    assert SAMPLE.removeprefix("# ") in listed_there
    networks = re.findall(r"address_prefix: \"?([\d.a-f:]+)\"?, prefix_len: (\d+)", listed_there)
    assert {":" in address for address, _ in networks} == {True, False}
    [listener] = re.findall(r"`(socket_address: {address: \"::\".*?})`", page.text)
    shipped = listing("127.0.3.0/24", "::1/128", *("/".join(one) for one in networks))
    shipped = shipped.replace("socket_address: {address: 0.0.0.0, port_value: 8443}", listener)
    with envoy(tmp_path, front.office, ports_of(front.service), shipped=shipped) as port:
        other = replace(front, port=port)
        for address, known in (("127.0.3.9", True), ("::1", True), ("127.0.4.9", False)):
            async with other.web(address) as web:
                refused = await first_refused(web, {}, most=100 if known else 1_000)
                assert (refused is None) == known, address


async def test_ten_addresses_leave_pages_and_health_to_the_others(front: Front) -> None:
    """Ten that ask for both until they are refused and on, and hold streams of health."""
    async with AsyncExitStack() as stack:
        *greedy, other = [
            await stack.enter_async_context(front.web(f"127.0.5.{number}"))
            for number in range(1, 12)
        ]
        for web in greedy:
            for _ in range(10):
                await stack.enter_async_context(health(web, "Watch"))
        asking = [Asking(web) for web in greedy]
        async with asyncio.TaskGroup() as group:
            for one in asking:
                group.create_task(one.until_enough())
            for one in asking:
                await one.refused.wait()
            async with health(other, "Watch") as answer:
                assert answer.headers.get("grpc-status") is None
            for _ in range(5):
                assert (await other.get("/connect")).status_code == 200
                async with health(other, "Check") as answer:
                    assert answer.headers.get("grpc-status") is None
            for one in asking:
                one.enough = True


class Asking:
    """A client that asks for health and the connect page; `refused` once it was refused both."""

    enough = False

    def __init__(self, web: httpx2.AsyncClient) -> None:
        self.refused = asyncio.Event()
        self._web = web

    async def until_enough(self) -> None:
        page = check = False
        while not self.enough:
            page |= (await self._web.get("/connect")).status_code == 429
            async with health(self._web, "Check") as answer:
                check |= "grpc-status" in answer.headers
            if page and check:
                self.refused.set()


def health(web: httpx2.AsyncClient, method: str) -> AbstractAsyncContextManager[httpx2.Response]:
    """A call of health as HTTP/1.1, whose refusal has `grpc-status` in its head."""
    headers = {"content-type": "application/grpc", "te": "trailers"}
    path = f"/grpc.health.v1.Health/{method}"
    return web.stream("POST", path, content=bytes(5), headers=headers)


async def first_refused(
    web: httpx2.AsyncClient, headers: dict[str, str], most: int = 1_000
) -> httpx2.Response | None:
    """The first answer of so many calls in a row that says that they are too many."""
    for _ in range(most):
        answer = await web.post(LIST, json={}, headers=headers)
        if answer.status_code == 429:
            return answer
    return None
