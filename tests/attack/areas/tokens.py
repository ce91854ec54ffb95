"""Link tokens: renewed without end, guessed, sent in broken bodies, and clients that leave."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from urllib.parse import urlsplit

import grpc
import httpx2

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.casework.onboarding import RENEWALS
from tests.attack.answers import Result, client_at, code
from tests.attack.found import Found
from tests.attack.target import GEORGE, Target
from tests.e2e.service import create

PATH = "/connect/token"
BROKEN_OFF = 0
THREADS = 40
ROUNDS = 8
BODIES = (
    b"",
    b"[]",
    b"{",
    b"\xff",
    b'{"token": 5}',
    b'{"token": "\\ud800"}',
    b'{"other": ' + b"[" * 4000,
    b"x" * 5000,
)
GUESSES = 60
GUESSING, BROKEN, LEAVING = (f"127.0.0.{place}" for place in range(11, 14))


async def run(target: Target, found: Found) -> None:
    """Every part on one service, the slowest first."""
    async with target.channel() as channel:
        found.results(await _renewals(target, channel))
    for part in (_guesses, _bodies, _leaving, _headers):
        found.results(await part(target))


async def _token(target: Target, channel: grpc.aio.Channel, reference: str) -> str:
    stub = ApplicantServiceStub(channel)
    request = pb.CreateApplicantRequest(applicant_ref=reference)
    made = await stub.CreateApplicant(request, metadata=target.lender)
    return str(made.link_token.access_token)


async def _renewals(target: Target, channel: grpc.aio.Channel) -> list[Result]:
    """Forty threads on one token, from one address after another until none gets another token."""
    token, given, decided = (
        await _token(target, channel, "renewed"),
        Counter[int](),
        Counter[bool](),
    )
    stub = DecisionServiceStub(channel)
    for place in range(ROUNDS):
        async with client_at(target, f"127.0.1.{place + 1}") as client:
            threads = [_shown(client, token) for _ in range(THREADS)]
            request = create(GEORGE)
            deciding = code(stub.CreateDecision(request, metadata=target.lender))
            answers, outcome = await asyncio.gather(asyncio.gather(*threads), deciding)
        told = Counter(answers)
        given, decided[outcome is grpc.StatusCode.OK] = given + told, 1
        if not told[200]:
            break
    return [
        (f"a token gives at most {RENEWALS}, and gave {given[200]}", given[200] <= RENEWALS),
        ("a token that gave all gives none", told[200] == 0),
        ("decisions are made meanwhile", set(decided) == {True}),
        ("renewing breaks nothing", set(given) <= {BROKEN_OFF, 200, 403, 503}),
    ]


async def _shown(client: httpx2.AsyncClient, token: str) -> int:
    """The status that a token is answered with; a connection may be broken off for another's."""
    try:
        return (await client.post(PATH, json={"token": token})).status_code
    except httpx2.TransportError:
        return BROKEN_OFF


async def _guesses(target: Target) -> list[Result]:
    async with client_at(target, GUESSING) as client:
        told = [
            (await client.post(PATH, json={"token": f"guess-{number}"})).status_code
            for number in range(GUESSES)
        ]
    return [("no guess is a token, and none shuts the address out", set(told) == {403})]


async def _bodies(target: Target) -> list[Result]:
    async with client_at(target, BROKEN) as client:
        return [
            (f"a body of {body[:12]!r}", (await client.post(PATH, content=body)).status_code == 400)
            for body in BODIES
        ]


async def _leaving(target: Target) -> list[Result]:
    """Clients that leave in the middle of a body: the service goes on, and logs no error."""
    before = _errors(target)
    for _ in range(10):
        await asyncio.to_thread(_leave, target)
    async with client_at(target, LEAVING) as client:
        well = (await client.get("/connect")).status_code == 200
    return [
        ("ten clients that leave", well),
        ("a client that leaves is no error line", _errors(target) == before),
    ]


def _errors(target: Target) -> int:
    return target.log.read_text().count('"level": "error"')


def _leave(target: Target) -> None:
    parts = urlsplit(target.http_url)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as plain:
        stream = plain
        if parts.scheme == "https":
            stream = _wrapped(target.trust(), plain, parts.hostname or "")
        stream.sendall(head.encode())
        stream.close()


def _wrapped(authority: ssl.SSLContext, plain: socket.socket, host: str) -> ssl.SSLSocket:
    return authority.wrap_socket(plain, server_hostname=host)


async def _headers(target: Target) -> list[Result]:
    async with client_at(target, LEAVING) as client:
        page = await client.get("/connect?token=shown")
        slash = await client.get("/connect/", headers={"host": "evil.example"})
    return [
        ("the page shows no token", "shown" not in page.text),
        ("browsers stay with TLS", "strict-transport-security" in page.headers),
        ("no slash redirects", slash.status_code == 404 and "location" not in slash.headers),
    ]
