"""One version against another on recorded applicants."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from decision_service.domain.decision import Outcome
from decision_service.domain.errors import FieldInvalid, ProductUnknown, RulesetUnknown
from decision_service.domain.ports import Filter
from decision_service.rollout.impact import LeftOut, NotCompared
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.steering.compare import CompareVersions, ComparisonRequest, VersionComparison
from tests.fakes.cases import STRICTER, changed_rules
from tests.fakes.plans import book_under
from tests.fakes.world import NOW, PRODUCT, World, application, steady_earner
from tests.kits.arm_figures import PAIR
from tests.kits.decision_entries import ENTRY

HALF = """\
unit: user_id
pin_for: 90d
go_live:
  salt: personal-loan-ph
  stages: [{name: all, percent: 100}]
  initial_stage: all
champion: 1
challenger:
  version: 9
  salt: half
  stages: [{name: half, percent: 50}]
  initial_stage: half
"""
ALONE = HALF[: HALF.index("challenger:")]
INCOME = "min_monthly_income: {type: money, value"
CHALLENGER = """\
challenger:
  version: 9
  salt: none
  stages: [{name: none, percent: 0}]
  initial_stage: none
"""
NINE = ALONE.replace("champion: 1", "champion: 9")
SHADOWED = ALONE + "shadow: [{version: 9, percent: 100}]\n"
QUESTION = ComparisonRequest(PRODUCT, 0, NOW - timedelta(days=1), 100, NOW)


def strict_half() -> Rulebook:
    """Version 9 declines whom version 1 approves, and decides every second applicant."""
    return book_under(HALF, changed_rules(9, STRICTER, base=1))


async def compared(world: World, question: ComparisonRequest = QUESTION) -> VersionComparison:
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    compare = CompareVersions(world.log, world.log, archive, lambda: world.book)
    return await compare(question)


def outcomes_of(found: VersionComparison) -> dict[str, int]:
    """How many decisions have each pair of outcomes."""
    return {pair: cell.applicants for pair, cell in found.sums.matrix.items()}


async def decide(world: World, applicants: int) -> None:
    """So many steady earners, each decided by its arm."""
    decide = world.decide()
    for number in range(applicants):
        who = {"user_id": f"u-{number}", "request_id": f"r-{number}"}
        world.source.snapshot = steady_earner(f"u-{number}")
        await decide(application(**who), world.call())


async def erase_newest(world: World) -> None:
    """Erase whoever was decided last."""
    for entry in await world.log.list(Filter(), None, 1):
        await world.log.erase(entry.user_id)


async def test_the_challenger_is_compared_on_both_arms_applicants() -> None:
    """Whoever decided, each applicant stands as the champion's outcome beside the challenger's."""
    world = World(book=strict_half())
    await decide(world, 12)
    outcomes = {entry.outcome for entry in await world.log.list(Filter(), None, 50)}
    assert outcomes == {Outcome.APPROVE, Outcome.DECLINE}
    found = await compared(world)
    assert (found.live_version, found.other_version) == (1, 9)
    assert outcomes_of(found) == {"APPROVE>DECLINE": 12}
    assert found.sums.matrix["APPROVE>DECLINE"].amount_before == 12 * 2_000_000
    assert found.sums.causes["eligibility.low_income"].first == 12
    assert found.sums.reasons == {"APPROVE>INCOME_TOO_LOW": 12}


async def test_only_the_newest_are_judged_again() -> None:
    """The number of decisions that a comparison looks at is bounded, and so is their age."""
    world = World(book=strict_half())
    await decide(world, 12)
    assert outcomes_of(await compared(world, replace(QUESTION, most=5))) == {"APPROVE>DECLINE": 5}
    later = replace(QUESTION, since=NOW + timedelta(seconds=1))
    assert outcomes_of(await compared(world, later)) == {}


async def test_an_erased_applicant_is_judged_by_the_recorded_values() -> None:
    """Factor values that stand in the decision suffice where the other version asks for no more."""
    world = World(book=strict_half())
    await decide(world, 3)
    await erase_newest(world)
    found = await compared(world)
    assert (found.sums.everybody.applicants, found.sums.left_out) == (3, {})


async def test_an_erased_applicant_whose_values_do_not_suffice_is_counted() -> None:
    """A version that needs a factor more cannot judge what was erased, and says so."""
    more = ("accounts.connected_count == 0", "accounts.error_count == 0")
    world = World(book=book_under(ALONE + CHALLENGER, changed_rules(9, more, base=1)))
    await decide(world, 3)
    await erase_newest(world)
    found = await compared(world)
    assert (found.sums.everybody.applicants, found.sums.left_out) == (2, {LeftOut.ERASED: 1})
    assert found.sums.lacking == {"accounts.error_count": 1}


async def test_dated_parameters_of_another_day_are_tried() -> None:
    """The champion by December's figures declines whom it approves by those of the day."""
    dated = (INCOME, f"{INCOME}: {{2026-01-01: 8000, 2026-12-01: 80000}}}} #")
    world = World(book=book_under(NINE, changed_rules(9, dated, base=1)))
    await decide(world, 2)
    own = replace(QUESTION, champion=True, params_as_of=date(2026, 11, 30))
    assert (await compared(world, own)).sums.agreed == 2
    december = replace(own, params_as_of=date(2026, 12, 1))
    found = await compared(world, december)
    assert outcomes_of(found) == {"APPROVE>DECLINE": 2}
    assert found.sums.reasons == {"APPROVE>INCOME_TOO_LOW": 2}


async def test_a_day_before_a_parameter_has_a_value_is_refused() -> None:
    """A comparison that could judge nobody says which parameter begins when."""
    world = World(book=strict_half())
    await decide(world, 1)
    with pytest.raises(FieldInvalid) as refused:
        await compared(world, replace(QUESTION, params_as_of=date(2025, 12, 31)))
    assert str(refused.value) == (
        "params_as_of is 2025-12-31: params.min_income_months of v1 has no value before "
        "2026-01-01; name a later day"
    )


async def test_values_that_were_not_tried_are_named() -> None:
    """What comes into force later is told with its day; what was replaced for good is not."""
    world = World(book=strict_half())
    await decide(world, 2)
    later = [(v.version, v.param, v.start, v.value) for v in (await compared(world)).untried]
    december = date(2026, 12, 1)
    assert later == [
        (1, "min_income_months", december, "6"),
        (9, "min_income_months", december, "6"),
    ]
    tried = await compared(world, replace(QUESTION, params_as_of=december))
    assert [(v.version, v.value) for v in tried.untried] == [(1, "4"), (9, "4")]


async def test_a_shadow_is_compared_by_what_it_left() -> None:
    """The results beside the decisions are read, and nothing is judged again."""
    world = World()
    unread = NotCompared(LeftOut.DATA_NOT_READ)
    for one in (PAIR.decision_id, "dec_2"):
        await world.log.commit(replace(ENTRY, decision_id=one, request_id=one, snapshot=None))
    await world.log.put_pairs([PAIR, replace(PAIR, decision_id="dec_2", told=unread)])
    found = await compared(world, replace(QUESTION, shadow=3))
    assert (found.other_version, outcomes_of(found)) == (3, {"APPROVE>REFER": 1})
    assert found.sums.left_out == {LeftOut.DATA_NOT_READ: 1}


async def test_without_a_challenger_there_is_none_to_compare() -> None:
    """A plan without one is told so, and so is a product that is not there."""
    world = World(book=book_under(ALONE, changed_rules(9)))
    with pytest.raises(RulesetUnknown, match="has no challenger and no shadow"):
        await compared(world)
    with pytest.raises(ProductUnknown):
        await compared(world, replace(QUESTION, product="car-loan"))


async def test_a_version_that_looks_at_nothing_is_named() -> None:
    """Asking for a shadow that the plan does not have tells which ones it has."""
    world = World(book=book_under(SHADOWED, changed_rules(9)))
    with pytest.raises(RulesetUnknown, match=r"v7 is no shadow .* the plan's shadows are v9"):
        await compared(world, replace(QUESTION, shadow=7))
    assert outcomes_of(await compared(world, replace(QUESTION, shadow=9))) == {}
