"""Ordinary applicants by the shipped rules over the stand-in: 400, of whom CI decides a third."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

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
from decision_service.standin.server import build_app
from tests.fakes.examples import some
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import World, application, whole_rulebook
from tests.integration.test_people_any_day import FAST, DayClock

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
