"""Taking changed rules over, while the store works and while it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rollout.plan_migration import MigratedPlans, settle
from decision_service.pipeline.rollout.reload import Reloaded, ReloadRules
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.folder import RuleFolder
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.world import NOW, PRODUCT, SetClock, rulebook, shipped_rules
from tests.unit.rollout.plans import edited


@dataclass(slots=True)
class Serving:
    """The parts of a process that changed rules go through; `folder` is what it reads next."""

    log: InMemoryDecisionLog
    active_rules: ActiveRules
    rollouts: Rollouts
    folder: RuleFolder = field(default_factory=shipped_rules)

    async def reload(self) -> Reloaded:
        read = lambda: self.folder  # noqa: E731 - the folder of the moment
        return await ReloadRules(read, self.active_rules, self.rollouts, self.log, SetClock())()


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
    log = InMemoryDecisionLog()
    settled = await settle(log, rulebook(), NOW)
    assert isinstance(settled, MigratedPlans)
    shelf = ActiveRules(settled.rulebook, NOW)
    return Serving(log, shelf, Rollouts(log, shelf, SetClock(), settled.entries))


async def test_a_changed_plan_is_taken_over_with_its_challenger(serving: Serving) -> None:
    """The plan decides, its challenger begins, and the journal has the step."""
    serving.folder = with_plan(CHALLENGED)
    assert await serving.reload() == Reloaded(accepted=True, faults=0)
    state = serving.rollouts.current(PRODUCT)
    assert state.challenger is not None
    assert (state.challenger.stage, state.decided_by) == ("whole", (1, 2))
    assert [e.action for e in await serving.rollouts.history(PRODUCT, None, 9)] == ["plan", "begin"]


async def test_a_challenger_without_a_test_case_is_not_taken_over(serving: Serving) -> None:
    """The last good rules decide on, and the refusal names the plan's line."""
    before = serving.active_rules.current()
    serving.folder = without_tests(with_plan(CHALLENGED), 2)
    assert await serving.reload() == Reloaded(accepted=False, faults=1)
    assert serving.active_rules.current() is before
    [problem] = serving.active_rules.status.refused
    assert (problem.code, problem.quoted.strip()) == ("T003", "version: 2")


async def test_a_store_that_fails_asks_for_another_reading(serving: Serving) -> None:
    """Nothing is taken over while nothing can be journalled; the next reading makes up for it."""
    before = serving.active_rules.status
    serving.folder, serving.log.down = with_plan(CHALLENGED), True
    assert await serving.reload() == Reloaded(accepted=False, faults=0, again=True)
    assert serving.active_rules.status == before
    serving.log.down = False
    assert await serving.reload() == Reloaded(accepted=True, faults=0)


async def test_a_plan_that_clashes_is_no_reason_to_read_again(serving: Serving) -> None:
    """Shelf and log tell what is wrong, and only an edit can mend it."""
    salt = ("salt: personal-loan-ph\n", "salt: another\n")
    serving.folder = with_plan(edited(CHALLENGED, salt))
    with capture_logs() as logs:
        assert await serving.reload() == Reloaded(accepted=False, faults=1)
    assert [line["alarm"] for line in logs] == ["RULES_REFUSED"]
    assert "salt: another" in logs[0]["problem"]
    [problem] = serving.active_rules.status.refused
    assert (problem.code, problem.line) == ("P501", 5)
    assert problem.quoted.strip() == "salt: another"
