"""A service whose clock is set two days ahead and corrected, and a vendor that gives the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.app import wiring as background
from decision_service.app.wiring import start
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, create, environ, outcome

GEORGE, EMMA = (one.user_id for one in sandbox_people()[:2])
AHEAD = timedelta(seconds=172_800)
NORMAL = ("APPROVE", [], 0)


class MovedClock(SystemClock):
    """The machine's clocks, the wall set by `ahead`."""

    ahead = timedelta()

    def now(self) -> datetime:
        """What the wall shows."""
        return super().now() + self.ahead


@asynccontextmanager
async def serving(folder: Path, clock: MovedClock) -> AsyncIterator[Running]:
    """A service on the folder that keeps readings warm and has heard the vendor's time."""
    secrets = {"webhook_secrets": "0123456789abcdef0123456789abcdef"}
    service = await start(load(environ=environ(folder, **secrets)), clock=clock)
    try:
        await service.core.source.refresh_providers()
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield Running(service, channel, decision_service_pb2_grpc.DecisionServiceStub(channel))
    finally:
        await service.stop()


async def decided(live: Running, user_id: str = GEORGE) -> tuple[str, list[str], int]:
    """The outcome of a decision, the codes of its reasons, and the vendor's calls for it."""
    decision = (await live.stub.CreateDecision(create(user_id))).decision
    return (
        outcome(decision),
        [one.code for one in decision.reasons],
        decision.data_quality.upstream_calls,
    )


async def test_two_days_ahead_and_back(tmp_path: Path) -> None:
    """Warm or read anew it refers while ahead; the next date ends that, after a restart too."""
    clock = MovedClock()
    async with serving(tmp_path, clock) as live:
        assert (await decided(live))[0] == "APPROVE"
        assert await decided(live) == NORMAL
        clock.ahead = AHEAD
        for user_id in (GEORGE, EMMA):
            assert (await decided(live, user_id))[:2] == ("REFER", ["CLOCK_DOUBTFUL"])
        clock.ahead = timedelta()
        await live.service.core.source.refresh_providers()
        assert await decided(live) == NORMAL
    async with serving(tmp_path, clock) as live:
        assert await decided(live) == NORMAL


async def test_it_recovers_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While in doubt the vendor is asked again and again, and what was dated ahead is forgotten."""
    monkeypatch.setattr(background, "CLOCK_SECONDS", 0.02)
    clock = MovedClock()
    clock.ahead = AHEAD
    async with serving(tmp_path, clock) as live:
        guard = live.service.core.guard
        assert guard.doubts()
        clock.ahead = timedelta()
        async with asyncio.timeout(20):
            while guard.doubts() or not guard.tidy:
                await asyncio.sleep(0.01)
        assert (await decided(live))[0] == "APPROVE"
