"""A rollout's figures: each arm, each shadow, each guardrail, and the next stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from decision_service.decide.admit import midnight
from decision_service.domain.decision import Arm
from decision_service.domain.values import AsOf, Money, to_minor
from decision_service.rollout.assign import running_challenger
from decision_service.rollout.impact import ImpactSums
from decision_service.rollout.judge import (
    NOTHING,
    ArmCount,
    GuardrailState,
    difference_interval,
    interval,
    meant,
    quantile,
    waits_for,
)
from decision_service.rollout.model import (
    WHOLE,
    Guardrail,
    GuardrailAction,
    Metric,
    TrackName,
    percent_of,
)
from decision_service.rulebook.rulebook import Product
from decision_service.steering.counters import ArmTally, CounterTotal, decided
from decision_service.steering.guardrails import (
    COUNTERS,
    Evaluation,
    GuardrailResult,
    GuardrailWatch,
    GuardrailWindow,
    allowed_words,
    error_rate,
    latencies,
    position_at,
    rate,
    value_words,
    window_words,
)

LONGEST = timedelta(days=30)
"""How far back figures go at most, however old the stage."""

MOST_POINTS = 60
"""Into so many spans the time of a guardrail's points is divided at most."""

HOUR = timedelta(hours=1)


class ArmLine(msgspec.Struct, frozen=True):
    """One arm since the figures begin, with its share of all applicants.

    The outcomes are of applicants, the amount is of all decisions. `p99_ms` is 0 where nothing was
    timed.
    """

    arm: Arm
    version: int
    percent: Decimal
    applicants: int
    decisions: int
    approved: ArmCount
    referred: ArmCount
    declined: ArmCount
    missing: ArmCount
    approved_amount: Money
    attempts: int
    internal_errors: int
    p99_ms: int


class ShadowLine(msgspec.Struct, frozen=True):
    """One shadow since the figures begin, with its share of the enrolled."""

    version: int
    percent: Decimal
    sums: ImpactSums


class GuardrailPoint(msgspec.Struct, frozen=True):
    """A share, or the difference of two, with its 95 % interval; `measured` is None without."""

    end: datetime
    measured: tuple[float, float, float] | None
    units: int


class GuardrailLine(msgspec.Struct, frozen=True):
    """A guardrail's result in words, and what it rests on.

    `allowed_low` and `allowed_high` are in percent or percentage points, None of no bound.
    """

    name: str
    metric: Metric
    of: str
    action: GuardrailAction
    standing: GuardrailState
    value: str
    allowed: str
    window: str
    units: int
    min_units: int
    allowed_low: Decimal | None
    allowed_high: Decimal | None
    points: Sequence[GuardrailPoint]


class NextStage(msgspec.Struct, frozen=True):
    """What a track's next stage needs; `decisions` are those since it entered its own.

    `guardrails` is how many watch the track.
    """

    track: TrackName
    stage: str
    percent: Decimal
    hold_until_time: datetime
    decisions_missing: int
    blocked_by: tuple[str, ...]
    decisions: int
    waiting: Sequence[GuardrailLine]
    guardrails: int


class CapLine(msgspec.Struct, frozen=True):
    """What a cap has counted today, and how much it allows."""

    name: str
    tier: str
    approvals: int
    max_approvals: int | None
    amount: Money
    max_amount: Money | None


class Figures(msgspec.Struct, frozen=True):
    """Everything that a rollout has measured, since `since_time`."""

    since_time: datetime
    arms: Sequence[ArmLine]
    shadows: Sequence[ShadowLine]
    guardrails: Sequence[GuardrailLine]
    next: Sequence[NextStage]
    caps: Sequence[CapLine]


class ShowFigures(msgspec.Struct, frozen=True, eq=False):
    """Sums the counters of all processes, and evaluates the guardrails as the watch does."""

    watch: GuardrailWatch

    async def __call__(self, product: str, *, with_points: bool = False) -> Figures:
        evaluation = await self.watch.evaluation(product)
        points = GuardrailPoints.until_now(evaluation) if with_points else None
        now = evaluation.now
        found = evaluation.product
        since = max(found.state.go_live.since, now - LONGEST)
        results = await evaluation.results()
        lines = [
            _line(one, found, points=await points.of(one) if points else ()) for one in results
        ]
        return Figures(
            since_time=since,
            arms=await _arms(evaluation, since),
            shadows=[
                ShadowLine(
                    one.version,
                    percent_of(one.percent),
                    await evaluation.figures.pair_sums(product, one.version, since),
                )
                for one in found.plan.versions.shadow
            ],
            guardrails=lines,
            next=[
                n
                for track in TrackName
                if (n := await _next(evaluation, track, results, lines=lines))
            ],
            caps=await _caps(evaluation),
        )


async def _caps(evaluation: Evaluation) -> Sequence[CapLine]:
    product = evaluation.product
    caps = product.plan.product_caps
    currency = product.champion.currency
    if not caps:
        return ()
    since = midnight(AsOf.at(evaluation.now, product.champion.zone))
    totals = await evaluation.figures.day_totals(product.name, since)
    return [
        CapLine(
            cap.name,
            cap.tier,
            totals.of(cap.tier).approvals,
            max_approvals=cap.approvals,
            amount=Money(currency, totals.of(cap.tier).amount),
            max_amount=None
            if cap.amount is None
            else Money(currency, to_minor(cap.amount, currency)),
        )
        for cap in caps
    ]


async def _arms(evaluation: Evaluation, since: datetime) -> Sequence[ArmLine]:
    window = GuardrailWindow(since, position_at(evaluation.history, since))
    tallies = await evaluation.tallies(since)
    totals = await evaluation.totals(window)
    product = evaluation.product
    lines = [_arm(product, arm, tallies, totals=totals) for arm in Arm]
    if running_challenger(product.plan, product.state):
        return lines
    # A stopped challenger keeps its figures, which show why it was stopped.
    counted = (Arm.CHAMPION, *(line.arm for line in lines if line.decisions or line.attempts))
    return [line for line in lines if line.arm in counted]


def _arm(
    product: Product, arm: Arm, tallies: Iterable[ArmTally], totals: Iterable[CounterTotal]
) -> ArmLine:
    version = product.plan.versions.of(arm) or 0
    counted = [t for t in totals if (t.arm, t.version) == (arm, version)]
    own = (t for t in tallies if (t.arm, t.version) == (arm, version))
    tally = next(
        own, ArmTally(arm, version, 0, units=0, approved=0, referred=0, declined=0, missing=0)
    )
    errors = error_rate(Metric.INTERNAL_ERROR_RATE, counted)
    return ArmLine(
        arm=arm,
        version=version,
        percent=percent_of(_share(product, arm)),
        applicants=tally.units,
        decisions=tally.decisions,
        approved=ArmCount(tally.units, tally.approved),
        referred=ArmCount(tally.units, tally.referred),
        declined=ArmCount(tally.units, tally.declined),
        missing=ArmCount(tally.units, tally.missing),
        approved_amount=Money(product.champion.currency, tally.amount),
        attempts=errors.units,
        internal_errors=errors.events,
        p99_ms=round(quantile(latencies(counted), 0.99)),
    )


def _share(product: Product, arm: Arm) -> int:
    state = product.state
    plan = product.plan
    enrolled = 0 if state.go_live.killed else plan.go_live.stages.percent(state.go_live.stage)
    challenger = running_challenger(plan, state)
    taken = (
        challenger.stages.percent(state.challenger.stage) if challenger and state.challenger else 0
    )
    dealt = taken if arm is Arm.CHALLENGER else WHOLE - taken
    return enrolled * dealt // WHOLE


class GuardrailPoints(msgspec.Struct):
    """Guardrails' shares in equal spans of whole hours; what several need is read once."""

    evaluation: Evaluation
    since: datetime
    length: timedelta
    number: int
    _totals: Mapping[int, Sequence[CounterTotal]] | None = None
    _tallies: dict[bool, Mapping[int, Sequence[ArmTally]]] = msgspec.field(default_factory=dict)

    @classmethod
    def until_now(cls, evaluation: Evaluation) -> GuardrailPoints:
        """Of the last days, or since the rollout began; the last span ends with this hour."""
        end = evaluation.now.replace(minute=0, second=0, microsecond=0) + HOUR
        age = min(LONGEST, end - evaluation.history[-1].at)
        length = -(age // -(MOST_POINTS * HOUR)) * HOUR
        number = -(age // -length)
        return cls(evaluation, end - number * length, length, number)

    async def of(self, result: GuardrailResult) -> Sequence[GuardrailPoint]:
        """Of a comparison the differences, challenger minus champion; none of a latency."""
        metric = result.guardrail.metric
        compared = result.arms is not None
        if metric is Metric.LATENCY_P99_MS:
            return ()
        arms = (Arm.CHAMPION, Arm.CHALLENGER) if compared else (result.arm,)
        counts = [await self._counts(metric, arm, hashed=compared) for arm in arms]
        points = []
        for number in range(self.number):
            of_arms = [one.get(number, NOTHING) for one in counts]
            points.append(self._point(number, of_arms))
        return points

    def _point(self, number: int, counts: Sequence[ArmCount]) -> GuardrailPoint:
        end = min(self.since + (number + 1) * self.length, self.evaluation.now)
        *first, last = counts
        measured = None
        if all(one.units for one in counts):
            measured = (last.rate, *interval(last))
            if first:
                measured = (last.rate - first[0].rate, *difference_interval(first[0], last))
        return GuardrailPoint(end, measured, last.units)

    async def _counts(
        self, metric: Metric, arm: Arm | None, *, hashed: bool
    ) -> Mapping[int, ArmCount]:
        asked = (self.evaluation.product.name, self.since, self.length)
        own = self.evaluation.own
        figures = self.evaluation.figures
        if metric in COUNTERS:
            if self._totals is None:
                self._totals = await figures.span_totals(*asked)
            return {n: error_rate(metric, own(one, arm)) for n, one in self._totals.items()}
        if hashed not in self._tallies:
            self._tallies[hashed] = await figures.span_tallies(*asked, hashed=hashed)
        return {n: rate(metric, own(one, arm)) for n, one in self._tallies[hashed].items()}


def _allowed(guardrail: Guardrail, product: Product) -> tuple[Decimal | None, Decimal | None]:
    """What bounds a share from below and above, in percent; a latency is no share."""
    if guardrail.metric is Metric.LATENCY_P99_MS:
        return None, None
    if guardrail.ceiling is not None:
        return None, guardrail.ceiling.maximum * 100
    band = meant(product.plan, guardrail.metric)
    return round(Decimal(band.low * 100), 6), round(Decimal(band.high * 100), 6)


def _line(
    result: GuardrailResult, product: Product, points: Sequence[GuardrailPoint]
) -> GuardrailLine:
    guardrail = result.guardrail
    judged = result.judgement
    low, high = _allowed(guardrail, product)
    return GuardrailLine(
        name=guardrail.name,
        metric=guardrail.metric,
        of=result.arm or "product",
        action=guardrail.action,
        standing=judged.standing,
        value=value_words(result),
        allowed=allowed_words(guardrail, product),
        window=window_words(result),
        units=judged.units,
        min_units=guardrail.min_units,
        allowed_low=low,
        allowed_high=high,
        points=points,
    )


async def _next(
    evaluation: Evaluation,
    name: TrackName,
    results: Sequence[GuardrailResult],
    lines: Sequence[GuardrailLine],
) -> NextStage | None:
    product = evaluation.product
    challenger = name is TrackName.CHALLENGER
    track = product.state.challenger if challenger else product.state.go_live
    if track is None:
        return None
    decisions = decided(await evaluation.tallies(track.since), name)
    judgements = [result.judgement for result in results]
    needs = waits_for(product.plan, product.state, name, decisions=decisions, judgements=judgements)
    if needs is None or needs.next is None:
        return None
    own = [line for line in lines if (line.of == Arm.CHALLENGER) is challenger]
    return NextStage(
        track=name,
        stage=needs.next.name,
        percent=percent_of(needs.next.percent),
        hold_until_time=needs.holds_until,
        decisions_missing=needs.decisions_missing,
        blocked_by=needs.blocked_by,
        decisions=decisions,
        waiting=[line for line in own if line.standing is GuardrailState.WAITING],
        guardrails=len(own),
    )
