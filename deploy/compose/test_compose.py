"""The compose file, as docker-compose reads it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import ssl
import struct
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from decision_service.runtime.config import load
from decision_service.runtime.settings import FROM_FILES, env_name
from decision_service.store.engine import parse_journal
from decision_service.store.errors import StoreRefused
from decision_service.store.store import open_journal
from tests.e2e.page import Page
from tests.kits.postgres import Postgres, running_postgres

HERE = Path(__file__).parent
SECRETS = "/run/secrets/"
IMAGES = ("DECISION_IMAGE", "POSTGRES_IMAGE", "FRONT_IMAGE")

pytestmark = pytest.mark.skipif(
    shutil.which("docker-compose") is None,
    reason="there is no docker-compose: apt-get install docker-compose",
)


def compose(**images: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose reads, given images."""
    command = ["docker-compose", "--file", str(HERE / "compose.yaml"), "config", "--format", "json"]
    environ = os.environ | images
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@cache
def composed() -> dict[str, Any]:
    """The services, as they would be started."""
    done = compose(**dict.fromkeys(IMAGES, f"registry.example.com/a@sha256:{'0' * 64}"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.mark.parametrize("name", ["migrate", "decision-service"])
def test_the_service_takes_the_settings(name: str, tmp_path: Path) -> None:
    """Each secret is a file and none a variable; a stop has time for the drain."""
    service = composed()["services"][name]
    given = {secret["target"].removeprefix(SECRETS) for secret in service["secrets"]}
    environ: dict[str, str] = dict(service["environment"])
    path = {"DECISION_ERASURE_JOURNAL"}  # a secret only where it is the URL of a server
    assert environ.keys().isdisjoint({env_name(secret) for secret in FROM_FILES} - path)
    for setting, value in environ.items():
        if value.startswith(SECRETS):
            assert value.removeprefix(SECRETS) in given
            environ[setting] = str(tmp_path / setting)
            text = "postgresql://u@h/d" if "STORE" in setting else "x" * 16
            (tmp_path / setting).write_text(text)
    settings = load(environ=environ)
    assert settings.callers_known
    if "stop_grace_period" in service:
        seconds = float(service["stop_grace_period"].removesuffix("s"))
        assert seconds >= settings.drain_seconds + settings.drain_grace + 5


@pytest.mark.parametrize("name", ["migrate", "decision-service"])
def test_it_can_write_its_volume_alone(name: str) -> None:
    """A read-only root, no rights, /tmp in memory, rules that cannot be written."""
    service = composed()["services"][name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["tmpfs"] == ["/tmp"]
    writable = [one["target"] for one in service.get("volumes", ()) if not one.get("read_only")]
    assert writable in ([], ["/data"])


def test_strangers_meet_the_front_alone() -> None:
    """Its port is the one that is published, and it reaches the service on loopback."""
    services = composed()["services"]
    assert [one["target"] for each in services.values() for one in each.get("ports", ())] == [8443]
    assert services["front"]["network_mode"] == "service:decision-service"
    [folder] = services["front"]["volumes"]
    assert f"{folder['target']}/envoy.yaml" in services["front"]["command"]
    assert folder["target"] in (HERE.parent / "front/envoy.yaml").read_text()


@pytest.mark.parametrize("missing", IMAGES)
def test_an_image_is_named_by_whoever_starts_it(missing: str) -> None:
    """No tag is a default: the sentence names the variable and the page."""
    done = compose(**{name: "a@sha256:" + "0" * 64 for name in IMAGES if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert "docs/deployment.md" in done.stderr


async def terminated(folder: Path, socket: str) -> asyncio.Server:
    """TLS before a PostgreSQL server, by a certificate that was made as the page says."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "secrets/postgres-cert", folder / "secrets/postgres-key")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(8) == struct.pack("!II", 8, 80877103)  # SSLRequest
        writer.write(b"S")
        try:
            await writer.start_tls(context)
            behind, before = await asyncio.open_unix_connection(socket)
            await asyncio.gather(pump(reader, before), pump(behind, writer))
        except OSError:  # the client does not trust the certificate
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


def certificate(folder: Path) -> None:
    """Run the page's own command for a certificate, of this machine's name."""
    [command] = re.findall(r"^openssl req .*\\\n.*", Page("deployment.md").text, re.MULTILINE)
    (folder / "secrets").mkdir(parents=True)
    command = re.sub("(CN=|DNS:)postgres", r"\1localhost", command)
    subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server without TLS of its own."""
    with running_postgres() as running:
        yield running


@pytest.mark.parametrize(
    ("host", "trusted", "refused"),
    [
        ("localhost", "own", None),
        ("127.0.0.1", "own", "not valid for '127.0.0.1'"),
        ("localhost", "other", "certificate verify failed"),
        ("localhost", "none", "check .*, the file that PGSSLROOTCERT names"),
    ],
)
async def test_the_database_is_checked_as_the_page_says(
    postgres: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    trusted: str,
    refused: str | None,
) -> None:
    """Of another name or authority it is not asked, and the sentence says why."""
    for name in ("own", "other"):
        certificate(tmp_path / name)
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / trusted / "secrets/postgres-cert"))
    [mode] = set(re.findall(r"sslmode=([\w-]+)", Page("deployment.md").text))
    folder = dict(parse_qsl(urlsplit(postgres.url("postgres")).query))["host"]
    server = await terminated(tmp_path / "own", f"{folder}/.s.PGSQL.5432")
    port = server.sockets[0].getsockname()[1]
    place = parse_journal(f"postgresql://postgres@{host}:{port}/postgres?sslmode={mode}")
    async with server:
        if refused is None:
            await (await open_journal(place)).aclose()
            return
        with pytest.raises(StoreRefused, match=refused):
            await open_journal(place)


def test_it_starts_on_a_store_with_the_newest_tables() -> None:
    """After the migration, which waits for PostgreSQL; and health is the service's own command."""
    services = composed()["services"]
    waits = {name: services[name]["depends_on"] for name in ("migrate", "decision-service")}
    assert waits["migrate"]["postgres"]["condition"] == "service_healthy"
    done = waits["decision-service"]["migrate"]["condition"]
    assert done == "service_completed_successfully"
    assert services["decision-service"]["healthcheck"]["test"] == [
        "CMD",
        "decision-service",
        "health",
    ]
