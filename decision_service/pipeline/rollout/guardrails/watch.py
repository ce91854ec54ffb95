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
from decision_service.rollout.guardrails import Action
from decision_service.rollout.judging import GuardrailState, act
from decision_service.rollout.model import Advance, Plan
from decision_service.rollout.readiness import advances_itself
from decision_service.rollout.state import Refusal, RolloutState, Step, TrackName, advance

log = structlog.get_logger("decision_service.rollout")

WATCH_SECONDS = 1.0
"""How often a rollout is looked at, where looking is quick."""

LOOKING_SHARE = 0.05
"""How much of the time looking may take: after a long look the next one waits longer."""

MOST_HISTORY = 500
_SEVEREST_FIRST = (Action.KILL, Action.ROLL_BACK, Action.PAUSE)
_JOURNALLED = {
    Action.PAUSE: JournalAction.PAUSE,
    Action.ROLL_BACK: JournalAction.ROLL_BACK,
    Action.KILL: JournalAction.KILL,
}
_SUPERSEDED = (PlanChanged, RolloutMovedOn, RolloutRefused, ProductUnknown)


class Watcher(msgspec.Struct, frozen=True):
    """What watching needs of the world."""

    shelf: ActiveRules
    rollouts: Rollouts
    figures: ArmFigures
    clock: Clock
    counters: EventCounters


class GuardrailWatch:
    """Judges every product's guardrails and takes the steps that follow."""

    def __init__(self, watcher: Watcher) -> None:
        self._with = watcher
        self._histories: dict[str, Sequence[JournalEntry]] = {}

    async def run(self) -> None:
        """Look for ever; a store that fails is asked again, and nothing acts meanwhile."""
        while True:
            began = self._with.clock.monotonic()
            for name in self._with.shelf.current().products:
                await self._guarded(name)
            took = self._with.clock.monotonic() - began
            await asyncio.sleep(max(WATCH_SECONDS, took / LOOKING_SHARE))

    async def look(self, name: str) -> JournalEntry | None:
        """Look once at a product; the step that followed, if one did.

        Raises StoreUnavailable, and where another step came first what `Rollouts.move` raises.
        """
        watching = await self.watching(name)
        words = await watching.results()
        tripped = [word for word in words if word.judgement.standing is GuardrailState.TRIPPED]
        for word in _severest_first(tripped):
            if _changes_something(watching.product, word, watching):
                return await self._act(watching, word)
        if await self._is_ready(watching, words):
            return await self._advance(watching)
        return None

    async def watching(self, name: str) -> Evaluation:
        """One look at a product with the journal it stands on."""
        product = self._with.shelf.current().product(name)
        history = await self._history(name)
        return Evaluation(self._with.figures, product, history, self._with.clock.now())

    async def _guarded(self, name: str) -> None:
        try:
            await self.look(name)
        except _SUPERSEDED as error:
            log.info("looked too late", product=name, reason=error.reason)
        except StoreError:
            return
        except Exception as error:  # noqa: BLE001 - a fault in one look must not end the watching
            log.warning("looking failed", product=name, error=type(error).__name__)

    async def _history(self, name: str) -> Sequence[JournalEntry]:
        """The journal, read again only where it has moved."""
        position = self._with.rollouts.latest(name).position
        known = self._histories.get(name, ())
        if not known or known[0].position != position:
            known = await self._with.rollouts.history(name, None, MOST_HISTORY)
            self._histories[name] = known
        return known

    async def _act(self, watching: Evaluation, word: GuardrailResult) -> JournalEntry | None:
        guardrail, product = word.guardrail, watching.product
        kills = guardrail.action is Action.KILL
        figures = figures_of(word, product)
        change = RolloutChange(
            who=f"{GUARDRAIL}{guardrail.name}",
            why=sentence_of(word, product),
            action=_JOURNALLED[guardrail.action],
            step=partial(_step, word),
            expected_plan_digest=None if kills else product.plan.digest,
            figures=figures,
            expected_position=watching.history[0].position,
        )
        entry = await self._with.rollouts.move(product.name, change)
        if entry is not None:
            labels = (entry.product, guardrail.name, entry.action.value)
            self._with.counters.guardrail_actions.labels(*labels).inc()
            _tell(entry, figures, guardrail=guardrail.name)
        return entry

    async def _is_ready(self, watching: Evaluation, words: Iterable[GuardrailResult]) -> bool:
        product = watching.product
        plan, state = product.plan, product.state
        if plan.go_live.advance is not Advance.AUTO:
            return False
        decisions = await watching.decisions(state.go_live.since)
        judgements = [word.judgement for word in words]
        return advances_itself(plan, state, decisions, judgements, watching.now)

    async def _advance(self, watching: Evaluation) -> JournalEntry | None:
        product = watching.product
        since = product.state.go_live.since
        decisions = await watching.decisions(since)
        figures = {"decisions": str(decisions), "since": f"{since:%Y-%m-%d %H:%M:%S} UTC"}
        change = RolloutChange(
            who=AUTO_ADVANCE,
            why="the stage has held, its count is reached and no guardrail stands against it",
            action=JournalAction.ADVANCE,
            step=lambda plan, state, now: advance(plan, state, TrackName.GO_LIVE, now),
            expected_plan_digest=product.plan.digest,
            figures=figures,
            expected_position=watching.history[0].position,
        )
        entry = await self._with.rollouts.move(product.name, change)
        if entry is not None:
            self._with.counters.advances.labels(entry.product).inc()
            _tell(entry, figures)
        return entry


def _tell(entry: JournalEntry, figures: Mapping[str, str], **names: str) -> None:
    names = {"product": entry.product, "action": entry.action.value, **names}
    log.warning("rollout moved", who=entry.who, why=entry.why, **names, figures=dict(figures))


def _severest_first(words: Sequence[GuardrailResult]) -> Sequence[GuardrailResult]:
    return sorted(words, key=lambda word: _SEVEREST_FIRST.index(word.guardrail.action))


def _step(word: GuardrailResult, plan: Plan, state: RolloutState, now: datetime) -> Step:
    return act(plan, state, word.guardrail, word.arm, now)


def _changes_something(product: Product, word: GuardrailResult, watching: Evaluation) -> bool:
    after = _step(word, product.plan, product.state, watching.now)
    return not isinstance(after, Refusal) and after != product.state
