"""What is counted of each decision for its rollout, in this process."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec
import structlog
from prometheus_client import CollectorRegistry

from decision_service.decide.admit import Admission
from decision_service.decide.application import Application
from decision_service.decide.decide import Attempt
from decision_service.domain.decision import Arm, Decision, Verdict
from decision_service.domain.errors import (
    CallerError,
    CrossTenant,
    DeadlineMissed,
    ServiceError,
    StoreError,
    StoreUnavailable,
    UpstreamBudgetExhausted,
    UpstreamUnavailable,
)
from decision_service.domain.ports import Clock, DecisionEntry, FetchResult
from decision_service.rollout.assign import shadows
from decision_service.rollout.impact import ImpactSums
from decision_service.rollout.judge import BOUNDS_MS
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import ArmLog
from decision_service.rollout_running.pairs import DecidedCase, DecisionPair
from decision_service.rulebook.rulebook import Product
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.telemetry import Alarm, counter, raised

log = structlog.get_logger("decision_service.rollout")

FLUSH_SECONDS = 2.0
"""Seconds between two writes of the counters to the store."""

INTERNAL = "INTERNAL"
CROSS_TENANT = "CROSS_TENANT"
_CANCELLED = "CANCELLED"

OUTAGE_CODES = frozenset(
    kind.reason
    for kind in (UpstreamUnavailable, UpstreamBudgetExhausted, StoreUnavailable, DeadlineMissed)
) | {CROSS_TENANT}
"""Codes of vendor faults and outages, which are no fault of a version."""


class CounterKind(StrEnum):
    """The kind of a cell's counter.

    `ATTEMPTS` are decisions begun, no caller's faults; `ERROR` by code; `RULE_ERROR` referrals that
    a fault in the rules made; `LATENCY` by bound in ms. Outcomes and amounts are counted from the
    recorded decisions.
    """

    ATTEMPTS = "attempts"
    ERROR = "error"
    RULE_ERROR = "rule_error"
    LATENCY = "latency"


class FigureCell(msgspec.Struct, frozen=True):
    """One counter of one hour.

    `position` is the last journal entry: what came before an operator's answer is kept apart from
    what came after, within the hour too. `arm` is None and `version` 0 for what failed before an
    arm was chosen. `bucket` is the error code or bound.
    """

    product: str
    position: int
    arm: Arm | None
    version: int
    hour: datetime
    counted: CounterKind
    bucket: str = ""


class CounterTotal(msgspec.Struct, frozen=True):
    arm: Arm | None
    version: int
    counted: CounterKind
    bucket: str
    count: int


class ArmTally(msgspec.Struct, frozen=True):
    """Totals of a version as an arm: `decisions` and `amount` of all, the rest by applicants.

    An applicant counts once, by the first decision in the window. `missing` are referrals of kind
    DATA, among the referred. `amount` is what was approved, in minor units. `overridden` are those
    that a person approved where the decision did not, or declined where it did.
    """

    arm: Arm
    version: int
    decisions: int
    units: int
    approved: int
    referred: int
    declined: int
    missing: int
    amount: int = 0
    overridden: int = 0


def decided(tallies: Iterable[ArmTally], track: TrackName) -> int:
    """How many decisions count for a track's next stage."""
    arms = (Arm.CHALLENGER,) if track is TrackName.CHALLENGER else tuple(Arm)
    return sum(tally.decisions for tally in tallies if tally.arm in arms)


class ArmFigures(ArmLog, Protocol):
    """What all processes count of rollouts; every method raises StoreUnavailable."""

    async def put_cells(self, process: str, cells: Mapping[FigureCell, int]) -> None:
        """Store one process's totals; a stored cell never falls, so a repetition is safe."""

    async def totals(self, product: str, since: datetime, position: int) -> Sequence[CounterTotal]:
        """The sums over hours that end after `since` and entries from `position` on."""

    async def tallies(
        self, product: str, since: datetime, before: datetime | None = None, *, hashed: bool
    ) -> Sequence[ArmTally]:
        """What was decided from `since` on and before `before`, by arm and version in order.

        With `hashed` only applicants count that the hash alone dealt.
        """

    async def span_totals(
        self, product: str, since: datetime, length: timedelta
    ) -> Mapping[int, Sequence[CounterTotal]]:
        """The sums over the hours that begin in each of equal spans from `since` on, from 0."""

    async def span_tallies(
        self, product: str, since: datetime, length: timedelta, *, hashed: bool
    ) -> Mapping[int, Sequence[ArmTally]]:
        """The tallies of each of equal spans from `since` on, from 0: an applicant counts in each.

        Spans without any are left out.
        """

    async def put_pairs(self, pairs: Sequence[DecisionPair]) -> None:
        """Keep results of shadows; a version's result on a decision that is there already stays.

        Nothing is kept of a decision that was deleted.
        """

    async def pair_sums(self, product: str, version: int, since: datetime) -> ImpactSums:
        """A shadow's results on decisions from `since` on, added up.

        Instalments and all reasons but the principal ones of a changed outcome are not kept.
        """


class Counters:
    """The counters of one process; `process` is a name that no other process has ever had."""

    def __init__(self, figures: ArmFigures, clock: Clock, process: str) -> None:
        self._figures = figures
        self._clock = clock
        self._process = process
        self._counts: Counter[FigureCell] = Counter()
        self._changed: set[FigureCell] = set()
        self._in_progress = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        await self._idle.wait()

    @contextmanager
    def attempt(self, product: str, *, timed: bool) -> Iterator[Attempt]:
        """`timed` is false where the caller asked to wait for data: no fault of ours."""
        attempt = Attempt(product, timed, self._clock.monotonic())
        self._in_progress += 1
        self._idle.clear()
        try:
            yield attempt
        except BaseException as error:
            self._ended(attempt, error)
            raise
        self._ended(attempt)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write changed counters; after a store failure, with the next flush."""
        written = {cell: self._counts[cell] for cell in self._changed}
        if not written:
            return
        try:
            await self._figures.put_cells(self._process, written)
        except StoreError:
            return
        self._changed -= {cell for cell, count in written.items() if self._counts[cell] == count}
        hour = _hour(self._clock.now())
        for cell in [c for c in self._counts if c.hour < hour and c not in self._changed]:
            del self._counts[cell]

    def _ended(self, attempt: Attempt, error: BaseException | None = None) -> None:
        self._in_progress -= 1
        if not self._in_progress:
            self._idle.set()
        given = attempt.assignment
        now = self._clock
        arm, version = (given.arm, given.version or 0) if given is not None else (None, 0)
        seconds = now.monotonic() - attempt.started
        hour = _hour(now.now())
        for counted, bucket in _counted(attempt, error, seconds):
            cell = FigureCell(
                attempt.product,
                attempt.position,
                arm,
                version=version,
                hour=hour,
                counted=counted,
                bucket=bucket,
            )
            self._counts[cell] += 1
            self._changed.add(cell)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _counted(
    attempt: Attempt, error: BaseException | None, seconds: float
) -> Iterator[tuple[CounterKind, str]]:
    """What is counted of an attempt; nothing of a caller's fault and outside the go-live."""
    code = "" if error is None else code_of(error)
    outside = attempt.assignment is not None and not attempt.assignment.enrolled
    if isinstance(error, CallerError) or (outside and not code):
        return
    yield CounterKind.ATTEMPTS, ""
    if code:
        yield CounterKind.ERROR, code
    elif attempt.entry is not None and attempt.entry.arm and attempt.entry.arm.rule_error:
        yield CounterKind.RULE_ERROR, ""
    if attempt.timed and (error is None or isinstance(error, DeadlineMissed)):
        yield CounterKind.LATENCY, str(bound_of(seconds * 1000))


def bound_of(milliseconds: float) -> int:
    """The bound under which a latency is counted; the last for all that is longer."""
    return BOUNDS_MS[min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)]


def code_of(error: BaseException) -> str:
    """The error's reason; INTERNAL for a bug, CROSS_TENANT for data of another user."""
    if isinstance(error, CrossTenant):
        return CROSS_TENANT
    if isinstance(error, ServiceError):
        return error.reason
    return _CANCELLED if isinstance(error, asyncio.CancelledError) else INTERNAL


class RolloutObserver(msgspec.Struct, frozen=True):
    """The `DecisionObserver`: counters of the arms, overrides, and shadows.

    A decision goes to `count`, and with the versions that are asked silently to `offer`, which
    never waits.
    """

    counters: Counters
    offer: Callable[[DecidedCase, tuple[CompiledRuleset, ...]], object]
    position_of: Callable[[str], int]
    events: EventCounters
    count: Callable[[DecisionEntry, Verdict], object] = lambda _, __: None

    def position(self, product: str) -> int:
        return self.position_of(product)

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        return self.counters.attempt(application.product, timed=not application.wait_timeout)

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        fetch_result: FetchResult | None,
        decision: Decision,
        entry: DecisionEntry,
    ) -> None:
        attempt.entry = entry
        self.count(entry, decision.verdict)
        log_rule_error(entry)
        self._count_override(decision)
        if admission.ruleset is None or fetch_result is None or decision.factors is None:
            return
        case = DecidedCase(
            decision,
            admission.ruleset,
            fetch_result.snapshot,
            factors=decision.factors,
            sent=admission.application.inputs,
            known=product.input_names,
        )
        versions = shadows(product.plan, admission.assignment, admission.unit)
        loaded = tuple(product.versions[v] for v in versions if v in product.versions)
        if loaded:
            self.offer(case, loaded)

    def _count_override(self, decision: Decision) -> None:
        override = decision.override
        if override is None:
            return
        self.events.overrides.labels(decision.product, override.kind, override.cap).inc()
        names = {"product": decision.product, "version": decision.assignment.version}
        names |= {"kind": override.kind.value, "rules": override.verdict.outcome.value}
        log.info("decision overridden", decision_id=decision.decision_id, cap=override.cap, **names)


def log_rule_error(entry: DecisionEntry) -> None:
    if entry.arm is not None and entry.arm.rule_error:
        names = {"product": entry.product, "version": entry.arm.version}
        log.error(
            "a rule failed", alarm=raised(Alarm.RULE_ERROR), decision_id=entry.decision_id, **names
        )


class EventCounters:
    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.guardrail_actions = counter(
            registry,
            "rollout_guardrail_actions",
            "Steps that guardrails took",
            labels=("product", "guardrail", "action"),
        )
        self.advances = counter(
            registry,
            "rollout_automatic_advances",
            "Stages that go-live advanced by itself",
            labels=("product",),
        )
        self.overrides = counter(
            registry,
            "decision_overrides",
            "Decisions that are not what the rules concluded",
            labels=("product", "kind", "cap"),
        )
        self.shadow_evaluations = counter(
            registry,
            "shadow_evaluations",
            "Silent versions asked, by result",
            labels=("product", "version", "result"),
        )
        self.shadow_dropped = counter(
            registry,
            "shadow_dropped",
            "Silent versions not asked, by why",
            labels=("product", "why"),
        )
        self.shadow_slow = counter(
            registry,
            "shadow_slow",
            "Silent versions that took longer than they may",
            labels=("product", "version"),
        )
