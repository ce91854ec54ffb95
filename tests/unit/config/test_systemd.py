"""The systemd unit that is handed out: settings that exist, limits that hold."""

from __future__ import annotations

from pathlib import Path

from decision_service.runtime.address import split_address
from decision_service.runtime.config import load
from decision_service.runtime.settings import VENDOR_LIMIT

UNIT = Path(__file__).parents[3] / "deploy/systemd/decision-service@.service"
SITE = {
    "DECISION_STORE_URL": "postgresql://x/y",
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}


def values(name: str, instance: int = 1) -> list[str]:
    """What the unit says of a name, for one instance."""
    lines = UNIT.read_text().replace("%i", str(instance)).splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def environ(instance: int) -> dict[str, str]:
    """An instance's settings on a site that sets what it must."""
    return SITE | dict(value.split("=", 1) for value in values("Environment", instance))


def test_two_instances_share_the_port_and_the_vendors_limit() -> None:
    """Each serves HTTP on a port of its own."""
    one, two = (load(environ=environ(instance)) for instance in (1, 2))
    assert one.reuse_port
    assert one.grpc_address == two.grpc_address
    assert split_address(one.http_address)[1] + 1 == split_address(two.http_address)[1]
    assert one.smile_requests_per_second + two.smile_requests_per_second == VENDOR_LIMIT


def test_the_service_has_time_to_drain() -> None:
    """systemd kills it five seconds after the default grace at the earliest."""
    settings = load(environ=environ(1))
    [seconds] = values("TimeoutStopSec")
    assert float(seconds.removesuffix("s")) >= settings.drain_seconds + settings.drain_grace + 5


def test_it_is_always_started_again() -> None:
    """However it ended and however often, since the store may be gone for an hour."""
    assert values("Restart") == ["always"]
    assert values("StartLimitIntervalSec") == ["0"]


def test_what_it_writes_nobody_else_reads() -> None:
    """Files and folder are the service's alone, and it gains no privilege and no other folder."""
    assert (values("UMask"), values("StateDirectoryMode")) == (["0077"], ["0700"])
    assert (values("NoNewPrivileges"), values("ProtectSystem")) == (["yes"], ["strict"])
