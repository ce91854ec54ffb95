"""Moving rollouts and taking changed rules over: the journal comes first, and memory follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.domain.errors import PlanChanged, RolloutRefused, StoreUnavailable
from decision_service.domain.ports import StoredText
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import RolloutState, initial_state
from decision_service.rollout_running.journal import RolloutChange, Rollouts
from decision_service.rollout_running.operate import OperateRollouts
from decision_service.rulebook.rulebook import Product, Rulebook
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.watched import Serving, serving_on
from tests.fakes.world import NOW, PRODUCT, SetClock
from tests.unit.rollout.plans import STAGED, edited, good, texts_of

if TYPE_CHECKING:
    from decision_service.rulebook.folder import RuleFolder

QUARTER = ("    - {name: half,", "    - {name: quarter, percent: 25}\n    - {name: half,")


def book(*changes: tuple[str, str]) -> Rulebook:
    """A rulebook of the documented plan, changed; its rulesets do not matter here."""
    plan = good(edited(STAGED, *changes))
    return Rulebook({PRODUCT: Product(PRODUCT, {}, plan, initial_state(plan, NOW))})


@dataclass(slots=True)
class Process:
    """One process's rollouts on a journal that others share."""

    journal: InMemoryDecisionLog
    rollouts: Rollouts
    clock: SetClock

    @property
    def state(self) -> RolloutState:
        return self.rollouts.product(PRODUCT).state

    async def move(self, action, **rest) -> JournalEntry | None:
        change = RolloutChange(PRODUCT, "j.cruz", "because", track=TrackName.GO_LIVE, **rest)
        return await self.rollouts.move(change, action)

    async def advance(self, **rest) -> JournalEntry | None:
        return await self.move(JournalAction.ADVANCE, **rest)


async def started(journal: InMemoryDecisionLog, *changes: tuple[str, str]) -> Process:
    clock = SetClock()
    text = edited(STAGED, *changes)
    await journal.put_texts(
        [StoredText(good(text).digest, "plan", msgspec.json.encode(texts_of(text)))]
    )
    rollouts = await Rollouts.start(journal, book(*changes), clock)
    return Process(journal, rollouts, clock)


@pytest.fixture
def journal() -> InMemoryDecisionLog:
    return InMemoryDecisionLog()


@pytest.fixture
async def one(journal: InMemoryDecisionLog) -> Process:
    """The process that started first."""
    return await started(journal)


@pytest.fixture
async def other(journal: InMemoryDecisionLog, one: Process) -> Process:
    """A second process on the same journal."""
    return await started(journal)


async def steps(process: Process) -> list[tuple[int, str, str]]:
    """The journal, oldest first: position, who, action."""
    found = await process.rollouts.history(PRODUCT, None, 100)
    return [(entry.position, entry.who, entry.action.value) for entry in reversed(found)]


async def test_the_first_start_writes_the_first_entry(one: Process) -> None:
    """The journal begins at the plan's initial stages, and a restart adds nothing."""
    assert await steps(one) == [(1, "service", "begin")]
    again = await started(one.journal)
    assert await steps(again) == [(1, "service", "begin")]
    assert again.state == one.state == initial_state(good(STAGED), NOW)


async def test_a_step_is_journalled_with_all_that_led_to_it(one: Process) -> None:
    """Who, when, why, from what to what, under which plan and on which figures."""
    digest = one.rollouts.active_rules.current().product(PRODUCT).plan.digest
    one.clock.wall = NOW.replace(hour=5)
    before = one.state
    entry = await one.advance(figures={"units": "240"}, plan_digest=digest)
    assert entry == JournalEntry(
        PRODUCT,
        2,
        NOW.replace(hour=5),
        "j.cruz",
        "because",
        JournalAction.ADVANCE,
        before,
        one.state,
        digest,
        {"units": "240"},
    )
    assert one.state.go_live.stage == "pilot"
    assert one.rollouts.latest(PRODUCT) == entry


async def test_a_kill_comes_through_whoever_moves_beside_it(one: Process, other: Process) -> None:
    """A kill that loses its position is tried again until it is in the journal."""
    await asyncio.gather(
        one.advance(), other.move(JournalAction.KILL), one.move(JournalAction.ROLL_BACK)
    )
    await one.rollouts.refresh()
    assert one.state.go_live.killed
    assert [action for _, _, action in await steps(one)].count("kill") == 1


async def test_a_process_with_an_older_plan_moves_nothing(one: Process, other: Process) -> None:
    """While the rollout runs under a plan that this process has not read, it may only kill."""
    await other.rollouts.take_over(book(QUARTER))
    digest = one.rollouts.active_rules.current().product(PRODUCT).plan.digest
    with pytest.raises(PlanChanged, match="another plan than this process has read"):
        await one.advance(plan_digest=digest)
    killed = await one.move(JournalAction.KILL)
    assert killed.plan_digest == other.rollouts.active_rules.current().product(PRODUCT).plan.digest


async def test_a_stage_that_only_a_newer_plan_has_keeps_an_older_process_where_it_was(
    one: Process, other: Process
) -> None:
    """Until it has read the plan a process goes on at the stage it knows, but follows a kill."""
    for _ in range(2):
        await other.advance()
    await one.rollouts.refresh()
    await other.rollouts.take_over(book(QUARTER))
    await other.advance()
    assert other.state.go_live.stage == "quarter"
    await one.rollouts.refresh()
    assert one.state.go_live.stage == "early"
    await other.move(JournalAction.KILL)
    await one.rollouts.refresh()
    assert (one.state.go_live.stage, one.state.go_live.killed) == ("early", True)
    await one.rollouts.take_over(book(QUARTER))
    assert one.state == other.state


async def test_processes_that_take_a_plan_over_at_once_agree(one: Process, other: Process) -> None:
    """Of two that journal the same change one is first, and both stand at its entry."""
    taken = [process.rollouts.take_over(book(QUARTER)) for process in (one, other)]
    assert await asyncio.gather(*taken) == [None, None]
    assert len(await steps(one)) == 2
    assert one.rollouts.latest(PRODUCT) == other.rollouts.latest(PRODUCT)


async def test_a_store_that_fails_leaves_every_rollout_where_it_is(one: Process) -> None:
    """Without a store nothing moves and everything goes on; when it is back it is followed."""
    await one.advance()
    before = one.rollouts.active_rules.current()
    one.journal.down = True
    for call in (one.rollouts.refresh(), one.advance(), one.rollouts.take_over(book(QUARTER))):
        with pytest.raises(StoreUnavailable):
            await call
    assert one.rollouts.active_rules.current() is before
    one.journal.down = False
    assert (await one.advance()).after.go_live.stage == "early"


def without_tests(folder: RuleFolder, version: int) -> RuleFolder:
    """The folder without the cases of one version of every product."""
    line = f"\nversion: {version}\n"
    products = [
        replace(one, tests=tuple(t for t in one.tests if line not in t.text))
        for one in folder.products
    ]
    return replace(folder, products=tuple(products))


@pytest.fixture
async def serving() -> Serving:
    """A process on the shipped rules."""
    return await serving_on()


async def test_a_changed_plan_is_taken_over_with_its_challenger(serving: Serving) -> None:
    """The plan decides, its challenger begins, and the journal has the step."""
    assert await serving.take(with_plan(CHALLENGED)) == []
    state = serving.rollouts.product(PRODUCT).state
    assert state.challenger is not None
    assert (state.challenger.stage, state.decided_by) == ("whole", (1, 2, 3))
    [changed, begun] = await serving.rollouts.history(PRODUCT, None, 9)
    assert (changed.action, changed.who, begun.action) == ("plan", "service", "begin")
    assert "the challenger v2 begins at 100 %; guardrail referrals is gone" in changed.why


async def test_a_challenger_without_a_test_case_is_not_taken_over(serving: Serving) -> None:
    """The last good rules decide on, and the refusal names the plan's line."""
    before = serving.active_rules.current()
    assert await serving.take(without_tests(with_plan(CHALLENGED), 2)) == ["T003"]
    assert serving.active_rules.current() is before
    [problem] = serving.active_rules.status.refused
    assert (problem.code, problem.quoted.strip()) == ("T003", "version: 2")


async def test_a_store_that_fails_takes_nothing_over(serving: Serving) -> None:
    """Nothing is taken over while nothing can be journalled; the next offer makes up for it."""
    before = serving.active_rules.status
    serving.log.down = True
    with pytest.raises(StoreUnavailable):
        await serving.take(with_plan(CHALLENGED))
    assert serving.active_rules.status == before
    serving.log.down = False
    assert await serving.take(with_plan(CHALLENGED)) == []


async def test_a_plan_that_clashes_is_no_reason_to_read_again(serving: Serving) -> None:
    """Shelf and log tell what is wrong, and only an edit can mend it."""
    salt = ("salt: personal-loan-ph\n", "salt: another\n")
    with capture_logs() as logs:
        assert await serving.take(with_plan(edited(CHALLENGED, salt))) == ["P501"]
    assert [line["alarm"] for line in logs] == ["RULES_REFUSED"]
    assert "salt: another" in logs[0]["problem"]
    [problem] = serving.active_rules.status.refused
    assert (problem.code, problem.line) == ("P501", 4)
    assert problem.quoted.strip() == "salt: another"


LOCKED = (
    edited(CHALLENGED, ("unit: ", "second_person_above: 10\nunit: "))
    + """\
guardrails:
  - {name: errors, metric: internal_error_rate, scope: product, max: 0.02, min_units: 100,
     window: 1h, action: kill}
# desk.yaml
review: 2000
review_second: 10000
reasons: {CONFIRMED: {text: A document confirms the income.}}
"""
)

SWAPPED = (
    "champion: 1\nchallenger:\n  version: 2",
    "champion: 2\nchallenger:\n  version: 1",
)

OPENED = edited(LOCKED, SWAPPED)


async def confirm(process: Serving, who: str) -> JournalEntry | None:
    """A caller confirms what waits, as the service has it."""
    operate = OperateRollouts(process.rollouts, process.log, SetClock())
    return await operate.move(RolloutChange(PRODUCT, who, "looked at it"), None)


def champion(process: Serving) -> int:
    return process.product.plan.versions.champion


async def test_an_edited_plan_waits_for_two_callers_in_every_process_and_over_a_restart() -> None:
    """One row waits, by the service; the plan in force decides until a second caller confirms."""
    log = InMemoryDecisionLog()
    one = await serving_on(log=log, folder=with_plan(LOCKED))
    in_force = one.rollouts.latest(PRODUCT).plan_digest
    assert await one.take(with_plan(OPENED)) == []
    assert await one.take(with_plan(OPENED)) == []
    other = await serving_on(log=log, folder=with_plan(OPENED))
    for process in (one, other):
        waits = process.rollouts.latest(PRODUCT)
        assert (waits.position, waits.who, waits.action) == (2, "service", "propose")
        assert waits.plan_digest == in_force
        assert waits.why.startswith("the plan changed: the champion is v2 and no longer v1; ")
        assert champion(process) == 1
    first = await confirm(one, "ana")
    assert first is not None
    assert (first.who, first.action, first.plan_digest) == ("ana", "propose", in_force)
    with pytest.raises(RolloutRefused, match="`ana` proposed this already"):
        await confirm(one, "ana")
    again = await serving_on(log=log, folder=with_plan(OPENED))
    taken = await confirm(again, "ben")
    assert taken is not None
    assert (taken.position, taken.who, taken.action) == (4, "ben", "plan")
    assert taken.plan_digest != in_force
    for process in (one, other, again, await serving_on(log=log, folder=with_plan(OPENED))):
        await process.rollouts.refresh()
        assert champion(process) == 2
        assert process.rollouts.latest(PRODUCT) == taken


EDITS = {
    "a segment of all at 100 %": (
        "  deny: []",
        "  segments: [{name: all, when: inputs.requested_amount > 0, percent: 100}]",
    ),
    "no lock": ("second_person_above: 10\n", ""),
}

PILOT = edited(
    LOCKED,
    ("initial_stage: all", "initial_stage: pilot"),
    ("initial_stage: whole", "initial_stage: half"),
)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_one_persons_dangerous_edit_of_a_plan_is_not_in_force(edit: tuple[str, str]) -> None:
    """It waits in the journal, and the plan before decides on; taken back, nothing waits.

    What else is dangerous is in `widenings.yaml`.
    """
    one = await serving_on(with_plan(PILOT))
    before = one.product.plan
    assert await one.take(with_plan(edited(PILOT, edit))) == []
    assert one.product.plan == before
    assert one.rollouts.latest(PRODUCT).action == "propose"
    assert await one.take(with_plan(PILOT)) == []
    back = one.rollouts.latest(PRODUCT)
    assert (back.action, back.why) == ("plan", "the changed plan was taken back")
    assert (back.after.proposed, back.plan_digest) == (None, before.digest)


async def test_a_plan_that_waits_and_no_longer_fits_stops_no_start() -> None:
    """It lost its place while it waited: the service starts, and the confirmation is refused."""
    log = InMemoryDecisionLog()
    one = await serving_on(log=log, folder=with_plan(LOCKED))
    folder = with_plan(edited(LOCKED, SWAPPED, ("    - {name: early, percent: 5}\n", "")))
    assert await one.take(folder) == []
    back = RolloutChange(PRODUCT, "ana", "less", track=TrackName.GO_LIVE)
    await one.rollouts.move(back, JournalAction.ROLL_BACK)
    again = await serving_on(log=log, folder=folder)
    assert champion(again) == 1
    await confirm(again, "ana")
    with pytest.raises(RolloutRefused, match="stage `early`, which the new plan does not have"):
        await confirm(again, "ben")


async def test_rules_that_the_plan_in_force_does_not_fit_are_refused() -> None:
    """It has to go on while the new one waits, so its version stays in the folder until then."""
    log = InMemoryDecisionLog()
    one = await serving_on(log=log, folder=with_plan(LOCKED))
    challenger = OPENED[OPENED.index("challenger:") : OPENED.index("guardrails:")]
    folder = with_plan(edited(OPENED, (challenger, "")))
    loan = next(one for one in folder.products if one.product == PRODUCT)
    tests = tuple(t for t in loan.tests if "\nversion: 2\n" in t.text)
    loan = replace(loan, rulesets={2: loan.rulesets[2]}, tests=tests)
    products = tuple(loan if p.product == PRODUCT else p for p in folder.products)
    assert await one.take(replace(folder, products=products)) != []
    problems = [p.message for p in one.active_rules.status.refused if p.code == "P501"]
    assert len(problems) == 1
    assert "goes on until two callers confirm another one" in problems[0]
    assert "there is no ruleset v1" in problems[0]
