"""Evaluates versions silently after the reply, and stores what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import thread_time

import msgspec
import structlog

from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.rules.program import CompiledRuleset
from decision_service.steering.counters import ArmFigures, EventCounters
from decision_service.steering.pairs import DecidedCase, DecisionPair, RulesOnDay, second_opinion

log = structlog.get_logger("decision_service.rollout")


class ShadowLimits(msgspec.Struct, frozen=True):
    """Limits of shadow evaluation.

    `queue` decisions wait at most, for at most `patience` seconds; none is looked at before
    `linger` seconds, by when its reply has left. Then it waits for a moment in which no decision is
    in progress, for at most `yielding` seconds: decisions that wait for the vendor are not in its
    way. It uses a processor at most `share` of the time. An evaluation of more than `slow` seconds
    is counted.
    """

    queue: int = 64
    patience: float = 30.0
    linger: float = 0.05
    yielding: float = 0.25
    share: float = 0.005
    slow: float = 0.1


class _Waiting(msgspec.Struct, frozen=True):
    case: DecidedCase
    versions: tuple[CompiledRuleset, ...]
    since: float


class Shadows:
    """Evaluates shadows one at a time on a thread, and stores each result, or drops it.

    `idle` returns in a moment when no decision is in progress. `worked` gives the seconds that a
    processor has worked for its thread: one that waited for others was in no way.
    """

    def __init__(
        self,
        figures: ArmFigures,
        clock: Clock,
        counters: EventCounters,
        idle: Callable[[], Awaitable[object]],
        budget: ShadowLimits | None = None,
        worked: Callable[[], float] = thread_time,
    ) -> None:
        self._figures = figures
        self._clock = clock
        self._counters = counters
        self._idle = idle
        self._budget = budget or ShadowLimits()
        self._worked = worked
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(self._budget.queue)

    def offer(self, case: DecidedCase, versions: tuple[CompiledRuleset, ...]) -> None:
        """Queue a recorded decision, or drop it where the queue is full; never waits."""
        try:
            self._queue.put_nowait(_Waiting(case, versions, self._clock.monotonic()))
        except asyncio.QueueFull:
            self._drop(case.decision.product, "queue_full", len(versions))

    async def run(self) -> None:
        while True:
            await self._evaluate(await self._queue.get())

    async def _evaluate(self, waiting: _Waiting) -> None:
        waited = self._clock.monotonic() - waiting.since
        if waited > self._budget.patience:
            product = waiting.case.decision.product
            self._drop(product, "waited_too_long", len(waiting.versions))
            return
        await asyncio.sleep(self._budget.linger - waited)
        for version in waiting.versions:
            await self._ask(waiting.case, version)

    async def _ask(self, case: DecidedCase, version: CompiledRuleset) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._budget.yielding):
                await self._idle()
        started = self._clock.monotonic()
        pair, worked = await asyncio.to_thread(self._paired, case, version)
        took = self._clock.monotonic() - started
        try:
            await self._figures.put_pairs([pair])
        except StoreError:
            self._drop(pair.product, "store_unavailable", 1)
        self._count(pair, took)
        await asyncio.sleep(worked * (1 / self._budget.share - 1))

    def _paired(self, case: DecidedCase, version: CompiledRuleset) -> tuple[DecisionPair, float]:
        """The pair, and the seconds that a processor worked for it."""
        before, decision = self._worked(), case.decision
        pair = DecisionPair(
            decision.decision_id,
            decision.product,
            decision.created,
            version.version,
            version.digest,
            decision.rules_verdict.outcome,
            second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(version)),
        )
        return pair, self._worked() - before

    def _count(self, pair: DecisionPair, took: float) -> None:
        names = {"product": pair.product, "version": str(pair.version)}
        self._counters.shadow_evaluations.labels(result=pair.result, **names).inc()
        if pair.result == "failed":
            log.warning("shadow failed", decision_id=pair.decision_id, **names)
        if took > self._budget.slow:
            self._counters.shadow_slow.labels(**names).inc()
            log.warning("shadow slow", decision_id=pair.decision_id, ms=round(took * 1000), **names)

    def _drop(self, product: str, why: str, number: int) -> None:
        self._counters.shadow_dropped.labels(product, why).inc(number)
