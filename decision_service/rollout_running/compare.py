"""Other rules on decided cases: recorded ones as cases, and shadows silently after each reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import date
from time import thread_time

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.decide.codec import decode_facts, factors_from_wire, read_snapshot
from decision_service.decide.conclude import judge, with_answers
from decision_service.decide.replay import shell_of
from decision_service.domain.errors import RulesetUnknown, StoreError
from decision_service.domain.ports import Clock, StoredEntry
from decision_service.rollout.impact import LeftOut
from decision_service.rollout_running.counters import ArmFigures, EventCounters
from decision_service.rollout_running.pairs import (
    DecidedCase,
    DecisionPair,
    RulesOnDay,
    second_opinion,
)
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rules.evaluate import load
from decision_service.rules.program import CompiledRuleset

_PAGE = 100

log = structlog.get_logger("decision_service.rollout")


async def recorded_case(
    entry: StoredEntry, archive: RulesetArchive, known: frozenset[str]
) -> DecidedCase | LeftOut:
    """Without its snapshot; `known` are inputs of any version. Raises StoreUnavailable."""
    try:
        ruleset = await archive.by_digest(entry.ruleset_digest or "")
        facts = decode_facts(entry.facts)
    except RulesetUnknown:
        return LeftOut.RULES_UNKNOWN
    except msgspec.DecodeError:
        return LeftOut.RECORD_UNREADABLE
    if facts.factors is None:
        return LeftOut.RECORD_UNREADABLE
    factors = factors_from_wire(facts.factors)
    shell = with_answers(shell_of(entry, facts), ruleset)
    loaded = load(ruleset, factors.values, shell.as_of)
    decision = judge(shell, ruleset, factors, allowances=facts.allowances, loaded=loaded)
    return DecidedCase(
        decision, ruleset, None, factors=factors, sent=shell.inputs, known=known, loaded=loaded
    )


def with_snapshot(case: DecidedCase, body: bytes | None) -> DecidedCase:
    return case if body is None else replace(case, snapshot=read_snapshot(body))


def without_value(rulesets: Iterable[CompiledRuleset], day: date) -> str:
    """One sentence about the first such parameter; empty where each has a value."""
    for ruleset in rulesets:
        for param in ruleset.params.values():
            for values in param.series:
                first = values.steps[0].start
                if first is not None and first > day:
                    return (
                        f"is {day}: params.{param.name} of v{ruleset.version} has no value before "
                        f"{first}; name a later day"
                    )
    return ""


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
        before = self._worked()
        decision = case.decision
        pair = DecisionPair(
            decision.decision_id,
            decision.product,
            decision.created,
            version=version.version,
            digest=version.digest,
            live=decision.rules_verdict.outcome,
            told=second_opinion(case, RulesOnDay(case.ruleset), RulesOnDay(version)),
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
