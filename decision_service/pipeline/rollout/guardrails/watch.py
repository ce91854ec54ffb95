"""Looks at every rollout all the time, and acts where its plan says so.

Any number of processes may watch one store: a step counts only while the journal stands where it
was decided on, so that of two that act together one comes first and the other looks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

import msgspec
import structlog

from decision_service.domain.errors import (
    PlanChanged,
    ProductUnknown,
    RolloutMovedOn,
    RolloutRefused,
    StoreError,
)
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.arm_figures import ArmFigures
from decision_service.pipeline.rollout.event_counters import EventCounters
from decision_service.pipeline.rollout.guardrails.evaluate import Evaluation, GuardrailResult
from decision_service.pipeline.rollout.guardrails.guardrail_text import figures_of, sentence_of
from decision_service.pipeline.rollout.guardrails.windows import AUTO_ADVANCE, GUARDRAIL
from decision_service.pipeline.rollout.journal import RolloutChange, Rollouts
from decision_service.pipeline.rollout_ports import JournalAction, JournalEntry
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.guardrails import GuardrailAction
from decision_service.rollout.judging import GuardrailState, act
from decision_service.rollout.model import Advance, Plan
from decision_service.rollout.readiness import advances_itself
from decision_service.rollout.state import Refusal, RolloutState, StepResult, TrackName, advance

log = structlog.get_logger("decision_service.rollout")

WATCH_SECONDS = 1.0
"""How often a rollout is looked at, where looking is quick."""

LOOKING_SHARE = 0.05
"""How much of the time looking may take: after a long look the next one waits longer."""

MOST_HISTORY = 500
_SEVEREST_FIRST = (GuardrailAction.KILL, GuardrailAction.ROLL_BACK, GuardrailAction.PAUSE)
_JOURNALLED = {
    GuardrailAction.PAUSE: JournalAction.PAUSE,
    GuardrailAction.ROLL_BACK: JournalAction.ROLL_BACK,
    GuardrailAction.KILL: JournalAction.KILL,
}
_SUPERSEDED = (PlanChanged, RolloutMovedOn, RolloutRefused, ProductUnknown)


class WatchDeps(msgspec.Struct, frozen=True):
    """The adapters that the guardrail watch needs."""

    active_rules: ActiveRules
    rollouts: Rollouts
    figures: ArmFigures
    clock: Clock
    counters: EventCounters


class GuardrailWatch:
    """Evaluates every product's guardrails and takes the steps that follow."""

    def __init__(self, watcher: WatchDeps) -> None:
        self._deps = watcher
        self._histories: dict[str, Sequence[JournalEntry]] = {}
        self._seen: dict[str, Sequence[GuardrailResult]] = {}

    async def run(self) -> None:
        """Check for ever; while the store fails, no step is taken."""
        while True:
            began = self._deps.clock.monotonic()
            for name in self._deps.active_rules.current().products:
                await self._guarded(name)
            took = self._deps.clock.monotonic() - began
            await asyncio.sleep(max(WATCH_SECONDS, took / LOOKING_SHARE))

    def states(self) -> Iterable[tuple[str, GuardrailResult]]:
        """The last result of every guardrail in force with its product, from memory."""
        for name in self._deps.active_rules.current().products:
            for result in self._seen.get(name, ()):
                yield name, result

    async def check(self, name: str) -> JournalEntry | None:
        """Check one product once; the step taken, or None.

        Raises StoreUnavailable, and where another step came first what `Rollouts.move` raises.
        """
        evaluation = await self.evaluation(name)
        results = self._seen[name] = await evaluation.results()
        tripped = [
            result for result in results if result.judgement.standing is GuardrailState.TRIPPED
        ]
        for result in _severest_first(tripped):
            if _changes_something(evaluation.product, result, evaluation):
                return await self._act(evaluation, result)
        if await self._is_ready(evaluation, results):
            return await self._advance(evaluation)
        return None

    async def evaluation(self, name: str) -> Evaluation:
        """An evaluation of a product with its journal."""
        product = self._deps.active_rules.current().product(name)
        history = await self._history(name)
        return Evaluation(self._deps.figures, product, history, self._deps.clock.now())

    async def _guarded(self, name: str) -> None:
        try:
            await self.check(name)
        except _SUPERSEDED as error:
            log.info("looked too late", product=name, reason=error.reason)
        except StoreError:
            return
        except Exception as error:  # noqa: BLE001 - a fault in one look must not end the watching
            log.warning("looking failed", product=name, error=type(error).__name__)

    async def _history(self, name: str) -> Sequence[JournalEntry]:
        """The journal, read again only where it has moved."""
        position = self._deps.rollouts.latest(name).position
        known = self._histories.get(name, ())
        if not known or known[0].position != position:
            known = await self._deps.rollouts.history(name, None, MOST_HISTORY)
            self._histories[name] = known
        return known

    async def _act(self, evaluation: Evaluation, result: GuardrailResult) -> JournalEntry | None:
        guardrail, product = result.guardrail, evaluation.product
        kills = guardrail.action is GuardrailAction.KILL
        figures = figures_of(result, product)
        change = RolloutChange(
            who=f"{GUARDRAIL}{guardrail.name}",
            why=sentence_of(result, product),
            action=_JOURNALLED[guardrail.action],
            step=partial(_step, result),
            expected_plan_digest=None if kills else product.plan.digest,
            figures=figures,
            expected_position=evaluation.history[0].position,
        )
        entry = await self._deps.rollouts.move(product.name, change)
        if entry is not None:
            labels = (entry.product, guardrail.name, entry.action.value)
            self._deps.counters.guardrail_actions.labels(*labels).inc()
            _log_move(entry, figures, guardrail=guardrail.name)
        return entry

    async def _is_ready(self, evaluation: Evaluation, results: Iterable[GuardrailResult]) -> bool:
        product = evaluation.product
        plan, state = product.plan, product.state
        if plan.go_live.advance is not Advance.AUTO:
            return False
        decisions = await evaluation.decisions(state.go_live.since)
        judgements = [result.judgement for result in results]
        return advances_itself(plan, state, decisions, judgements, evaluation.now)

    async def _advance(self, evaluation: Evaluation) -> JournalEntry | None:
        product = evaluation.product
        since = product.state.go_live.since
        decisions = await evaluation.decisions(since)
        figures = {"decisions": str(decisions), "since": f"{since:%Y-%m-%d %H:%M:%S} UTC"}
        change = RolloutChange(
            who=AUTO_ADVANCE,
            why="the stage has held, its count is reached and no guardrail stands against it",
            action=JournalAction.ADVANCE,
            step=lambda plan, state, now: advance(plan, state, TrackName.GO_LIVE, now),
            expected_plan_digest=product.plan.digest,
            figures=figures,
            expected_position=evaluation.history[0].position,
        )
        entry = await self._deps.rollouts.move(product.name, change)
        if entry is not None:
            self._deps.counters.advances.labels(entry.product).inc()
            _log_move(entry, figures)
        return entry


def _log_move(entry: JournalEntry, figures: Mapping[str, str], **names: str) -> None:
    names = {"product": entry.product, "action": entry.action.value, **names}
    log.warning("rollout moved", who=entry.who, why=entry.why, **names, figures=dict(figures))


def _severest_first(results: Sequence[GuardrailResult]) -> Sequence[GuardrailResult]:
    return sorted(results, key=lambda result: _SEVEREST_FIRST.index(result.guardrail.action))


def _step(result: GuardrailResult, plan: Plan, state: RolloutState, now: datetime) -> StepResult:
    return act(plan, state, result.guardrail, result.arm, now)


def _changes_something(product: Product, result: GuardrailResult, evaluation: Evaluation) -> bool:
    after = _step(result, product.plan, product.state, evaluation.now)
    return not isinstance(after, Refusal) and after != product.state
