"""A store that fails under a serving process: nothing false is told, and it passes by itself."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.app import wiring as upkeep
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, create, refused, running
from tests.kits.until import until

GEORGE = sandbox_people()[0].user_id
SERVING = health_pb2.HealthCheckResponse.SERVING
PAGE = 4096
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def full_disk() -> Iterator[None]:
    """Have the system refuse every write behind a file's first page.

    A log that was written back in the meantime begins anew, inside of what it had; no transaction
    fits into one page of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def health_becomes(live: Running, status: int) -> None:
    """Wait until health says so."""
    stub = health_pb2_grpc.HealthStub(live.channel)
    request = health_pb2.HealthCheckRequest()
    await until(lambda: stub.Check(request), lambda reply: reply.status == status)


async def test_a_full_disk_stops_decisions_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UNAVAILABLE with a time to retry and NOT_SERVING; replays go on; with room all is well."""
    monkeypatch.setattr(upkeep, "HEALTH_SECONDS", 0.05)
    async with running(tmp_path) as live:
        recorded, lost = create(GEORGE), create(GEORGE)
        first = await live.stub.CreateDecision(recorded)
        with full_disk():
            told = await refused(live.stub.CreateDecision(lost))
            assert (told.code, told.info.reason) == (
                grpc.StatusCode.UNAVAILABLE,
                "STORE_UNAVAILABLE",
            )
            assert told.retry is not None
            await health_becomes(live, NOT_SERVING)
            assert await live.stub.CreateDecision(recorded) == first
            listed = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
            assert len(listed.decisions) == 1
        await health_becomes(live, SERVING)
        await live.stub.CreateDecision(lost)
