"""Putting applicants into arms: what the store is asked, when, and what comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from decision_service.decide.admit import place
from decision_service.decide.codec import decode_facts
from decision_service.decide.decide import DecideApplication
from decision_service.domain.decision import Arm, ArmReason, Assignment, EnrolmentReason
from decision_service.domain.errors import InputInvalid, StoreUnavailable, UpstreamUnavailable
from decision_service.rollout.assign import Pin
from decision_service.rulebook.rulebook import Product
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, rulebook
from tests.unit.rollout.plans import edited

LIMITED = CHALLENGED + "caps: [{name: trial, arm: challenger, amount_per_day: 50000}]\n"
LIVE = edited(CHALLENGED, (CHALLENGED[CHALLENGED.index("challenger:") :], ""))


@dataclass(slots=True)
class Arms:
    """What the store knows of one applicant and one day; notes what it is asked."""

    known: Pin | None = None
    total: int = 0
    down: bool = False
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def pin(self, product: str, unit: str, since: datetime) -> Pin | None:
        self._ask("pin", product, unit, since)
        return self.known

    async def approved(self, product: str, arm: Arm, since: datetime) -> int:
        self._ask("approved", product, arm, since)
        return self.total

    def _ask(self, *question: object) -> None:
        self.asked.append(question)
        if self.down:
            raise StoreUnavailable("the store is down")


def product(text: str, **state: object) -> Product:
    """The product under a plan, its go-live or state changed."""
    made = book_under(text).product(PRODUCT)
    stage = state.pop("stage", made.state.go_live.stage)
    go_live = replace(made.state.go_live, stage=stage)
    return replace(made, state=replace(made.state, go_live=go_live, **state))


async def put(made: Product, arms: Arms, now: datetime = NOW, **changes: object) -> Assignment:
    return (await place(application(**changes), made, arms, now)).assignment


async def test_the_shipped_products_never_ask_for_pins() -> None:
    """Fully live by one version, a decision costs no look at earlier ones."""
    for made in rulebook().products.values():
        arms = Arms(down=True)
        chosen = await put(made, arms, product=made.name)
        assert (chosen.enrolment_reason, chosen.version) == (EnrolmentReason.IN_STAGE, CHAMPION)
        assert arms.asked == []


async def test_below_a_hundred_percent_a_pin_enrols() -> None:
    """At a stage of a few percent an applicant who was decided before is decided again."""
    arms = Arms(known=Pin(Arm.CHAMPION, 1, NOW - timedelta(days=89)))
    chosen = await put(product(LIVE, stage="staff"), arms)
    assert (chosen.enrolment_reason, chosen.version) == (EnrolmentReason.PINNED, 1)
    assert arms.asked == [("pin", PRODUCT, "u-1", NOW - timedelta(days=90))]


async def test_the_days_limit_counts_from_midnight_where_the_lender_is() -> None:
    """What the challenger approved is asked for since 00:00 in Manila, and sends the rest away."""
    made, night = product(LIMITED), datetime(2026, 11, 24, 15, 59, tzinfo=UTC)
    arms = Arms(total=3_000_000)
    assert (await put(made, arms, night)).arm_reason is ArmReason.CHALLENGER
    midnight = datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert arms.asked[-1] == ("approved", PRODUCT, Arm.CHALLENGER, midnight)
    arms.total = 3_000_001
    chosen = await put(made, arms, night + timedelta(minutes=1))
    assert (chosen.arm_reason, chosen.version) == (ArmReason.LIMIT_REACHED, 1)
    assert arms.asked[-1][-1] == midnight + timedelta(days=1)


async def test_a_customer_keeps_its_arm_under_another_user_id() -> None:
    """Where the lender's key is dealt, it is what is pinned and listed, and no request lacks it."""
    by_reference = edited(
        CHALLENGED, ("unit: user_id", "unit: customer_ref"), ("deny: []", "deny: [u-1]")
    )
    world = World(book=book_under(by_reference))
    decide = world.decide()
    first = await decide(application(customer_ref="c-1"), world.call())
    made = world.book.product(PRODUCT)
    again = application(user_id="u-2", customer_ref="c-1")
    chosen = (await place(again, made, world.log, NOW)).assignment
    assert decode_facts(first.facts).assignment.arm_reason is ArmReason.CHALLENGER
    assert chosen.arm_reason is ArmReason.PINNED
    with pytest.raises(InputInvalid, match="customer_ref is empty"):
        await decide(application(request_id="r-2"), world.call())


async def three_at_once(
    world: World, decide: DecideApplication, source: ScriptedSource
) -> list[asyncio.Task[object]]:
    """Three requests of 20,000 that all wait for the vendor."""
    calls = [
        asyncio.create_task(decide(application(request_id=f"r-{n}"), world.call()))
        for n in range(3)
    ]
    while source.asked < len(calls):
        await asyncio.sleep(0)
    return calls


async def by_arm(world: World) -> dict[Arm, int]:
    """How many decisions each arm recorded."""
    tallies = await world.log.tallies(PRODUCT, NOW - timedelta(days=1), hashed=False)
    return {tally.arm: tally.decisions for tally in tallies}


async def test_requests_that_come_together_share_the_days_limit() -> None:
    """Of three at once for 20,000 each, under 50,000 a day, one is the champion's."""
    source = ScriptedSource(gate=asyncio.Event())
    world = World(book=book_under(LIMITED), source=source)
    decide = world.decide()
    calls = await three_at_once(world, decide, source)
    source.gate.set()
    await asyncio.gather(*calls)
    assert await by_arm(world) == {Arm.CHAMPION: 1, Arm.CHALLENGER: 2}


async def test_an_amount_that_came_to_nothing_is_free_again() -> None:
    """Requests that fail take nothing of the day from those that follow."""
    source = ScriptedSource(gate=asyncio.Event(), error=UpstreamUnavailable("down"))
    world = World(book=book_under(LIMITED), source=source)
    decide = world.decide()
    calls = await three_at_once(world, decide, source)
    source.gate.set()
    await asyncio.gather(*calls, return_exceptions=True)
    source.error = None
    await decide(application(), world.call())
    assert await by_arm(world) == {Arm.CHALLENGER: 1}
