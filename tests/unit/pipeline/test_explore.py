"""The control group: some of those whom the score alone turns down are approved, to learn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.domain.decision import OverrideKind
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.ports import StoredEntry
from decision_service.rollout.state import Exploring, RolloutState, kill, revive
from tests.fakes.cases import changed_rules
from tests.fakes.plans import CHALLENGED, planned
from tests.fakes.replays import replayed
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, rulebook
from tests.fakes.world import steady_earner as earner

LIVE = CHALLENGED[: CHALLENGED.index("  challenger:")].replace("champion: 1", "champion: 3")
EVERYBODY = "explore: {percent: 100, max_amount: 20000, amount_per_day: 50000}\n"
_SCORED = ('{in: "[12, 24)", points: 35}', '{in: "[12, 24)", points: 80}')
_A, _B, _C = (
    ("from: 400, then: APPROVE", "from: 450, then: APPROVE"),
    ("from: 340, then: APPROVE", "from: 340, then: REFER"),
    ("from: 280, then: REFER", "from: 280, then: DECLINE"),
)
REFERRED = [_SCORED, _A, _B]
"""The steady earner, with 440 points of 470, is in the grey band."""

DECLINED = [_SCORED, _A, (_B[0], "from: 340, then: DECLINE"), _C]
POOR = (
    "min_monthly_income: {type: money, value: 8000}",
    "min_monthly_income: {type: money, value: 80000}",
)
LEGAL = (
    "offer.approved_amount <= 10000 and offer.term_months <= 4 and derived",
    "offer.approved_amount > 0 or derived",
)


def exploring(
    *changes: tuple[str, str], explore: str = EVERYBODY, caps: str = "", source: object = None
) -> World:
    """The shipped loan with a stricter card as its champion."""
    folder = planned(changed_rules(3, *(changes or DECLINED)), LIVE + explore + caps)
    world = World(book=rulebook(folder))
    return world if source is None else World(book=world.book, source=source)  # type: ignore[arg-type]


async def decided(
    world: World, number: int = 1, request: str = "r", peso: int = 20_000
) -> StoredEntry:
    """The decision on a person; 20,000 PHP are asked for."""
    inputs = {"requested_amount": Money("PHP", peso * 100), "requested_term_months": 6}
    asked = application(request_id=f"{request}-{number}", user_id=f"u-{number}", inputs=inputs)
    return await world.decide()(asked, world.call())


def shown(entry: StoredEntry) -> pb.Decision:
    """The recorded reply."""
    return CreateDecisionResponse.FromString(entry.reply).decision


@pytest.mark.parametrize(
    ("changes", "outcome"), [(DECLINED, pb.OUTCOME_DECLINE), (REFERRED, pb.OUTCOME_REFER)]
)
async def test_who_is_turned_down_for_the_score_alone_may_be_approved(
    changes: list[tuple[str, str]], outcome: int
) -> None:
    """With the ruleset's own offer, and marked with what the rules concluded and why."""
    decision = shown(await decided(exploring(*changes)))
    assert decision.outcome == pb.OUTCOME_APPROVE
    assert (decision.offer.approved_amount.units, decision.offer.tier) == (20_000, "T3")
    assert list(decision.reasons) == []
    override = decision.override
    assert (override.kind, override.outcome) == ("EXPLORED", outcome)
    assert [reason.code for reason in override.reasons] == ["YOUNG_INCOME"]
    assert override.HasField("slot")


@pytest.mark.parametrize("more", [POOR, LEGAL])
async def test_nothing_but_a_score_is_turned_over(more: tuple[str, str]) -> None:
    """Who fails a knock-out as well, or whose offer the law forbids, is decided by the rules."""
    decision = shown(await decided(exploring(*DECLINED, more)))
    assert decision.outcome == pb.OUTCOME_DECLINE
    assert not decision.HasField("override")


async def test_missing_data_is_never_explored() -> None:
    """A score with bounds, or with fixed points for what is missing, turns nobody over."""
    unread = replace(earner(), contributions=None)
    for fixed in ("missing: bounds  ", "missing: 0       "):
        changes = [*DECLINED, ("missing: bounds  ", fixed)]
        world = exploring(*changes, source=ScriptedSource(unread))
        assert (await decided(world)).outcome is not Outcome.APPROVE


@pytest.mark.parametrize(
    ("explore", "outcome"),
    [
        ("explore: {percent: 0.001, max_amount: 20000, amount_per_day: 50000}\n", Outcome.DECLINE),
        ("explore: {percent: 100, max_amount: 19999, amount_per_day: 50000}\n", Outcome.DECLINE),
        ("", Outcome.DECLINE),
        (EVERYBODY, Outcome.APPROVE),
    ],
)
async def test_the_share_and_the_amount_of_each_are_bounds(explore: str, outcome: Outcome) -> None:
    """Outside of the share, or above the amount, the rules decide."""
    assert (await decided(exploring(explore=explore))).outcome is outcome


async def test_the_staff_of_the_allow_list_are_no_control_group() -> None:
    """Who was chosen by a person is no random choice."""
    world = exploring()
    asked = application(user_id="staff-1")
    assert (await world.decide()(asked, world.call())).outcome is Outcome.DECLINE


async def test_the_day_is_bounded_and_who_was_turned_away_stays_so() -> None:
    """50,000 a day explore two of three at 20,000; the third gets the same answer tomorrow."""
    world = exploring()
    outcomes = [(await decided(world, n)).outcome for n in (1, 2, 3)]
    assert outcomes == [Outcome.APPROVE, Outcome.APPROVE, Outcome.DECLINE]
    world.clock.wall = NOW + timedelta(days=1)
    assert (await decided(world, 3, "again")).outcome is Outcome.DECLINE
    assert (await decided(world, 4)).outcome is Outcome.APPROVE


async def test_who_comes_again_gets_the_same_answer_and_counts_once() -> None:
    """A retry of an explored person takes nothing of the day; more money takes what is more."""
    world = exploring()
    assert (await decided(world, 1, peso=10_000)).outcome is Outcome.APPROVE
    for request in "abc":
        assert (await decided(world, 1, request, 10_000)).outcome is Outcome.APPROVE
    midnight = NOW - timedelta(hours=12)
    assert (await world.log.day_totals(PRODUCT, midnight)).explored == 1_000_000
    assert (await decided(world, 1, "more", 20_000)).outcome is Outcome.APPROVE
    assert (await world.log.day_totals(PRODUCT, midnight)).explored == 2_000_000


async def test_two_processes_that_explore_at_once_share_the_day() -> None:
    """Of ten at once in two processes, all of whom found room, as many are explored as may be."""
    world = exploring()
    one, two = world.decide(), world.decide()
    asked = [application(request_id=f"r-{n}", user_id=f"u-{n}") for n in range(10)]
    calls = [(one, two)[n % 2](each, world.call()) for n, each in enumerate(asked)]
    outcomes = [stored.outcome for stored in await asyncio.gather(*calls)]
    assert (outcomes.count(Outcome.APPROVE), outcomes.count(Outcome.DECLINE)) == (2, 8)


async def test_an_explored_approval_is_within_the_caps_of_the_day() -> None:
    """Over a cap nobody is explored, and whom the rules decline stays declined."""
    world = exploring(caps="caps:\n  - {name: all, approvals_per_day: 1}\n")
    assert [(await decided(world, n)).outcome for n in (1, 2)] == [Outcome.APPROVE, Outcome.DECLINE]


async def test_rates_are_those_of_the_rules() -> None:
    """Figures and guardrails see declines, and no approved amount."""
    world = exploring()
    await decided(world)
    (tally,) = await world.log.tallies(PRODUCT, NOW - timedelta(days=1), hashed=True)
    assert (tally.approved, tally.declined, tally.amount) == (0, 1, 0)


async def test_the_kill_switch_ends_exploring_at_once() -> None:
    """A killed product decides nobody, explores nobody."""
    world = exploring()
    made = world.book.product(PRODUCT)
    killed = kill(made.state, None)
    assert isinstance(killed, RolloutState)
    world.book = world.book.with_products({PRODUCT: replace(made, state=killed)})
    assert (await decided(world)).outcome is Outcome.NOT_ENROLLED


async def test_exploring_alone_can_be_killed_and_revived() -> None:
    """The rules go on deciding; what was explored before is no reason to go on."""
    world = exploring()
    product = world.book.product(PRODUCT)
    made = product.state
    stopped = kill(made, Exploring.EXPLORE)
    assert isinstance(stopped, RolloutState)
    for state, outcome in ((stopped, Outcome.DECLINE), (made, Outcome.APPROVE)):
        world.book = world.book.with_products({PRODUCT: replace(product, state=state)})
        assert (await decided(world, 1, outcome)).outcome is outcome
    assert revive(product.plan, stopped, Exploring.EXPLORE, "ana", NOW) == made


async def test_a_replay_gives_the_same_answer_for_ever() -> None:
    """Whatever the day and the person came to since; by laxer rules nothing is explored."""
    world = exploring()
    entry = await decided(world)
    for number in range(2, 5):
        await decided(world, number)
    decision = await replayed(world, entry)
    assert decision.verdict.outcome is Outcome.APPROVE
    assert decision.override is not None
    assert decision.override.kind is OverrideKind.EXPLORED
    by_shipped = await replayed(world, entry, version=1)
    assert (by_shipped.verdict.outcome, by_shipped.override) == (Outcome.APPROVE, None)
