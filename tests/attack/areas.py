"""The areas: each function tries one kind of attack and counts, attempt by attempt, what held.

An area leaves the service as it found it, is bounded in count and time, and judges no absolute time
that a busy machine could miss.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx2
from google.type.money_pb2 import Money

from decision_service.api.v1 import applicant_service_pb2 as people_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.casework.onboarding import RENEWALS
from decision_service.server.transport.callers import new_token
from tests.attack.target import (
    CREATE,
    GEORGE,
    LIST,
    Found,
    Result,
    Target,
    client_at,
    code,
    decide,
    known,
    told,
)
from tests.e2e.service import create
from tests.e2e.team import Metadata, bearer
from tests.kits.issuer import BAD

# Bad credentials on every kind of method, and a good token with them

METHODS = (
    CREATE,
    LIST,
    "/decision_service.api.v1.RulesetService/ListRulesets",
    "/decision_service.api.v1.RulesetService/ConfirmRelease",
    "/decision_service.api.v1.RolloutService/SetKillSwitch",
    "/decision_service.api.v1.ApplicantService/EraseApplicant",
    "/decision_service.api.v1.OutcomeService/RecordOutcome",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
)
REFUSED = ("UNAUTHENTICATED", "RESOURCE_EXHAUSTED")
"""RESOURCE_EXHAUSTED where more strangers wait for their answer than have a place."""
GUESSES, AT_ONCE, DECISIONS = 400, 64, 30


async def credentials(target: Target, found: Found) -> None:
    """None lets anybody in; many guesses are slowed, counted and told, and the lender is served."""
    good = target.team.tokens["lender"]
    forged = {name: bearer(make(target.issuer, "auditor")) for name, make in BAD.items()}
    # A minute's leeway and a second: it would become good while this attacks
    later = target.issuer.at(3_600)
    forged["not yet good"] = bearer(target.issuer.token("auditor", nbf=later))
    bad = _bad(good) | forged
    async with target.channel() as channel:
        signed_in = bearer(target.issuer.token("auditor"))
        found.equal("a good ID token", await _code(channel, LIST, signed_in), "OK")
        for method in METHODS:
            await asyncio.gather(
                *(_try(channel, found, method, name, shown) for name, shown in bad.items())
            )
        guesses = asyncio.gather(*(_guess(channel, found) for _ in range(AT_ONCE)))
        await decide(target, found, DECISIONS, "guesses of tokens")
        await guesses
    failed = await target.metric("failed_authentications_total")
    found.attempt(f"{failed:.0f} failures counted", held=failed >= len(METHODS))
    found.attempt("no alarm", held='"alarm": "AUTHENTICATION"' in _lines(target))
    found.attempt("a token in the log", held=good not in target.log.read_text())
    found.figures.append(f"{failed:.0f} authentications failed")


def _bad(good: str) -> dict[str, Metadata]:
    """What shows nobody, or more than one."""
    return {
        "nothing": (),
        "an unknown token": bearer(new_token()),
        "no token": bearer(""),
        "a token and more": bearer(good + "x"),
        "half a token": bearer(good[: len(good) // 2]),
        "another scheme": (("authorization", f"Basic {good}"),),
        "a token alone": (("authorization", good),),
        "two good tokens": bearer(good) + bearer(good),
        "a bad token first": bearer(new_token()) + bearer(good),
        "a bad token last": bearer(good) + bearer(new_token()),
        "two tokens in one": bearer(f"{good}, Bearer {good}"),
        "another header": (("x-authorization", f"Bearer {good}"),),
    }


async def _try(
    channel: grpc.aio.Channel, found: Found, method: str, name: str, shown: Metadata
) -> None:
    found.equal(f"{name} at {method}", await _code(channel, method, shown), *REFUSED)


async def _guess(channel: grpc.aio.Channel, found: Found) -> None:
    for _ in range(GUESSES // AT_ONCE):
        code = await _code(channel, LIST, bearer(new_token()))
        found.equal("a guess", code, *REFUSED)


async def _code(channel: grpc.aio.Channel, method: str, shown: Metadata) -> str:
    call = channel.unary_unary(method)(b"", metadata=shown, timeout=20)
    return (await call.code()).name


def _lines(target: Target) -> str:
    """The alarms of the log."""
    lines = (line for line in target.log.read_text().splitlines() if "alarm" in line)
    return "\n".join(json.dumps(json.loads(line)) for line in lines)


# Applicants, decisions and reports that another caller made

NOBODY = "nobody-there"
UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def owners(target: Target, found: Found) -> None:
    """Reach what the lender made as another caller, whose answers must tell nothing of it."""
    async with target.channel() as channel:
        for part in (_applicants, _decisions):
            found.results(await part(target, channel))


async def _applicants(target: Target, channel: grpc.aio.Channel) -> list[Result]:
    stub = ApplicantServiceStub(channel)
    lender, other = target.lender, target.other
    asked = people_pb.CreateApplicantRequest(applicant_ref="attacked")
    theirs = (await stub.CreateApplicant(asked, metadata=lender)).user_id
    mine = (await stub.CreateApplicant(asked, metadata=other)).user_id
    results = [("the same reference is another applicant", mine != theirs)]
    for user_id, what in ((theirs, "a lender's applicant"), (GEORGE, "nobody's user")):
        absent = _reaching(stub, NOBODY, other)
        for (name, call), (_, nothing) in zip(_reaching(stub, user_id, other), absent, strict=True):
            results.append((f"{name} of {what}", await told(call) == await told(nothing)))
    whole = await code(next(call for _, call in _reaching(stub, theirs, lender)))
    return [*results, ("the lender still reaches its applicant", whole is grpc.StatusCode.OK)]


def _reaching(
    stub: ApplicantServiceStub, user_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every way to a user, each call begun when it is its turn."""
    yield "reading", stub.GetApplicant(people_pb.GetApplicantRequest(user_id=user_id), metadata=who)
    made = people_pb.CreateLinkTokenRequest(user_id=user_id)
    yield "a link token", stub.CreateLinkToken(made, metadata=who)
    erased = people_pb.EraseApplicantRequest(user_id=user_id)
    yield "an erasure", stub.EraseApplicant(erased, metadata=who)


async def _decisions(target: Target, channel: grpc.aio.Channel) -> list[Result]:
    stub = DecisionServiceStub(channel)
    lender, other = target.lender, target.other
    request = create(GEORGE)
    made = (await stub.CreateDecision(request, metadata=lender)).decision
    results = []
    reporter = target.team.hire("reporter", "decide", "outcomes")
    await known(lambda: stub.ListDecisions(service_pb.ListDecisionsRequest(), metadata=reporter))
    tries = _reading(channel, made.decision_id, reporter)
    for (name, call), (_, nothing) in zip(tries, _reading(channel, UNKNOWN, reporter), strict=True):
        same = (await told(call)).replace(made.decision_id, UNKNOWN) == await told(nothing)
        results.append((f"{name} a lender's decision", same))
    listing = service_pb.ListDecisionsRequest(user_id=GEORGE)
    listed = (await stub.ListDecisions(listing, metadata=other)).decisions
    results.append(("listing a user's decisions", made.decision_id not in str(listed)))
    page = service_pb.ListDecisionsRequest(page_size=1)
    await stub.CreateDecision(create(GEORGE), metadata=lender)
    page.page_token = (await stub.ListDecisions(page, metadata=lender)).next_page_token
    refused = await code(stub.ListDecisions(page, metadata=other))
    results.append(("a lender's page token", refused is grpc.StatusCode.INVALID_ARGUMENT))
    request.customer_ref = "other"
    again = (await stub.CreateDecision(request, metadata=other)).decision
    return [*results, ("a lender's request id", again.decision_id != made.decision_id)]


def _reading(
    channel: grpc.aio.Channel, decision_id: str, who: Metadata
) -> Iterator[tuple[str, Awaitable[Any]]]:
    stub = DecisionServiceStub(channel)
    read = service_pb.GetDecisionRequest(decision_id=decision_id)
    yield "reading", stub.GetDecision(read, metadata=who)
    replayed = service_pb.ReplayDecisionRequest(decision_id=decision_id)
    yield "replaying", stub.ReplayDecision(replayed, metadata=who)
    outcome = outcome_pb.LoanOutcome(
        decision_id=decision_id,
        loan_id="LN-attack",
        as_of_date="2026-01-01",
        status=outcome_pb.LOAN_STATUS_BOOKED,
        disbursed_amount=Money(currency_code="PHP", units=1),
        disburse_date="2026-01-01",
        instalment=Money(currency_code="PHP", units=1),
    )
    report = outcome_pb.RecordOutcomeRequest(outcome=outcome)
    outcomes = OutcomeServiceStub(channel)
    yield "reporting on", outcomes.RecordOutcome(report, metadata=who)
    reports = outcome_pb.ListOutcomesRequest(decision_id=decision_id)
    yield "reading the reports on", outcomes.ListOutcomes(reports, metadata=who)


# Link tokens: renewed without end, guessed, in broken bodies, and clients that leave

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
TOKEN_GUESSES = 60
GUESSING, BROKEN, LEAVING = (f"127.0.0.{place}" for place in range(11, 14))


async def tokens(target: Target, found: Found) -> None:
    """Every part on one service, the slowest first."""
    async with target.channel() as channel:
        found.results(await _renewals(target, channel))
    for part in (_guesses, _bodies, _leaving, _headers):
        found.results(await part(target))


async def _token(target: Target, channel: grpc.aio.Channel, reference: str) -> str:
    stub = ApplicantServiceStub(channel)
    request = people_pb.CreateApplicantRequest(applicant_ref=reference)
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
            for number in range(TOKEN_GUESSES)
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


Area = Callable[[Target, Found], Awaitable[None]]
AREAS: dict[str, Area] = {"credentials": credentials, "tokens": tokens, "owners": owners}
