"""A rollout that is watched, on a store and a clock of a test's own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.judge import GuardrailState
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import RolloutState, initial_state
from decision_service.rulebook.rulebook import ActiveRules, Product, Rulebook
from decision_service.steering.counters import CounterKind, EventCounters, FigureCell
from decision_service.steering.guardrails import GuardrailWatch
from decision_service.steering.journal import MigratedPlans, RolloutChange, Rollouts, settle
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT, SetClock
from tests.kits.arm_figures import decided
from tests.unit.rollout.plans import STAGED, edited, good

MEANT = "  expect: {approval_rate: {min: -0.09, max: -0.03}}"
AUTO = (
    ("advance: manual", "advance: auto"),
    ("{name: staff, percent: 0}", "{name: staff, percent: 0, hold: 1d}"),
    ("initial_stage: staff", "initial_stage: pilot"),
)
UPSTREAM = "metric: upstream_error_rate, scope: product, max: 0.10, min_units: 100, window: 1h"
OUTAGE = ("guardrails:", f"guardrails:\n  - {{name: outage, {UPSTREAM}, action: pause}}")
NUMBERS = itertools.count(1)


@dataclass(slots=True)
class Stand:
    """A watched rollout of the documented plan, on a store and a clock of the test's own."""

    log: InMemoryDecisionLog
    rollouts: Rollouts
    watch: GuardrailWatch
    clock: SetClock
    seen: EventCounters = field(default_factory=EventCounters)

    @property
    def state(self) -> RolloutState:
        return self.rollouts.product(PRODUCT).state

    async def decide(
        self, outcome: Outcome, times: int, arm: Arm = Arm.CHAMPION, **changes: object
    ) -> None:
        """So many new applicants, decided now by an arm."""
        version = 2 if arm is Arm.CHALLENGER else 1
        made = {"arm": arm, "version": version, "created": self.clock.now()} | changes
        for number in itertools.islice(NUMBERS, times):
            await self.log.commit(decided(number, f"u-{number}", outcome, **made))

    async def count(
        self,
        counted: CounterKind,
        count: int,
        bucket: str = "",
        arm: Arm | None = Arm.CHAMPION,
    ) -> None:
        """So much counted in this hour, at the present entry of the journal."""
        version = {Arm.CHALLENGER: 2, Arm.CHAMPION: 1, None: 0}[arm]
        hour = self.clock.now().replace(minute=0, second=0, microsecond=0)
        position = self.rollouts.latest(PRODUCT).position
        cell = FigureCell(PRODUCT, position, arm, version, hour, counted, bucket)
        await self.log.put_cells(f"process-{next(NUMBERS)}", {cell: count})

    async def check(self) -> JournalEntry | None:
        self.clock.wall += timedelta(seconds=1)
        await self.rollouts.refresh()
        return await self.watch.check(PRODUCT)

    async def operate(self, action: JournalAction, step: object) -> JournalEntry:
        """An operator's step."""
        self.clock.wall += timedelta(seconds=1)
        change = RolloutChange(PRODUCT, "j.cruz", "looked into it")
        entry = await self.rollouts.move(change, action, step)  # type: ignore[arg-type]  # any step
        self.clock.wall += timedelta(seconds=1)
        return entry

    async def standings(self) -> dict[str, GuardrailState]:
        """What each guardrail says, by name and arm."""
        words = await (await self.watch.evaluation(PRODUCT)).results()
        return {f"{w.guardrail.name} {w.arm or 'product'}": w.judgement.standing for w in words}


async def stand(
    *changes: tuple[str, str],
    log: InMemoryDecisionLog | None = None,
    counters: EventCounters | None = None,
) -> Stand:
    """A process that watches; several may share a log."""
    log, clock, seen = log or InMemoryDecisionLog(), SetClock(), counters or EventCounters()
    plan = good(edited(STAGED, *changes))
    book = Rulebook({PRODUCT: Product(PRODUCT, {}, plan, initial_state(plan, NOW))})
    settled = await settle(log, book, clock.now())
    assert isinstance(settled, MigratedPlans)
    shelf = ActiveRules(settled.rulebook, clock.now())
    rollouts = Rollouts(log, shelf, clock, settled.entries)
    watch = GuardrailWatch(rollouts, log, clock, seen)
    return Stand(log, rollouts, watch, clock, seen)
