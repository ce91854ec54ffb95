"""What an operator does with rollouts: look, explain, move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.decide.admit import Placement, place
from decision_service.decide.application import Application
from decision_service.domain.ports import Clock
from decision_service.rollout.judge import not_awaited
from decision_service.rollout.model import Plan, TrackName
from decision_service.rollout.ports import ArmLog, JournalAction, JournalEntry
from decision_service.rollout.state import (
    Refusal,
    RolloutState,
    StepResult,
    Switched,
    advance,
    confirm,
    kill,
    pause,
    resume,
    revive,
    roll_back,
)
from decision_service.rulebook.rulebook import Product
from decision_service.steering.counters import ArmFigures, decided
from decision_service.steering.journal import RolloutChange, Rollouts, StepTaken

log = structlog.get_logger("decision_service.rollout")

_LOOKED_BACK = 100
"""How many steps are searched for the one that brought a track to its stage."""


class RolloutView(msgspec.Struct, frozen=True):
    """A rollout's state; `entered` is the step that brought each track to its stage."""

    product: Product
    last: JournalEntry
    entered: Mapping[TrackName, JournalEntry]


class AssignmentExplanation(msgspec.Struct, frozen=True):
    product: Product
    placement: Placement


class OperateRollouts(msgspec.Struct, frozen=True, eq=False):
    """Shows rollouts and moves them; every method raises ProductUnknown and StoreUnavailable."""

    rollouts: Rollouts
    arms: ArmLog
    figures: ArmFigures
    clock: Clock

    async def show_all(self) -> Sequence[RolloutView]:
        await self.rollouts.refresh()
        return [await self._view(name) for name in sorted(self.rollouts.products)]

    async def show(self, product: str) -> RolloutView:
        await self.rollouts.refresh()
        return await self._view(product)

    def after(self, product: str) -> RolloutView:
        """One rollout after a step, from memory, so that no read can fail."""
        return self._view_from(product, (self.rollouts.latest(product),))

    async def explain(self, application: Application) -> AssignmentExplanation:
        """An applicant's assignment now; raises InputInvalid without the plan's unit."""
        await self.rollouts.refresh()
        product = self.rollouts.product(application.product)
        placement = await place(application, product, self.arms, self.clock.now())
        return AssignmentExplanation(product, placement)

    async def advance(
        self, change: RolloutChange, track: TrackName | None, *, early: bool
    ) -> JournalEntry | None:
        """Before hold and count are met it needs `early`; raises as `Rollouts.move`."""
        await self.rollouts.refresh()
        product = self.rollouts.product(change.product)
        name, position = track or TrackName.GO_LIVE, self.rollouts.latest(product.name).position
        missing = await self._not_awaited(product, name)
        figures = {"not waited for": f"the stage {missing}"} if missing else {}
        change = replace(change, position=change.position or position, figures=figures)

        def step(plan: Plan, state: RolloutState, now: datetime) -> StepResult:
            above = advance(plan, state, track, now, change.who)
            if isinstance(above, Refusal) or early or not missing:
                return above
            return Refusal(
                f"the present stage of {name} of {change.product} {missing}: wait, or advance with "
                "--early and say why"
            )

        return await self._as_seen(change, JournalAction.ADVANCE, step)

    async def confirm(self, change: RolloutChange) -> JournalEntry | None:
        """Take what another caller proposed, or propose a changed plan; as `Rollouts.move`."""

        def step(plan: Plan, state: RolloutState, now: datetime) -> StepResult:
            waiting = self.rollouts.product(change.product).waiting
            return confirm(plan, waiting, state, change.who, now)

        return await self._as_seen(change, None, step)

    async def roll_back(
        self, change: RolloutChange, track: TrackName | None
    ) -> JournalEntry | None:
        def step(plan: Plan, state: RolloutState, now: datetime) -> StepResult:
            return roll_back(plan, state, track, now)

        return await self._as_seen(change, JournalAction.ROLL_BACK, step)

    async def pause(self, change: RolloutChange) -> JournalEntry | None:
        return await self._taken(change, JournalAction.PAUSE, lambda _, state, __: pause(state))

    async def resume(self, change: RolloutChange) -> JournalEntry | None:
        return await self._taken(change, JournalAction.RESUME, lambda _, state, __: resume(state))

    async def set_kill_switch(
        self, change: RolloutChange, arm: Switched, *, killed: bool
    ) -> JournalEntry | None:
        """Kill or revive an arm or the product; None where the switch is already so."""

        def step(plan: Plan, state: RolloutState, now: datetime) -> StepResult:
            return kill(state, arm) if killed else revive(plan, state, arm, change.who, now)

        action = JournalAction.KILL if killed else JournalAction.REVIVE
        return await self._taken(change, action, step)

    async def _not_awaited(self, product: Product, name: TrackName) -> str:
        plan, state = product.plan, product.state
        track = state.challenger if name is TrackName.CHALLENGER else state.go_live
        if track is None:
            return ""
        tallies = await self.figures.tallies(product.name, track.since, hashed=False)
        return not_awaited(plan, state, name, decided(tallies, name), self.clock.now())

    async def _as_seen(
        self, change: RolloutChange, action: JournalAction | None, step: StepTaken
    ) -> JournalEntry | None:
        """A step that rests on plan and position, where none are named on those known here."""
        plan = self.rollouts.product(change.product).plan
        position = change.position or self.rollouts.latest(change.product).position
        seen = replace(change, plan_digest=change.plan_digest or plan.digest, position=position)
        return await self._taken(seen, action, step)

    async def _taken(
        self, change: RolloutChange, action: JournalAction | None, step: StepTaken
    ) -> JournalEntry | None:
        """Take the step and log it; the reason, which may say anything, is in the journal alone."""
        entry = await self.rollouts.move(change, action, step)
        if entry is not None:
            log.info(
                "rollout moved",
                product=entry.product,
                who=entry.who,
                action=entry.action.value,
                position=entry.position,
            )
        return entry

    async def _view(self, name: str) -> RolloutView:
        recent = await self.rollouts.history(name, None, _LOOKED_BACK)
        return self._view_from(name, recent)

    def _view_from(self, product_name: str, recent: Sequence[JournalEntry]) -> RolloutView:
        product = self.rollouts.product(product_name)
        tracks = {
            TrackName.GO_LIVE: product.state.go_live,
            TrackName.CHALLENGER: product.state.challenger,
        }
        entered = {
            name: entry
            for name, track in tracks.items()
            if (entry := next((one for one in recent if track and one.at == track.since), None))
        }
        return RolloutView(product, self.rollouts.latest(product_name), entered)
