"""Encrypted connections, with and without client certificates, and certificates that change."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import grpc
import httpx2
import pytest
import trustme
from cryptography import x509

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.cli.main import run
from tests.e2e.office import Office
from tests.e2e.service import Running, at_vendor, refusal
from tests.e2e.team import Metadata, Team
from tests.kits.until import until

LIST = service_pb.ListDecisionsRequest()


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
            await opened.ListDecisions(LIST, metadata=metadata)
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
            await live.stub.ListDecisions(LIST)
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
                await opened.ListDecisions(LIST)
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
