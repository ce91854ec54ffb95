"""The four sandbox people, decided by the shipped rules on whatever day it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import httpx2
import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.decide.decide import CallContext
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.formats import start_of
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app
from tests.fakes.examples import some
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import World, application, whole_rulebook

FAST = 100_000
DAYS = [
    date(2026, 11, 26),
    date(2026, 11, 30),
    date(2026, 12, 1),
    date(2026, 12, 10),
    date(2026, 12, 11),
    date(2026, 12, 14),
    date(2026, 12, 15),
    date(2026, 12, 16),
    date(2026, 12, 31),
    date(2027, 1, 1),
    date(2027, 2, 28),
    date(2027, 3, 1),
    date(2027, 7, 12),
    date(2028, 2, 29),
    date(2029, 10, 15),
]
STORIES = {
    "George": ("APPROVE", "", []),
    "Ryan": ("DECLINE", "", ["SHORT_INCOME_HISTORY", "DEBT_TOO_HIGH"]),
    "Christina": ("REFER", "DATA", ["UPSTREAM_UNAVAILABLE"]),
    "Anisha": ("REFER", "SCORE", ["INCOME_GAPS", "CONTRIBUTION_GAPS"]),
}


@dataclass(frozen=True, slots=True)
class DayClock:
    """Noon of a day, while deadlines go by the loop's time."""

    day: date

    def now(self) -> datetime:
        return start_of(self.day) + timedelta(hours=12)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


@pytest.fixture(scope="module")
def book():
    """The shipped rules, read once."""
    return whole_rulebook()


async def decided(book, name: str, clock: DayClock) -> pb.Decision:
    """One of the four, decided on a day over a stand-in in memory."""
    app = build_app(api_key="key", api_secret="secret", clock=clock.now, requests_per_second=FAST)
    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        clock,
        limits=SmileLimits(requests_per_second=FAST, backoff_seconds=0.001),
        transport=httpx2.ASGITransport(app),
    )
    person = next(one for one in sandbox_people() if one.user_name == name)
    try:
        assert await source.refresh_providers()
        decide = World(source, InMemoryDecisionLog(), clock, book).decide()
        call = CallContext("test", clock.monotonic() + 20.0)
        entry = await decide(application(request_id="", user_id=person.user_id), call)
    finally:
        await source.aclose()
    return service_pb.CreateDecisionResponse.FromString(entry.reply).decision


@pytest.mark.parametrize("day", some(DAYS, 3), ids=str)
@pytest.mark.parametrize("name", STORIES)
async def test_each_story_is_the_same_on_any_day(book, name: str, day: date) -> None:
    """Outcome, kind and first reasons are the same before and after December's stricter params."""
    decision = await decided(book, name, DayClock(day))
    outcome, kind, reasons = STORIES[name]
    told = [reason.code for reason in decision.reasons]
    assert pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_") == outcome, told
    shown = pb.ReferKind.Name(decision.refer_kind).removeprefix("REFER_KIND_")
    assert shown == (kind or "UNSPECIFIED"), told
    assert told[: len(reasons)] == reasons
    assert "INCOME_GAPS" not in told or name == "Anisha"
