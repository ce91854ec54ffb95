"""Failed authentications: what an operator hears of them."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from decision_service.server import auth as failed_authentications
from decision_service.server.auth import ALARM_FROM, FailedAuthentications
from decision_service.server.context import address_of
from tests.fakes.observed import captured
from tests.kits.cases import cases


def test_failures_are_a_metric_and_many_of_an_address_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log names the address once it has failed a hundred times."""
    log = captured(monkeypatch, failed_authentications)
    registry = CollectorRegistry()
    failures = FailedAuthentications(lambda: 0.0, registry)
    for _ in range(ALARM_FROM + 1):
        failures.count("192.0.2.1")
    assert (
        f"failed_authentications_total {ALARM_FROM + 1:.1f}" in generate_latest(registry).decode()
    )
    assert [(line["alarm"], line["address"], line["failures"]) for line in log] == [
        ("AUTHENTICATION", "192.0.2.1", ALARM_FROM)
    ]


@pytest.mark.parametrize(("peer", "address"), cases("edge/failed_authentications"))
def test_a_client_is_known_by_its_address_without_the_port(peer: str, address: str) -> None:
    """Networks of IPv6 that one client has whole count as one address."""
    assert address_of(peer) == address
