"""What an operator does with rollouts: look, explain, move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.decide.admit import Placement, place
from decision_service.decide.application import Application
from decision_service.domain.ports import Clock
from decision_service.rollout.judge import not_awaited
from decision_service.rollout.model import RolloutStage, Stages, Track, TrackName, percent_of
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout_running.counters import ArmFigures, decided
from decision_service.rollout_running.journal import RolloutChange, Rollouts
from decision_service.rulebook.rulebook import Product

log = structlog.get_logger("decision_service.rollout")

_SWITCHES = (JournalAction.PAUSE, JournalAction.RESUME, JournalAction.KILL, JournalAction.REVIVE)

_LOOKED_BACK = 100
"""How many steps are searched for the one that brought a track to its stage."""


class TrackView(msgspec.Struct, frozen=True):
    version: int
    stage: str | None
    percent: Decimal
    since_time: datetime
    killed: bool
    entered_by: JournalEntry | None
    stages: Sequence[RolloutStage]
    next: RolloutStage | None
    hold_until_time: datetime | None


class RolloutView(msgspec.Struct, frozen=True):
    product: Product
    last: JournalEntry
    go_live: TrackView
    challenger: TrackView | None


class AssignmentExplanation(msgspec.Struct, frozen=True):
    product: Product
    placement: Placement


class OperateRollouts(msgspec.Struct, frozen=True, eq=False):
    """Shows rollouts and moves them; every method raises ProductUnknown and StoreUnavailable."""

    rollouts: Rollouts
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
        placement = await place(application, product, self.figures, now=self.clock.now())
        return AssignmentExplanation(product, placement)

    async def move(
        self, change: RolloutChange, action: JournalAction | None, *, early: bool = False
    ) -> JournalEntry | None:
        """Take an operator's step; raises as `Rollouts.move`.

        A step up before hold and count are met needs `early`. What is not a switch rests on plan
        and position, where none are named on those known here. The reason, which may say anything,
        is in the journal and not in the log.
        """
        if action is JournalAction.ADVANCE:
            await self.rollouts.refresh()
        product = self.rollouts.product(change.product)
        if action not in _SWITCHES:
            digest = change.plan_digest or product.plan.digest
            position = change.position or self.rollouts.latest(product.name).position
            change = replace(change, plan_digest=digest, position=position)
        if action is JournalAction.ADVANCE and (unmet := await self._not_awaited(product, change)):
            figures = {"did not wait": f"the stage {unmet}"}
            change = replace(change, figures=figures, unmet="" if early else unmet)
        entry = await self.rollouts.move(change, action)
        if entry is not None:
            log.info(
                "rollout moved",
                product=entry.product,
                who=entry.who,
                action=entry.action.value,
                position=entry.position,
            )
        return entry

    async def _not_awaited(self, product: Product, change: RolloutChange) -> str:
        plan = product.plan
        state = product.state
        name = change.track or TrackName.GO_LIVE
        track = state.challenger if name is TrackName.CHALLENGER else state.go_live
        if track is None:
            return ""
        tallies = await self.figures.tallies(product.name, track.since, hashed=False)
        return not_awaited(
            plan, state, name, decisions=decided(tallies, name), now=self.clock.now()
        )

    async def _view(self, name: str) -> RolloutView:
        recent = await self.rollouts.history(name, None, _LOOKED_BACK)
        return self._view_from(name, recent)

    def _view_from(self, product_name: str, recent: Sequence[JournalEntry]) -> RolloutView:
        product = self.rollouts.product(product_name)
        plan = product.plan
        state = product.state
        challenger = None
        go_live = _track(plan.versions.champion, plan.go_live.stages, state.go_live, recent=recent)
        of_plan = plan.versions.challenger
        if of_plan is not None and state.challenger is not None:
            challenger = _track(of_plan.version, of_plan.stages, state.challenger, recent=recent)
        return RolloutView(
            product, self.rollouts.latest(product_name), go_live, challenger=challenger
        )


def _track(version: int, stages: Stages, track: Track, recent: Sequence[JournalEntry]) -> TrackView:
    present = stages.named(track.stage)
    hold = present.hold if present else None
    return TrackView(
        version=version,
        stage=track.stage,
        percent=percent_of(stages.percent(track.stage)),
        since_time=track.since,
        killed=track.killed,
        entered_by=next((entry for entry in recent if entry.at == track.since), None),
        stages=stages.steps,
        next=stages.after(track.stage),
        hold_until_time=track.since + hold if hold else None,
    )
