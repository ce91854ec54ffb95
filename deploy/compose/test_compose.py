"""The compose file, as docker-compose reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from decision_service.config import FROM_FILES, env_name, load

HERE = Path(__file__).parent
SECRETS = "/run/secrets/"

pytestmark = pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="there is no docker-compose"
)


@cache
def composed() -> dict[str, Any]:
    """The services, as they would be started."""
    command = ["docker-compose", "--file", str(HERE / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
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
    assert environ.keys().isdisjoint({env_name(secret) for secret in FROM_FILES})
    for setting, value in environ.items():
        if value.startswith(SECRETS):
            assert value.removeprefix(SECRETS) in given
            environ[setting] = str(tmp_path / setting)
            text = "postgresql://u@h/d" if "STORE" in setting else "x"
            (tmp_path / setting).write_text(text)
    listening = {"DECISION_GRPC_ADDRESS": "0.0.0.0:50051", "DECISION_HTTP_ADDRESS": "0.0.0.0:8080"}
    settings = load(environ=environ | listening)
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


def test_only_this_machine_reaches_it() -> None:
    """Each published port is on loopback, and PostgreSQL's is not published."""
    services = composed()["services"]
    ports = services["decision-service"]["ports"]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert "ports" not in services["postgres"]


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
