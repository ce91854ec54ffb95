"""Made-up people by the shipped rules: the sandbox's four on any day, and ordinary applicants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import pytest

from bench.people.ordinary import FLAWS, ORDINARY
from bench.people.population import population, profile_of
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.decide.decide import CallContext
from decision_service.domain.errors import DataNotReady
from decision_service.domain.values import Money
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.formats import start_of
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app
from tests.fakes.examples import some
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import World, application, whole_rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator

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


TODAY = date(2026, 11, 28)

SEED, SIZE, STEP = 32, 400, 3

LOAN, ADVANCE = "personal-loan-ph", "gig-advance-ph"

AMOUNTS = {LOAN: (8_000, 12_000, 20_000, 30_000), ADVANCE: (1_500, 2_000, 3_000, 5_000)}

GOOD = ("payroll", "government", "rider")

CREDITING = ("ordinary_bad_4", "ordinary_bad_10", "ordinary_bad_16")

PATIENCE = 30.0


class Applicant(NamedTuple):
    """A person, the product asked for, and the answer: an outcome, or NOT_READY, with reasons."""

    life: str
    product: str
    outcome: str
    reasons: tuple[str, ...]

    @property
    def group(self) -> str:
        """Payroll, government, rider, thin or bad."""
        return self.life.split("_")[1]

    @property
    def is_complete(self) -> bool:
        """Whether all links are made and have been read."""
        return not self.life.endswith(tuple(f"_{flaw.__name__}" for flaw in FLAWS))


@pytest.fixture(scope="module")
def applicants() -> list[Applicant]:
    """All of them, each by the product of their kind of work; who credits herself asks for both."""
    return asyncio.run(_decided())


async def _decided() -> list[Applicant]:
    clock = DayClock(TODAY)
    world = population(SEED, SIZE, TODAY, tuple(ORDINARY))
    app = build_app(
        world, api_key="key", api_secret="secret", clock=clock.now, requests_per_second=FAST
    )
    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        clock,
        limits=SmileLimits(requests_per_second=FAST, backoff_seconds=0.001),
        transport=httpx2.ASGITransport(app),
    )
    found = []
    try:
        assert await source.refresh_providers()
        decide = World(source, InMemoryDecisionLog(), clock, whole_rulebook()).decide()
        for number, user in some(enumerate(world.builders), STEP):
            life = profile_of(number, tuple(ORDINARY))
            for product in _products(life):
                asked = application(
                    request_id="",
                    user_id=user,
                    product=product,
                    inputs={
                        "requested_amount": Money("PHP", AMOUNTS[product][number % 4] * 100),
                        "requested_term_months": 6 if product == LOAN else 1,
                    },
                )
                try:
                    entry = await decide(asked, CallContext("test", clock.monotonic() + PATIENCE))
                except DataNotReady:
                    found.append(Applicant(life, product, "NOT_READY", ()))
                    continue
                made = service_pb.CreateDecisionResponse.FromString(entry.reply).decision
                outcome = pb.Outcome.Name(made.outcome).removeprefix("OUTCOME_")
                reasons = tuple(reason.code for reason in made.reasons)
                found.append(Applicant(life, product, outcome, reasons))
    finally:
        await source.aclose()
    return found


def _products(life: str) -> Iterator[str]:
    if "_rider_" not in life:
        yield LOAN
    if "_rider_" in life or life.startswith(CREDITING):
        yield ADVANCE


@pytest.mark.long
def test_few_good_people_with_complete_links_are_referred(applicants: list[Applicant]) -> None:
    """At most 15 in a hundred of those with payroll, a scheme or platforms."""
    good = [one for one in applicants if one.group in GOOD and one.is_complete]
    assert len(good) > SIZE // STEP // 2
    referred = [one for one in good if one.outcome not in ("APPROVE", "DECLINE")]
    assert len(referred) / len(good) <= 0.15, referred


@pytest.mark.long
def test_no_bad_one_is_approved(applicants: list[Applicant]) -> None:
    """Whatever the links lack."""
    bad = [one for one in applicants if one.group == "bad"]
    assert len(bad) > 10
    approved = [one for one in bad if one.outcome == "APPROVE"]
    assert not approved


@pytest.mark.long
def test_nobody_is_decided_against_on_links_that_are_not_complete(
    applicants: list[Applicant],
) -> None:
    """They are referred, or asked to come back when the data is there."""
    lacking = [one for one in applicants if not one.is_complete]
    assert len(lacking) > 10
    assert {one.outcome for one in lacking} <= {"REFER", "NOT_READY"}, [
        one for one in lacking if one.outcome not in ("REFER", "NOT_READY")
    ]
