"""Who is let in: roles, sign-in, TLS and its certificates."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import httpx2
import pytest
import trustme
from cryptography import x509
from google.protobuf import descriptor_pool
from google.type.money_pb2 import Money
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from decision_service.api.v1 import decision_pb2, decision_service_pb2_grpc
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.cli.main import run
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from decision_service.server.transport.auth import HEALTH_METHODS, METHODS
from decision_service.server.transport.context import Role
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, at_vendor, create, refusal, refused, running
from tests.e2e.team import Metadata, Office, Team, bearer
from tests.e2e.test_json import LIST, post
from tests.kits.cases import until
from tests.kits.issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SANDBOX = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}

GEORGE = sandbox_people()[0].user_id

UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"

LIST_SERVICES = reflection_pb2.ServerReflectionRequest(list_services="")

CLOSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}

REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


async def answer(live: Running, method: str, metadata: Metadata) -> grpc.StatusCode:
    """The code that an empty request to a method gets."""
    try:
        await live.channel.unary_unary(method)(b"", metadata=metadata)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def services(live: Running, metadata: Metadata = ()) -> set[str]:
    """The services that the server says it has."""
    stub = reflection_pb2_grpc.ServerReflectionStub(live.channel)
    call = stub.ServerReflectionInfo(iter([LIST_SERVICES]), metadata=metadata)
    async for reply in call:
        return {service.name for service in reply.list_services_response.service}
    return set()


async def served(live: Running, metadata: Metadata = ()) -> set[str]:
    """Every method of every service."""
    pool = descriptor_pool.Default()
    return {
        f"/{name}/{method.name}"
        for name in await services(live, metadata)
        for method in pool.FindServiceByName(name).methods
    }


async def test_every_method_of_every_service_has_a_row(shared: Running) -> None:
    """A method that is served is in the table of roles."""
    assert await served(shared) <= set(METHODS) | HEALTH_METHODS


async def test_reflection_answers_under_both_its_names(shared: Running) -> None:
    """Newer clients ask `v1`, whose messages are the same."""
    ask = shared.channel.stream_stream(
        REFLECTION.replace("v1alpha", "v1"),
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    async for reply in ask(iter([LIST_SERVICES])):
        found = {service.name for service in reply.list_services_response.service}
        assert found == await services(shared)


async def test_each_role_opens_its_methods_and_no_other(guarded: Running, staff: Team) -> None:
    """Of every role and method, those that the table names come in and all others do not."""
    shown = {role: bearer(staff.tokens[role]) for role in Role}
    methods = await served(guarded, shown[Role.READ]) - HEALTH_METHODS - {REFLECTION}
    opened = {
        (method, role)
        for method in sorted(methods)
        for role in Role
        if await answer(guarded, method, shown[role]) not in CLOSED
    }
    assert opened == {(method, role) for method in methods for role in METHODS[method]}


async def test_who_is_not_known_is_told_so_alike(guarded: Running) -> None:
    """No token, an unknown one and another scheme get the same words; health asks for none."""
    words = set()
    for metadata in ((), bearer("dst_wrong"), (("authorization", "Basic x"),)):
        one = await refused(guarded.stub.CreateDecision(create(GEORGE), metadata=metadata))
        words.add((one.code, one.message, one.info.reason))
    [(code, _, _)] = words
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert await answer(guarded, "/grpc.health.v1.Health/Check", ()) is grpc.StatusCode.OK


async def test_callers_see_their_own_decisions_only(guarded: Running, staff: Team) -> None:
    """The same request id is another request of another caller, who finds nothing of the first."""
    one, other, auditor = (bearer(staff.tokens[name]) for name in ("one", "other", "read"))
    request = create(GEORGE)
    mine = (await guarded.stub.CreateDecision(request, metadata=one)).decision
    request.customer_ref = "another"
    theirs = (await guarded.stub.CreateDecision(request, metadata=other)).decision
    assert mine.decision_id != theirs.decision_id
    assert await listed(guarded, one) == [mine.decision_id]
    assert await listed(guarded, other) == [theirs.decision_id]
    assert {mine.decision_id, theirs.decision_id} <= {*await listed(guarded, auditor)}
    found = {"version": mine.ruleset_ref.version, "arm": mine.assignment.arm}
    for any_id, seen in ((mine.decision_id, []), (GEORGE, [theirs.decision_id])):
        assert await listed(guarded, other, any_id=any_id, **found) == seen
    for unlike in ({"version": 99}, {"reason": "NO_SUCH"}, {"arm": "challenger"}):
        assert await listed(guarded, one, **{**found, **unlike}) == []
    asked = service_pb.ListDecisionsRequest(arm="both", version=-1, any_id="x" * 201)
    malformed = await refused(guarded.stub.ListDecisions(asked, metadata=one))
    assert malformed.fields == {
        "any_id": "any_id is longer than 200 characters",
        "arm": "arm is no arm: it must be champion or challenger",
        "version": "version is -1: it must be a version, or 0",
    }
    replay = service_pb.ReplayDecisionRequest(decision_id=mine.decision_id)
    assert not (await guarded.stub.ReplayDecision(replay, metadata=auditor)).differing_fields
    assert await denied(guarded, mine.decision_id, other) == await denied(guarded, UNKNOWN, other)


async def listed(live: Running, metadata: Metadata, **chosen: Any) -> list[str]:
    """The ids of the decisions that a caller sees, page by page."""
    found, token = [], ""
    while True:
        request = service_pb.ListDecisionsRequest(page_size=1, page_token=token, **chosen)
        reply = await live.stub.ListDecisions(request, metadata=metadata)
        found += [decision.decision_id for decision in reply.decisions]
        token = reply.next_page_token
        if not token:
            return found


async def denied(live: Running, decision_id: str, metadata: Metadata) -> list[str]:
    """What reading and replaying a decision are refused with, without its id."""
    words = []
    for call in (
        live.stub.GetDecision(
            service_pb.GetDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
        live.stub.ReplayDecision(
            service_pb.ReplayDecisionRequest(decision_id=decision_id), metadata=metadata
        ),
    ):
        one = await refused(call)
        words.append(f"{one.code} {one.message} {one.info}".replace(decision_id, "ID"))
    return words


async def test_reflection_needs_a_known_caller(guarded: Running, staff: Team) -> None:
    """Where callers are configured the server describes itself to them alone."""
    known = await services(guarded, bearer(staff.tokens["one"]))
    assert "decision_service.api.v1.DecisionService" in known
    assert await answer(guarded, REFLECTION, ()) is grpc.StatusCode.UNAUTHENTICATED


async def test_reflection_can_be_switched_off(tmp_path: Path) -> None:
    """With REFLECTION=false, and by default outside of embedded mode, there is no such service."""
    async with at_vendor(tmp_path) as (live, _):
        assert await answer(live, REFLECTION, ()) is grpc.StatusCode.UNIMPLEMENTED
        async with httpx2.AsyncClient() as client:  # nor a page that names every call
            for path in ("/", "/docs/callers.md", "/explorer/explorer.js"):
                assert (await client.get(live.service.http_url + path)).status_code == 404
    chosen = {name: {"DECISION_REFLECTION": name} for name in ("true", "false")}
    real = SANDBOX | chosen["true"]
    assert load(environ=real).describes_itself
    assert not load(environ=chosen["false"]).describes_itself


RYAN, ANISHA = sandbox_people()[1].user_id, sandbox_people()[3].user_id

MARIA, JUAN = "248289761001", "b7c1"

ALL = service_pb.ListDecisionsRequest()


async def test_who_signs_in_calls_over_grpc_and_json_through_a_rotation(tmp_path: Path) -> None:
    """A service fetches the keys as it starts; no call by a new key is refused; strangers are."""
    async with Issuer(SystemClock().now).serving() as issuer:
        team = Team(tmp_path, issuer.line)
        team.hire("maria", "decide", subjects=[MARIA])
        team.hire("juan", "read", subjects=[JUAN])
        async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
            await until(lambda: len(issuer.asked) == 2)
            made = live.stub.CreateDecision(create(RYAN), metadata=bearer(issuer.token(MARIA)))
            decision_id = (await made).decision.decision_id
            issuer.rotate()
            token = issuer.token(JUAN)
            grpc_list, json_list = await asyncio.gather(
                live.stub.ListDecisions(ALL, metadata=bearer(token)),
                post(live, LIST, {}, authorization=f"Bearer {token}"),
            )
            assert [one.decision_id for one in grpc_list.decisions] == [decision_id]
            assert [one["decisionId"] for one in json_list.content["decisions"]] == [decision_id]
            assert len(issuer.asked) == 4
            stranger = live.stub.ListDecisions(ALL, metadata=bearer(issuer.token("1")))
            assert (await refused(stranger)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_another_person_of_a_caller_ends_the_review_of_what_one_sent(tmp_path: Path) -> None:
    """Who sent it may not, by no token; nor may the caller's own token, which names no person."""
    async with Issuer(SystemClock().now).serving() as issuer:
        team = Team(tmp_path, issuer.line)
        roles = ("decide", "review", "review_second", "read")
        desk = team.hire("desk", *roles, subjects=[MARIA, JUAN])
        async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
            await until(lambda: len(issuer.asked) == 2)
            maria, juan = bearer(issuer.token(MARIA)), bearer(issuer.token(JUAN))
            amount = Money(currency_code="PHP", units=30_000)
            request = create(ANISHA, requested_amount=amount, requested_term_months=6)
            made = (await live.stub.CreateDecision(request, metadata=maria)).decision
            review_id = made.decision_id.replace("dec_", "rev_") + "-1"
            reviews = ReviewServiceStub(live.channel)
            claim = review_pb.ClaimReviewRequest(review_id=review_id)
            claimed = (await reviews.ClaimReview(claim, metadata=maria)).review
            assert claimed.own_application
            end = review_pb.CompleteReviewRequest(
                review_id=review_id,
                request_id="r-1",
                outcome=decision_pb2.OUTCOME_APPROVE,
                approved_amount=Money(currency_code="PHP", units=10_000),
                reason="INCOME_CONFIRMED",
                explanation="The employer confirms the income by telephone.",
            )
            renewed = bearer(issuer.token(MARIA, "RS256"))
            for who, words in (
                (renewed, f"you sent the application of {review_id}: another person"),
                (desk, f"desk sent the application of {review_id}: another caller"),
            ):
                said = await refused(reviews.CompleteReview(end, metadata=who))
                assert said.code is grpc.StatusCode.PERMISSION_DENIED
                assert words in said.message
            ended = (await reviews.CompleteReview(end, metadata=juan)).review
            assert ended.state == decision_pb2.REVIEW_STATE_AWAITING_RELEASE
            assert not ended.own_application


EMPTY_LISTING = service_pb.ListDecisionsRequest()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An authority of the test's own."""
    return Office(tmp_path)


async def expiry(live: Running, office: Office) -> float:
    """When the served certificate expires, as the metric says."""
    trusted = ssl.create_default_context(cafile=str(office.authority))
    async with httpx2.AsyncClient(verify=trusted) as client:
        text = (await client.get(f"{live.service.http.admin}/metrics")).text
    return float(re.search(r"^decision_service_certificate_expiry\S+ (\S+)$", text, re.M)[1])


@asynccontextmanager
async def stub(
    live: Running, office: Office, client: trustme.LeafCert | None = None
) -> AsyncIterator[decision_service_pb2_grpc.DecisionServiceStub]:
    """A stub over an encrypted channel of its own."""
    credentials = grpc.ssl_channel_credentials(
        office.ca.cert_pem.bytes(),
        client and client.private_key_pem.bytes(),
        client and b"".join(pem.bytes() for pem in client.cert_chain_pems),
    )
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(live.service.address, credentials, own) as channel:
        yield decision_service_pb2_grpc.DecisionServiceStub(channel)


async def code(
    live: Running, office: Office, client: trustme.LeafCert | None, metadata: Metadata = ()
) -> grpc.StatusCode:
    """What a listing by this client comes to."""
    async with stub(live, office, client) as opened:
        try:
            await opened.ListDecisions(EMPTY_LISTING, metadata=metadata)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def names_served(live: Running, office: Office) -> tuple[str, ...]:
    """The names in the certificate that the server shows now."""
    host, _, port = live.service.address.rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)), ca_certs=str(office.authority))
    shown = x509.load_pem_x509_certificate(pem.encode()).extensions
    names = shown.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


async def test_the_edges_speak_tls_and_nothing_else(office: Office, tmp_path: Path) -> None:
    """gRPC and HTTP answer over TLS; plaintext to either is closed without an answer."""
    async with at_vendor(tmp_path, **office.settings()) as (live, _):
        assert await code(live, office, None) is grpc.StatusCode.OK
        with pytest.raises(grpc.RpcError) as error:
            await live.stub.ListDecisions(EMPTY_LISTING)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        trusted = ssl.create_default_context(cafile=str(office.authority))
        async with httpx2.AsyncClient(verify=trusted) as client:
            assert live.service.http_url.startswith("https://")
            health = await client.get(f"{live.service.http.admin}/healthz")
            assert health.text == "SERVING\n"
            assert health.headers["strict-transport-security"] == "max-age=31536000"


async def test_clients_must_show_a_certificate_of_the_authority(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None, or one of another authority, ends the handshake; a known name is its caller.

    The options of a command open such a server.
    """
    team = Team(tmp_path)
    token = team.hire("los", "read", certificate="los.internal")
    settings = office.settings(clients=True) | {"auth_tokens_file": str(team.path)}
    known = office.ca.issue_cert("los.internal")
    stranger = office.ca.issue_cert("stranger.internal")
    foreign = trustme.CA().issue_cert("los.internal")
    async with at_vendor(tmp_path, **settings) as (live, _):
        assert await code(live, office, known) is grpc.StatusCode.OK
        assert await code(live, office, stranger, token) is grpc.StatusCode.OK
        assert await code(live, office, None) is grpc.StatusCode.UNAVAILABLE
        assert await code(live, office, foreign) is grpc.StatusCode.UNAVAILABLE
        async with stub(live, office, stranger) as opened:
            with pytest.raises(grpc.RpcError) as error:
                await opened.ListDecisions(EMPTY_LISTING)
        assert refusal(error.value).code is grpc.StatusCode.UNAUTHENTICATED
        own = office.client(stranger, tmp_path)
        opened = ["--address", live.service.address, "--tls-ca", str(office.authority), *own]
        listing = ["decisions", "list", "--format", "json", *opened]
        (tmp_path / "token").write_text(team.tokens["los"] + "\n")
        with_token = [*listing, "--token-file", str(tmp_path / "token")]
        assert await asyncio.to_thread(run, with_token) == 0
        assert capsys.readouterr().out.endswith("{}\n")
        assert await asyncio.to_thread(run, listing) == 3
        assert "UNAUTHENTICATED" in capsys.readouterr().err
        assert await asyncio.to_thread(run, ["health", *opened]) == 0


async def test_replaced_certificates_are_served_and_bad_ones_are_not(
    office: Office, tmp_path: Path
) -> None:
    """New files are shown to the next client; files that are no certificate change nothing."""
    async with at_vendor(tmp_path, **office.settings()) as (live, _):
        assert await asyncio.to_thread(names_served, live, office) == ("127.0.0.1",)
        before = await expiry(live, office)
        office.renew("127.0.0.1", "second.example", not_after=datetime(2040, 1, 2, tzinfo=UTC))
        names = partial(asyncio.to_thread, names_served, live, office)
        await until(names, lambda found: len(found) == 2)
        office.cert.write_text("no certificate")
        certificates = live.service.core.certificates
        assert certificates is not None
        certificates.refresh()
        assert "second.example" in await asyncio.to_thread(names_served, live, office)
        assert await code(live, office, None) is grpc.StatusCode.OK
        assert before != await expiry(live, office) == datetime(2040, 1, 2, tzinfo=UTC).timestamp()


async def test_commands_say_which_mistake_of_tls_it_is(
    shared: Running, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake between a client and a server has a sentence of its own, and code 3."""
    stranger = Office(tmp_path / "stranger")
    desk = stranger.client(stranger.ca.issue_cert("desk.internal"), tmp_path)
    own, other = ["--tls-ca", str(office.authority)], ["--tls-ca", str(stranger.authority)]

    async def told(live: Running, *words: str) -> str:
        port = live.service.address.rpartition(":")[2]
        address = f"localhost:{port}" if "localhost" in words else live.service.address
        line = ["health", "--address", address, *(word for word in words if word != "localhost")]
        assert await asyncio.to_thread(run, line) == 3
        return capsys.readouterr().err

    async with at_vendor(tmp_path, **office.settings(clients=True)) as (live, _):
        assert "speaks TLS and this command does not: give --tls-ca" in await told(live)
        assert f"is not that of {stranger.authority}" in await told(live, *other)
        assert "known here: give --tls-ca" in await told(live, *desk)
        assert "is not for the name localhost" in await told(live, "localhost", *own)
        assert "that asks for a client certificate: give --tls-cert" in await told(live, *own)
        assert "does not take the client certificate" in await told(live, *own, *desk)
    assert "does not speak TLS: leave --tls-ca" in await told(shared, *own)


async def test_commands_say_which_mistake_of_an_address_it_is(
    shared: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """A URL, the HTTP or the admin port, nothing, and a server that is silent for too long."""

    async def told(address: str, *words: str, code: int = 3) -> str:
        line = [*(words or ("health",)), "--address", address]
        assert await asyncio.to_thread(run, line) == code
        return capsys.readouterr().err

    for url in (shared.service.http.public, shared.service.http.admin):
        place = url.rpartition("/")[2]
        assert "speaks HTTP/1.1, as the HTTP and the admin address" in await told(place)
        assert f"begins with http://: leave it out, as in {place}\n" in await told(url, code=2)
        assert f"as in {place}\n" in await told(f"{url}/", code=2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        assert "no server answers at" in await told(place)
        silent.listen()
        decide = ("decide", "--user-id", "x", "--product", "personal-loan-ph", "--timeout", "0.1")
        words = await told(place, *decide)
        assert f"the server at {place} did not answer within 0.1 s: give it longer" in words


@pytest.mark.parametrize("option", ["--tls-ca", "--tls-cert"])
def test_a_file_that_is_no_certificate_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """A command refuses it before it calls."""
    (tmp_path / "garbage").write_text("garbage")
    key = ["--tls-key", str(tmp_path / "garbage")] if option == "--tls-cert" else []
    assert run(["health", option, str(tmp_path / "garbage"), *key]) == 2
    assert "garbage" in capsys.readouterr().err


def test_a_token_does_not_travel_unencrypted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command refuses to send its token to another machine in plaintext."""
    (tmp_path / "token").write_text("dst_x")
    words = ["decisions", "list", "--address", "los.example:1", "--token-file"]
    assert run([*words, str(tmp_path / "token")]) == 2
    assert "unencrypted" in capsys.readouterr().err
