"""Caps of the day for whichever version decides: over one, an approval is referred."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.ports import StoredEntry
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.world import NOW, PRODUCT, World, application, replayed
from tests.kits.cases import cases

ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]


def capped(caps: str) -> World:
    """The shipped loan under caps; the steady earner is approved 20,000 PHP of tier T1."""
    return World(book=book_under(f"{ALONE}caps:\n{caps}"))


async def decided(world: World, number: int) -> StoredEntry:
    """The decision on one more person."""
    asked = application(request_id=f"r-{number}", user_id=f"u-{number}")
    return await world.decide()(asked, world.call())


def shown(entry: StoredEntry) -> pb.Decision:
    """The recorded reply."""
    return CreateDecisionResponse.FromString(entry.reply).decision


@pytest.mark.parametrize(("cap", "approved"), cases("pipeline/day_caps"))
async def test_a_day_approves_up_to_its_cap(cap: str, approved: int) -> None:
    """In count and in amount, of the product and of a tier; what goes beyond is referred."""
    world = capped(f"  - {cap}\n")
    outcomes = [(await decided(world, n)).outcome for n in range(4)]
    assert outcomes == [Outcome.APPROVE] * approved + [Outcome.REFER] * (4 - approved)


async def test_the_record_says_which_cap_was_reached_and_what_the_rules_concluded() -> None:
    """The referral has its reason and its queue, and names the first cap that was exceeded."""
    caps = "  - {name: wide, approvals_per_day: 9}\n  - {name: narrow, approvals_per_day: 1}\n"
    world = capped(caps)
    assert not shown(await decided(world, 1)).HasField("override")
    decision = shown(await decided(world, 2))
    assert [reason.code for reason in decision.reasons] == ["DAY_CAP_REACHED"]
    assert decision.refer_kind == pb.REFER_KIND_POLICY
    assert decision.offer.approved_amount.units == 20_000
    override = decision.override
    assert (override.kind, override.cap) == ("CAPPED", "narrow")
    assert (override.outcome, list(override.reasons)) == (pb.OUTCOME_APPROVE, [])


async def test_the_next_civil_day_begins_anew() -> None:
    """At midnight in the ruleset's zone a cap has all its room again."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    await decided(world, 1)
    world.clock.wall = NOW + timedelta(hours=11, minutes=59)
    assert (await decided(world, 2)).outcome is Outcome.REFER
    world.clock.wall = NOW + timedelta(hours=12)
    assert (await decided(world, 3)).outcome is Outcome.APPROVE


async def test_two_processes_that_approve_at_once_share_a_cap() -> None:
    """Of ten at once in two processes, all of whom found room, as many are approved as may be."""
    world = capped("  - {name: all, approvals_per_day: 3}\n")
    one, two = world.decide(), world.decide()
    asked = [application(request_id=f"r-{n}", user_id=f"u-{n}") for n in range(10)]
    calls = [(one, two)[n % 2](each, world.call()) for n, each in enumerate(asked)]
    outcomes = [stored.outcome for stored in await asyncio.gather(*calls)]
    assert (outcomes.count(Outcome.APPROVE), outcomes.count(Outcome.REFER)) == (3, 7)


async def test_a_cap_moves_no_rate() -> None:
    """Guardrails and figures see what the rules concluded, and the amount that was approved."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    for number in range(3):
        await decided(world, number)
    (tally,) = await world.log.tallies(PRODUCT, NOW - timedelta(days=1), hashed=True)
    assert (tally.arm, tally.approved, tally.referred) == (Arm.CHAMPION, 3, 0)
    assert tally.amount == 2_000_000


async def test_a_capped_decision_replays_to_itself() -> None:
    """Whatever the day has approved since, the replay rests on what the decision had found."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    await decided(world, 2)
    entry = await decided(world, 1)
    decision = await replayed(world, entry)
    assert (decision.verdict.outcome, decision.verdict.refer_kind) == (
        Outcome.REFER,
        ReferKind.POLICY,
    )
    assert decision.override is not None
    assert decision.override.cap == "all"
