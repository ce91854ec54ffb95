"""One version against another: on a decision, silently, and on recorded applicants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from time import thread_time
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import Filter
from decision_service.domain.snapshot import Read, Snapshot, Transaction
from decision_service.rollout.impact import JudgedApplicant, LeftOut, NotCompared
from decision_service.rollout_running.compare import (
    ShadowLimits,
    Shadows,
    recorded_case,
    with_snapshot,
    without_value,
)
from decision_service.rollout_running.counters import EventCounters
from decision_service.rollout_running.pairs import (
    DecidedCase,
    RulesOnDay,
    causes,
    lacks,
    second_opinion,
)
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rules.evaluate import load
from tests.fakes.cases import STRICTER, case_of, changed_rules, version
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.observed import counted
from tests.fakes.plans import book_under
from tests.fakes.world import NOW, PRODUCT, SetClock, World, application, steady_earner
from tests.kits.cases import until
from tests.kits.decision_log import ENTRY
from tests.unit.rules.kit import compiled, decide, php, rules, stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from decision_service.rulebook.folder import RuleFolder
    from decision_service.rulebook.rulebook import Rulebook
    from decision_service.rules.program import CompiledRuleset

INCOME = "min_monthly_income: {type: money, value"

OVERFLOWS = (
    "when: accounts.connected_count == 0",
    "when: annuity(inputs.requested_amount, 0 - 0.999999, 9999 * inputs.requested_term_months) > 1",
)


def opinion(folder: RuleFolder, case: DecidedCase | None = None) -> JudgedApplicant | NotCompared:
    """A decided case as its own rules and the folder's version 9 judge it."""
    case = case or case_of(folder)
    return second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(version(folder, 9)))


def test_values_computed_otherwise_are_computed_anew() -> None:
    """A version with another data policy judges its own values, not those of the live one."""
    one = opinion(changed_rules(9, ("max_age: 35d", "max_age: 1m")))
    assert isinstance(one, JudgedApplicant)
    assert (one.after.outcome, one.after.kind) == (Outcome.REFER, ReferKind.DATA)


def test_a_version_that_needs_other_data_is_not_comparable() -> None:
    """Data that the live version never asked for leaves the case without another side."""
    more = ("accounts.connected_count == 0", "transactions.active_days_91d < 1")
    told = opinion(changed_rules(9, more))
    assert told == NotCompared(LeftOut.DATA_NOT_READ, ("transactions.active_days_91d",))


def test_a_version_that_raises_has_failed() -> None:
    """Whatever an evaluation raises is its own failure, told as such."""
    folder = changed_rules(9)
    case = case_of(folder)
    broken = replace(version(folder, 9), program=None)  # type: ignore[arg-type]  # as no compiler makes it
    told = second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(broken))
    assert told == NotCompared(LeftOut.RULE_ERROR)


def test_a_rule_error_is_a_failure() -> None:
    """A version that ends beyond every exact number has failed; that is no referral of its own."""
    assert opinion(changed_rules(9, OVERFLOWS)) == NotCompared(LeftOut.RULE_ERROR)


def test_each_side_may_have_a_day_of_its_own() -> None:
    """The same rules by two days' parameters are two sides, neither of them the recorded one."""
    dated = (INCOME, f"{INCOME}: {{2026-01-01: 8000, 2026-12-01: 80000}}}} #")
    folder = changed_rules(9, dated)
    case, rules = case_of(folder), version(folder, 9)
    late, early = (RulesOnDay(rules, day) for day in (date(2026, 12, 1), date(2026, 11, 30)))
    one = second_opinion(case, late, early)
    assert isinstance(one, JudgedApplicant)
    assert (one.before.outcome, one.after.outcome) == (Outcome.DECLINE, Outcome.APPROVE)


def test_factor_values_are_loaded_alike_from_those_of_other_rules() -> None:
    """Where rules differ in figures alone the loaded values are copied, and are the same."""
    folder = changed_rules(9, STRICTER)
    case, other = case_of(folder), version(folder, 9)
    values, as_of = case.factors.values, case.decision.as_of
    mine = load(case.ruleset, values, as_of)
    assert mine.intake is other.program.intake
    assert load(other, {}, as_of, mine) == load(other, values, as_of)


INCOMES = FetchPlan(frozenset({Kind.EINCOMES}), WhenTransactions.IF_STANDING_IN)

DAY = date(2026, 1, 5)


def _with(transactions: Read[Transaction] | None) -> Snapshot:
    eincomes: Read = Read()
    return Snapshot("u", eincomes=eincomes, transactions=transactions)


@pytest.mark.parametrize(
    ("snapshot", "read_by", "wanted", "lacking"),
    [
        (_with(None), INCOMES, INCOMES, False),
        (_with(None), INCOMES, replace(INCOMES, kinds=frozenset({Kind.LIABILITIES})), True),
        (_with(None), replace(INCOMES, transactions=WhenTransactions.NEVER), INCOMES, True),
        (_with(None), INCOMES, replace(INCOMES, transactions=WhenTransactions.ALWAYS), True),
        (_with(Read(first_day=DAY)), INCOMES, replace(INCOMES, transactions_from=DAY), False),
        (
            _with(Read(first_day=DAY)),
            INCOMES,
            replace(INCOMES, stand_in_from=date(2026, 1, 4)),
            True,
        ),
        (
            _with(None),
            INCOMES,
            replace(INCOMES, transactions=WhenTransactions.NEVER),
            False,
        ),
    ],
)
def test_what_was_not_asked_for_is_lacking(snapshot, read_by, wanted, lacking) -> None:
    """Kinds and days that a version wants must have been asked for, whatever came of it."""
    assert lacks(snapshot, read_by, wanted) is lacking


def test_a_rule_named_segment_is_a_cause_of_its_own_alone() -> None:
    """It is not taken for the segment of its stage, on which every part of a stage rests."""
    written = stages(
        rules(
            "id: segment, when: inputs.declared_monthly_debt > 9000, then: DECLINE, reason: DEBT",
            "id: other, when: inputs.requested_amount < 5000, then: DECLINE, reason: SMALL",
            "id: fine, when: inputs.requested_amount >= 5000, then: APPROVE",
        )
    )
    other = written.replace("> 9000", "> 900").replace("< 5000", "< 50000")
    asked = {"declared_monthly_debt": php(1000), "requested_amount": php(6000)}
    sides = [(compiled(text), decide(text, **asked)) for text in (written, other)]
    assert causes(*sides) == ("gate.segment", "gate.other")


FOLDER = changed_rules(9)

CASE = case_of(FOLDER)

OTHER = version(FOLDER, 9)

AT_ONCE = ShadowLimits(queue=3, linger=0.0, share=1.0)

NAMES = {"product": PRODUCT, "version": "9"}


@dataclass(slots=True)
class Stand:
    """Shadows on a log and a clock of the test's own."""

    budget: ShadowLimits = AT_ONCE
    log: InMemoryDecisionLog = field(default_factory=InMemoryDecisionLog)
    clock: SetClock = field(default_factory=SetClock)
    seen: EventCounters = field(default_factory=EventCounters)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    worked: Callable[[], float] = thread_time
    shadows: Shadows = field(init=False)

    def __post_init__(self) -> None:
        self.idle.set()
        self.shadows = Shadows(
            self.log, self.clock, self.seen, self.idle.wait, self.budget, self.worked
        )

    async def offer(self, number: int, ruleset: CompiledRuleset = OTHER) -> None:
        """Offer a decision that is recorded."""
        own = {"decision_id": f"dec_{number}", "request_id": f"r-{number}"}
        await self.log.commit(replace(ENTRY, **own, snapshot=None))
        self.shadows.offer(numbered(number), (ruleset,))

    async def results(self) -> tuple[int, int]:
        """How many decisions were compared, and on how many the version failed."""
        sums = await self.log.pair_sums(PRODUCT, 9, NOW)
        return sums.everybody.applicants, sums.left_out.get(LeftOut.RULE_ERROR, 0)

    async def run(self, number: int, turns: int = 0) -> None:
        """Run the shadows until so many were asked, and some turns of the loop longer."""
        running = asyncio.create_task(self.shadows.run())
        evaluated = partial(counted, self.seen.shadow_evaluations)
        await until(evaluated, lambda seen: seen >= number, pause=0.001)
        for _ in range(turns):
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def numbered(number: int) -> DecidedCase:
    """The case under another decision's id."""
    decision = structs.replace(CASE.decision, decision_id=f"dec_{number}")
    return structs.replace(CASE, decision=decision)


async def test_a_decision_gets_the_opinion_of_its_shadow() -> None:
    """What the silent version concludes is written beside the decision."""
    stand = Stand()
    await stand.offer(1)
    await stand.run(1)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_evaluations, result="compared", **NAMES) == 1


async def test_a_crashing_shadow_is_counted_and_the_next_goes_on() -> None:
    """A version that raises leaves a failure on record and does not end the evaluating."""
    stand = Stand()
    await stand.offer(1, replace(OTHER, program=None))  # type: ignore[arg-type]  # as no compiler makes it
    await stand.offer(2)
    await stand.run(2)
    assert await stand.results() == (1, 1)
    assert counted(stand.seen.shadow_evaluations, result="failed", **NAMES) == 1


async def test_a_full_queue_drops_and_counts() -> None:
    """What does not fit into the queue is dropped at once, whoever offers it never waits."""
    stand = Stand()
    for number in range(5):
        await stand.offer(number)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="queue_full") == 2


async def test_who_waited_too_long_is_dropped() -> None:
    """A decision that waited beyond the patience is not evaluated any more."""
    stand = Stand()
    await stand.offer(1)
    stand.clock.seconds += 31
    await stand.offer(2)
    await stand.run(1)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="waited_too_long") == 1


class Ticking(SetClock):
    """A clock that moves a second whenever it is read."""

    def monotonic(self) -> float:
        self.seconds += 1.0
        return self.seconds


async def test_a_slow_shadow_is_counted() -> None:
    """An evaluation that takes longer than it may is recorded all the same, and counted."""
    stand = Stand(clock=Ticking(), budget=replace(AT_ONCE, patience=1e9))
    await stand.offer(1)
    await stand.run(1)
    assert counted(stand.seen.shadow_slow, **NAMES) == 1
    assert await stand.results() == (1, 0)


@pytest.mark.parametrize(("second", "asked"), [(1.0, 1), (0.0, 2)])
async def test_an_evaluation_is_followed_by_many_times_its_work(second: float, asked: int) -> None:
    """After a second of a processor's work it rests for minutes; after one of waiting, not."""
    budget = replace(AT_ONCE, patience=1e9, share=ShadowLimits().share)
    stand = Stand(clock=Ticking(), budget=budget, worked=partial(next, count(0.0, second)))
    await stand.offer(1)
    await stand.offer(2)
    await stand.run(asked, turns=20)
    assert counted(stand.seen.shadow_evaluations, result="compared", **NAMES) == asked


async def test_a_result_that_the_store_does_not_take_is_dropped_and_counted() -> None:
    """The next one is stored once the store is back."""
    stand = Stand()
    await stand.offer(1)
    stand.log.down = True
    await stand.run(1)
    stand.log.down = False
    await stand.offer(2)
    await stand.run(2)
    assert await stand.results() == (1, 0)
    assert counted(stand.seen.shadow_dropped, product=PRODUCT, why="store_unavailable") == 1


async def test_decisions_in_progress_go_first() -> None:
    """While a decision is in progress a silent version waits; once there is none it goes on."""
    stand = Stand(budget=replace(AT_ONCE, yielding=1e9))
    stand.idle.clear()
    await stand.offer(1)
    running = asyncio.create_task(stand.shadows.run())
    for _ in range(20):
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert counted(stand.seen.shadow_evaluations) == counted(stand.seen.shadow_dropped) == 0
    await stand.offer(2)
    stand.idle.set()
    await stand.run(1)


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

CHALLENGER = """\
challenger:
  version: 9
  salt: none
  stages: [{name: none, percent: 0}]
  initial_stage: none
"""

NINE = ALONE.replace("champion: 1", "champion: 9")

SHADOWED = ALONE + "shadow: [{version: 9, percent: 100}]\n"


def strict_half() -> Rulebook:
    """Version 9 declines whom version 1 approves, and decides every second applicant."""
    return book_under(HALF, changed_rules(9, STRICTER, base=1))


async def judged_again(
    world: World, base: RulesOnDay, other: RulesOnDay
) -> list[JudgedApplicant | NotCompared]:
    """Every recorded decision as two sets of rules judge it, read as a backtest reads it."""
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    known = world.book.product(PRODUCT).input_names
    found: list[JudgedApplicant | NotCompared] = []
    for entry in await world.log.list(Filter(), None, 50):
        case = await recorded_case(entry, archive, known)
        assert isinstance(case, DecidedCase)
        if entry.snapshot_id is not None:
            body = await world.log.snapshot(entry.user_id, entry.snapshot_id)
            case = with_snapshot(case, body)
        found.append(second_opinion(case, base, other))
    return found


async def compared(world: World) -> list[JudgedApplicant | NotCompared]:
    """As the champion and version 9 judge them, each on its own day."""
    versions = world.book.product(PRODUCT).versions
    return await judged_again(world, RulesOnDay(versions[1]), RulesOnDay(versions[9]))


def outcomes_of(found: list[JudgedApplicant | NotCompared]) -> list[str]:
    """Both outcomes of each that was compared."""
    compared = [one for one in found if isinstance(one, JudgedApplicant)]
    return [f"{one.before.outcome}>{one.after.outcome}" for one in compared]


async def decide_many(world: World, applicants: int) -> None:
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
    """Whoever decided, each applicant has the champion's outcome and the challenger's."""
    world = World(book=strict_half())
    await decide_many(world, 12)
    outcomes = {entry.outcome for entry in await world.log.list(Filter(), None, 50)}
    assert outcomes == {Outcome.APPROVE, Outcome.DECLINE}
    found = await compared(world)
    assert outcomes_of(found) == ["APPROVE>DECLINE"] * 12
    for one in found:
        assert isinstance(one, JudgedApplicant)
        assert (one.before.amount, one.causes[0]) == (2_000_000, "eligibility.low_income")
        assert one.after.codes == ("INCOME_TOO_LOW",)


async def test_an_erased_applicant_is_judged_by_the_recorded_values() -> None:
    """The decision's own factor values suffice where the other version asks for no more."""
    world = World(book=strict_half())
    await decide_many(world, 3)
    await erase_newest(world)
    assert len(outcomes_of(await compared(world))) == 3


async def test_an_erased_applicant_whose_values_do_not_suffice_is_left_out() -> None:
    """A version that needs a factor more cannot judge what was erased, and says so."""
    more = ("accounts.connected_count == 0", "accounts.error_count == 0")
    world = World(book=book_under(ALONE + CHALLENGER, changed_rules(9, more, base=1)))
    await decide_many(world, 3)
    await erase_newest(world)
    found = await compared(world)
    assert len(outcomes_of(found)) == 2
    assert NotCompared(LeftOut.ERASED, ("accounts.error_count",)) in found


async def test_dated_parameters_of_another_day_are_tried() -> None:
    """The champion by December's figures declines whom it approves by those of the day."""
    dated = (INCOME, f"{INCOME}: {{2026-01-01: 8000, 2026-12-01: 80000}}}} #")
    world = World(book=book_under(NINE, changed_rules(9, dated, base=1)))
    await decide_many(world, 2)
    rules = world.book.product(PRODUCT).champion
    november = await judged_again(world, RulesOnDay(rules), RulesOnDay(rules, date(2026, 11, 30)))
    assert outcomes_of(november) == ["APPROVE>APPROVE"] * 2
    december = await judged_again(world, RulesOnDay(rules), RulesOnDay(rules, date(2026, 12, 1)))
    assert outcomes_of(december) == ["APPROVE>DECLINE"] * 2


def test_a_day_before_a_parameter_has_a_value_is_named() -> None:
    """Judging by a day without a value could judge no one: the parameter and its day are named."""
    rules = strict_half().product(PRODUCT).champion
    assert without_value([rules], date(2025, 12, 31)) == (
        "is 2025-12-31: params.min_income_months of v1 has no value before 2026-01-01; name a "
        "later day"
    )
    assert without_value([rules], date(2026, 1, 1)) == ""
