"""A first sync that runs while an application comes, on a running service at the stand-in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.sandbox import SandboxPerson, sandbox_people
from tests.e2e.service import PRODUCT, Running, create, outcome, refused
from tests.fakes.examples import some
from tests.journeys.kit import ADVANCE, syncing

GEORGE, _, CHRISTINA, _ = sandbox_people()
LOAN = {"product": PRODUCT}
KINDS = [
    pytest.param(LOAN, GEORGE, "sprout_ph", id="payroll"),
    pytest.param(LOAN, GEORGE, "sss_ph", id="scheme"),
    pytest.param(ADVANCE, CHRISTINA, "grab_ph", id="platform"),
]


async def recorded(live: Running, user_id: str) -> list[str]:
    """The request ids of what is recorded of a user."""
    reply = await live.stub.ListDecisions(service_pb.ListDecisionsRequest(user_id=user_id))
    return [one.request_id for one in reply.decisions]


@pytest.mark.parametrize(("product", "person", "provider"), KINDS)
async def test_an_application_during_a_first_sync_is_refused_and_decided_later(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """Nothing is recorded, and the same request id is decided once the sync has finished."""
    async with syncing(tmp_path, timedelta(minutes=45)) as desk:
        user_id = desk.connected(person, provider, timedelta(minutes=30))
        asked = create(user_id, **product)
        found = await refused(desk.live.stub.CreateDecision(asked))
        assert (found.code.name, found.info.reason) == ("FAILED_PRECONDITION", "DATA_NOT_READY")
        assert found.retry == 30.0
        assert await recorded(desk.live, user_id) == []
        desk.ahead = timedelta(minutes=16)
        decision = await desk.decided(asked)
        assert await recorded(desk.live, user_id) == [asked.request_id]
        assert "DATA_ARRIVING" not in [reason.code for reason in decision.reasons]


@pytest.mark.parametrize(("product", "person", "provider"), some(KINDS, 3))
async def test_a_first_sync_of_more_than_an_hour_is_referred(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """After the hour a person decides, and the reason says that the data is still arriving."""
    async with syncing(tmp_path, timedelta(hours=3)) as desk:
        user_id = desk.connected(person, provider, timedelta(minutes=61))
        decision = await desk.decided(create(user_id, **product))
        assert outcome(decision) == "REFER"
        assert decision.reasons[0].code == "DATA_ARRIVING"
        assert decision.reasons[0].message == "The data of a connected account is still arriving"


@pytest.mark.long
@pytest.mark.parametrize(("product", "person", "provider"), some(KINDS, 3))
async def test_an_application_waits_until_the_first_sync_has_finished(
    tmp_path: Path, product: dict[str, Any], person: SandboxPerson, provider: str
) -> None:
    """With a wait_timeout the sync ends while the caller waits, and the data is decided on."""
    half = timedelta(minutes=30)
    async with syncing(tmp_path, half + timedelta(seconds=3)) as desk:
        user_id = desk.connected(person, provider, half)
        asked = create(user_id, wait_timeout=Duration(seconds=20), **product)
        decision = await desk.decided(asked)
        assert await recorded(desk.live, user_id) == [asked.request_id]
        assert "DATA_ARRIVING" not in [reason.code for reason in decision.reasons]
        assert decision.data_quality.upstream_calls > desk.vendor.meter.by_path()["/tasks"] > 1
