"""Evaluation of a product's guardrails by the counters of all processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from decision_service.domain.decision import Arm
from decision_service.pipeline.rollout.arm_figures import (
    ArmFigures,
    ArmTally,
    CounterKind,
    CounterTotal,
)
from decision_service.pipeline.rollout.counters import INTERNAL, OUTAGE_CODES
from decision_service.pipeline.rollout.guardrails.windows import (
    GuardrailWindow,
    comparing_since,
    window_of,
)
from decision_service.pipeline.rollout_ports import JournalEntry
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.gate import running_challenger
from decision_service.rollout.guardrails import (
    Ceiling,
    Guardrail,
    GuardrailScope,
    Metric,
    VersusChampion,
)
from decision_service.rollout.judging import (
    ArmTallies,
    Judgement,
    judge_arms,
    judge_latency,
    judge_rate,
)
from decision_service.rollout.latency import quantile
from decision_service.rollout.sequential import ArmCount

EARLIER = timedelta(days=30)
"""How much of the champion's history a comparison uses."""

_COUNTERS = (Metric.INTERNAL_ERROR_RATE, Metric.UPSTREAM_ERROR_RATE, Metric.LATENCY_P99_MS)


class GuardrailResult(msgspec.Struct, frozen=True):
    """The result of one guardrail for one arm, or for the product where `arm` is None.

    `arms` holds what a comparison compares.
    """

    guardrail: Guardrail
    arm: Arm | None
    judgement: Judgement
    window: GuardrailWindow
    arms: ArmTallies | None = None


class Evaluation(msgspec.Struct):
    """One evaluation of one product; figures that several guardrails need are read once."""

    figures: ArmFigures
    product: Product
    history: Sequence[JournalEntry]
    now: datetime
    _tallies: dict[tuple[object, ...], Sequence[ArmTally]] = msgspec.field(default_factory=dict)
    _totals: dict[GuardrailWindow, Sequence[CounterTotal]] = msgspec.field(default_factory=dict)

    async def results(self) -> list[GuardrailResult]:
        """Each guardrail's result by arm; none for an arm that decides nobody."""
        return [
            await self._result(guardrail, arm)
            for guardrail in self.product.plan.guardrails
            for arm in self._watched(guardrail)
        ]

    async def decisions(self, since: datetime) -> int:
        """How many decisions were made from an instant on, by all arms."""
        return sum(tally.decisions for tally in await self.tallies(since))

    async def tallies(
        self, since: datetime, before: datetime | None = None, *, hashed: bool = False
    ) -> Sequence[ArmTally]:
        """As the port, read once for one question."""
        asked = (since, before, hashed)
        if asked not in self._tallies:
            self._tallies[asked] = await self.figures.tallies(
                self.product.name, since, before, hashed=hashed
            )
        return self._tallies[asked]

    async def totals(self, window: GuardrailWindow) -> Sequence[CounterTotal]:
        """As the port, read once for one question."""
        if window not in self._totals:
            self._totals[window] = await self.figures.totals(
                self.product.name, window.since, window.position
            )
        return self._totals[window]

    def _watched(self, guardrail: Guardrail) -> Iterable[Arm | None]:
        if self.product.state.go_live.killed:
            return ()
        runs = running_challenger(self.product.plan, self.product.state) is not None
        if isinstance(guardrail.test, VersusChampion):
            return (Arm.CHALLENGER,) if runs else ()
        if guardrail.scope is GuardrailScope.PRODUCT:
            return (None,)
        return (Arm.CHAMPION, Arm.CHALLENGER) if runs else (Arm.CHAMPION,)

    async def _result(self, guardrail: Guardrail, arm: Arm | None) -> GuardrailResult:
        state = self.product.state
        window = window_of(guardrail, arm, state, self.history, self.now)
        if isinstance(guardrail.test, VersusChampion):
            return await self._compared(guardrail, guardrail.test, window)
        judged = await self._against(guardrail, guardrail.test, arm, window)
        return GuardrailResult(guardrail, arm, judged, window)

    async def _compared(
        self, guardrail: Guardrail, test: VersusChampion, window: GuardrailWindow
    ) -> GuardrailResult:
        since = comparing_since(self.product.state, self.history)
        found = await self.tallies(window.since, hashed=True)
        before = await self.tallies(since - EARLIER, since, hashed=True)
        champion, challenger = (
            self._rate(guardrail.metric, found, arm) for arm in (Arm.CHAMPION, Arm.CHALLENGER)
        )
        arms = ArmTallies(champion, challenger, self._rate(guardrail.metric, before, Arm.CHAMPION))
        judged = judge_arms(guardrail, test, self.product.plan, arms)
        return GuardrailResult(guardrail, Arm.CHALLENGER, judged, window, arms)

    async def _against(
        self, guardrail: Guardrail, ceiling: Ceiling, arm: Arm | None, window: GuardrailWindow
    ) -> Judgement:
        metric = guardrail.metric
        if metric not in _COUNTERS:
            return judge_rate(
                guardrail, ceiling, self._rate(metric, await self.tallies(window.since), arm)
            )
        counted = [t for t in await self.totals(window) if self._of(t.arm, t.version, arm)]
        if metric is Metric.LATENCY_P99_MS:
            histogram = latencies(counted)
            units = sum(histogram.values())
            return judge_latency(guardrail, ceiling, quantile(histogram, 0.99), units)
        return judge_rate(guardrail, ceiling, error_rate(metric, counted))

    def _rate(self, metric: Metric, tallies: Iterable[ArmTally], arm: Arm | None) -> ArmCount:
        own = [t for t in tallies if self._of(t.arm, t.version, arm)]
        return ArmCount(sum(t.units for t in own), sum(_EVENTS[metric](t) for t in own))

    def _of(self, arm: Arm | None, version: int, watched: Arm | None) -> bool:
        """Whether figures belong to the arm's current version; an arm of None takes all."""
        if watched is None:
            return True
        return arm is watched and version == self.product.plan.versions.of(watched)


_EVENTS = {
    Metric.APPROVAL_RATE: lambda t: t.approved,
    Metric.REFER_RATE: lambda t: t.referred,
    Metric.DECLINE_RATE: lambda t: t.declined,
    Metric.DATA_MISSING_RATE: lambda t: t.missing,
    Metric.OVERRIDE_RATE: lambda t: t.overridden,
}


def error_rate(metric: Metric, counted: Sequence[CounterTotal]) -> ArmCount:
    """Errors over attempts: a version's own, or the vendor's and outages."""
    attempts = sum(t.count for t in counted if t.counted is CounterKind.ATTEMPTS)
    codes = OUTAGE_CODES if metric is Metric.UPSTREAM_ERROR_RATE else {INTERNAL}
    errors = sum(t.count for t in counted if t.counted is CounterKind.ERROR and t.bucket in codes)
    if metric is Metric.INTERNAL_ERROR_RATE:
        errors += sum(t.count for t in counted if t.counted is CounterKind.RULE_ERROR)
    return ArmCount(attempts, errors)


def latencies(counted: Iterable[CounterTotal]) -> Mapping[int, int]:
    """Counts by bound in ms."""
    found: dict[int, int] = {}
    for total in counted:
        if total.counted is CounterKind.LATENCY:
            bound = int(total.bucket)
            found[bound] = found.get(bound, 0) + total.count
    return found
