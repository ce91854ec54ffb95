"""A rollout that is watched, on a store and a clock of a test's own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

from msgspec.structs import replace
from sqlalchemy import insert

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.judge import GuardrailState
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import RolloutState, initial_state
from decision_service.rollout_running.counters import CounterKind, EventCounters, FigureCell
from decision_service.rollout_running.guardrails import GuardrailWatch
from decision_service.rollout_running.journal import RolloutChange, Rollouts
from decision_service.rollout_running.releases import (
    FolderRefused,
    OperateReleases,
    ReleaseTerms,
    refuse,
)
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.rulebook import ActiveRules, Product, Rulebook
from decision_service.store.arms import arm_decisions
from decision_service.store.columns import microseconds
from decision_service.store.store import Store
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT, SetClock, rulebook, shipped_rules
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
class Serving:
    """The parts that changed rules go through in one process."""

    log: Store
    releases: OperateReleases
    clock: SetClock = field(default_factory=SetClock)

    async def take(self, folder: RuleFolder) -> list[str]:
        """Offer a folder; the codes by which it is refused, none where it decides or waits now."""
        try:
            await self.releases.offer(folder)
        except FolderRefused as refused:
            refuse(self.active_rules, refused.problems, self.clock.now())
            return [one.code for one in refused.problems]
        self.active_rules.accept(self.clock.now())
        return []

    @property
    def rollouts(self) -> Rollouts:
        return self.releases.rollouts

    @property
    def active_rules(self) -> ActiveRules:
        return self.rollouts.active_rules

    @property
    def product(self) -> Product:
        return self.active_rules.current().product(PRODUCT)


def process_on(log: Store, terms: ReleaseTerms, clock: SetClock | None = None) -> Serving:
    """A process that has read nothing yet."""
    clock = clock or SetClock()
    rollouts = Rollouts(log, ActiveRules(Rulebook(), clock.now()), clock, latest={})
    return Serving(log, OperateReleases(log, rollouts, clock, terms), clock)


async def serving_on(
    folder: RuleFolder | None = None,
    log: Store | None = None,
    *,
    edits_used: bool = False,
) -> Serving:
    """A process that starts on a store by a folder: an empty store and the shipped rules.

    No two persons are needed.
    """
    one = process_on(log or InMemoryDecisionLog(), ReleaseTerms(False, edits_used=edits_used))
    await one.releases.offer(folder or shipped_rules())
    await one.releases.start()
    return one


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
        """So many new applicants, decided now by an arm: the rows alone that rollouts count."""
        row = {
            "product": PRODUCT,
            "arm": arm,
            "version": 2 if arm is Arm.CHALLENGER else 1,
            "hashed": True,
            "pins": True,
            "outcome": outcome,
            "rule_error": False,
            "created": microseconds(self.clock.now()),
        }
        rows = [
            row | changes | {"decision_id": f"dec_{number}", "unit": f"u-{number}"}
            for number in itertools.islice(NUMBERS, times)
        ]
        await self.log.database.write(lambda made: made.execute(insert(arm_decisions), rows))

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

    async def operate(self, action: JournalAction, of: str = "product") -> JournalEntry | None:
        """An operator's step of a track, an arm or the product."""
        self.clock.wall += timedelta(seconds=1)
        track = TrackName.GO_LIVE if of == "go-live" else TrackName.CHALLENGER
        arm = Arm.CHALLENGER if of == "challenger" else None
        change = RolloutChange(PRODUCT, "j.cruz", "looked into it", track=track, arm=arm)
        entry = await self.rollouts.move(change, action)
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
    book = Rulebook(
        {PRODUCT: replace(rulebook().product(PRODUCT), plan=plan, state=initial_state(plan, NOW))}
    )
    rollouts = await Rollouts.start(log, book, clock)
    watch = GuardrailWatch(rollouts, log, clock, seen)
    return Stand(log, rollouts, watch, clock, seen)
