"""A store in which a decision was recorded two days ahead: referred, shown, reset, approved."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from decision_service.cli.main import run
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from decision_service.store.store import Store
from tests.e2e.service import Running, create, outcome, running
from tests.kits.decision_entries import numbered

GEORGE = sandbox_people()[0].user_id
Capture = pytest.CaptureFixture[str]


async def clock(live: Running, capture: Capture, *options: str) -> tuple[int, str]:
    """The exit code of `decisions clock`, and what it prints."""
    capture.readouterr()
    given = ["decisions", "clock", "--address", live.service.address, *options]
    code = await asyncio.to_thread(run, given)
    return code, " ".join("".join(capture.readouterr()).split())


async def decided(live: Running) -> tuple[str, list[str]]:
    """The outcome of a decision, with the codes of its reasons."""
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    return outcome(decision), [one.code for one in decision.reasons]


async def test_from_the_alarm_to_the_reset(tmp_path: Path, capsys: Capture) -> None:
    """The alarm and `decisions clock` name the instant; a reset with a reason ends referrals."""
    ahead = SystemClock().now() + timedelta(days=2)
    store = await Store.open(f"sqlite:///{tmp_path}/decisions.db")
    await store.commit(numbered(1, created=ahead))
    await store.aclose()
    async with running(tmp_path) as live:
        assert await decided(live) == ("REFER", ["STALE_DATA"])
        told = capsys.readouterr().out
        assert ("clock went back" in told, ahead.isoformat() in told) == (True, True)
        code, shown = await clock(live, capsys)
        assert f"newest decision {ahead:%Y-%m-%d %H:%M:%S} UTC" in shown
        assert (code, "The clock is doubted" in shown) == (0, True)
        assert (await clock(live, capsys, "--reset"))[0] == 2
        reason = ("--reset", "--why", "NTP was two days ahead")
        code, shown = await clock(live, capsys, *reason)
        assert (code, "The clock is believed" in shown) == (0, True)
        assert (await decided(live))[0] == "APPROVE"
        code, shown = await clock(live, capsys, *reason)
        assert (code, "nothing to reset" in shown) == (1, True)
    async with running(tmp_path) as live:
        assert (await decided(live))[0] == "APPROVE"
        _, shown = await clock(live, capsys, "--format", "json")
        assert '"why": "NTP was two days ahead"' in shown
        assert '"who": "anonymous"' in shown
