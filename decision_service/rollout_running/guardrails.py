"""Guardrails at work: windows, evaluation, the watch that acts, and its sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import structlog

from decision_service.domain.decision import Arm
from decision_service.domain.errors import (
    PlanChanged,
    ProductUnknown,
    RolloutMovedOn,
    RolloutRefused,
    StoreError,
)
from decision_service.domain.ports import Clock
from decision_service.rollout.assign import running_challenger
from decision_service.rollout.judge import (
    ArmCount,
    ArmTallies,
    GuardrailState,
    Judgement,
    advances_itself,
    judge_arms,
    judge_latency,
    judge_rate,
    meant,
    quantile,
)
from decision_service.rollout.model import (
    Advance,
    Ceiling,
    Guardrail,
    GuardrailAction,
    GuardrailScope,
    Metric,
    TrackName,
)
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import Refusal, RolloutState
from decision_service.rollout_running.counters import (
    INTERNAL,
    OUTAGE_CODES,
    ArmFigures,
    ArmTally,
    CounterKind,
    CounterTotal,
    EventCounters,
)
from decision_service.rollout_running.journal import RolloutChange, Rollouts, stepped
from decision_service.rulebook.rulebook import Product

GUARDRAIL = "guardrail "
"""The prefix of the journal's `who` for a guardrail's step; the guardrail's name follows."""

AUTO_ADVANCE = "automatic advance"
"""The journal's `who` for an automatic advance."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERS = {
    JournalAction.REVIVE,
    JournalAction.RESUME,
    JournalAction.ADVANCE,
    JournalAction.ROLL_BACK,
}

EARLIER = timedelta(days=30)
"""How much of the champion's history a comparison uses."""

COUNTERS = (Metric.INTERNAL_ERROR_RATE, Metric.UPSTREAM_ERROR_RATE, Metric.LATENCY_P99_MS)

_EVENTS = {
    Metric.APPROVAL_RATE: lambda t: t.approved,
    Metric.REFER_RATE: lambda t: t.referred,
    Metric.DECLINE_RATE: lambda t: t.declined,
    Metric.DATA_MISSING_RATE: lambda t: t.missing,
    Metric.OVERRIDE_RATE: lambda t: t.overridden,
}

_METRICS = {
    Metric.APPROVAL_RATE: "approvals",
    Metric.REFER_RATE: "referrals",
    Metric.DECLINE_RATE: "declines",
    Metric.DATA_MISSING_RATE: "referrals for missing data",
    Metric.OVERRIDE_RATE: "overrides by reviewers",
    Metric.INTERNAL_ERROR_RATE: "internal errors",
    Metric.UPSTREAM_ERROR_RATE: "errors of the vendor and outages",
    Metric.LATENCY_P99_MS: "the latency's 99th percentile",
}

Figure = TypeVar("Figure", ArmTally, CounterTotal)

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


class GuardrailWindow(msgspec.Struct, frozen=True):
    """`whole`: a guardrail's own window is looked at to its full length."""

    since: datetime
    position: int
    whole: bool = False


def window_of(
    guardrail: Guardrail,
    arm: Arm | None,
    state: RolloutState,
    history: Sequence[JournalEntry],
    now: datetime,
) -> GuardrailWindow:
    """The window of a guardrail on an arm, or on the product for None; `history` newest first."""
    test = guardrail.ceiling
    if test is None:
        floor = comparing_since(state, history)
        return GuardrailWindow(floor, position_at(history, floor))
    steps = (e for e in history if e.action in _ANSWERS and not e.who.startswith(GUARDRAIL))
    floor = next((e.at for e in steps if e.who != AUTO_ADVANCE), BEGINNING)
    if arm is Arm.CHALLENGER or test.window is None:
        floor = max(floor, _entered(state))
    position = position_at(history, floor)
    if test.window is None or now - test.window < floor:
        return GuardrailWindow(floor, position)
    return GuardrailWindow(now - test.window, position, whole=True)


def comparing_since(state: RolloutState, history: Sequence[JournalEntry]) -> datetime:
    """Since when both arms decide: the challenger's stage, or its last revival."""
    revived = (entry.at for entry in history if _revived_challenger(entry))
    return max(_entered(state), next(revived, BEGINNING))


def _entered(state: RolloutState) -> datetime:
    return state.challenger.since if state.challenger else BEGINNING


def _revived_challenger(entry: JournalEntry) -> bool:
    before = entry.before.challenger if entry.before else None
    after = entry.after.challenger
    return bool(before and after and before.killed and not after.killed)


def position_at(history: Sequence[JournalEntry], instant: datetime) -> int:
    """The position of the journal's last entry by then; 0 before the first."""
    return next((entry.position for entry in history if entry.at <= instant), 0)


def hours(length: timedelta) -> str:
    """A length as plans write it: `90m`, `24h`, `14d`."""
    minutes = int(length.total_seconds()) // 60
    if minutes > 48 * 60 and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


class GuardrailResult(msgspec.Struct, frozen=True):
    """`arm` is None for the product; `arms` holds what a comparison compares."""

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
        """Each guardrail's result by arm; none for an arm that does not decide."""
        return [
            await self._result(guardrail, arm)
            for guardrail in self.product.plan.guardrails
            for arm in self._watched(guardrail)
        ]

    async def decisions(self, since: datetime) -> int:
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
        if window not in self._totals:
            self._totals[window] = await self.figures.totals(
                self.product.name, window.since, window.position
            )
        return self._totals[window]

    def _watched(self, guardrail: Guardrail) -> Iterable[Arm | None]:
        if self.product.state.go_live.killed:
            return ()
        runs = running_challenger(self.product.plan, self.product.state) is not None
        if guardrail.ceiling is None:
            return (Arm.CHALLENGER,) if runs else ()
        if guardrail.scope is GuardrailScope.PRODUCT:
            return (None,)
        return (Arm.CHAMPION, Arm.CHALLENGER) if runs else (Arm.CHAMPION,)

    async def _result(self, guardrail: Guardrail, arm: Arm | None) -> GuardrailResult:
        state = self.product.state
        window = window_of(guardrail, arm, state, history=self.history, now=self.now)
        if guardrail.ceiling is None:
            return await self._compared(guardrail, window)
        judged = await self._against(guardrail, guardrail.ceiling, arm, window=window)
        return GuardrailResult(guardrail, arm, judged, window=window)

    async def _compared(self, guardrail: Guardrail, window: GuardrailWindow) -> GuardrailResult:
        since = comparing_since(self.product.state, self.history)
        found = await self.tallies(window.since, hashed=True)
        before = await self.tallies(since - EARLIER, since, hashed=True)
        metric = guardrail.metric
        champion = rate(metric, self.own(found, Arm.CHAMPION))
        challenger = rate(metric, self.own(found, Arm.CHALLENGER))
        earlier = rate(metric, self.own(before, Arm.CHAMPION))
        arms = ArmTallies(champion, challenger, earlier)
        judged = judge_arms(guardrail, self.product.plan, arms)
        return GuardrailResult(guardrail, Arm.CHALLENGER, judged, window=window, arms=arms)

    async def _against(
        self, guardrail: Guardrail, ceiling: Ceiling, arm: Arm | None, window: GuardrailWindow
    ) -> Judgement:
        metric = guardrail.metric
        if metric not in COUNTERS:
            tallies = self.own(await self.tallies(window.since), arm)
            return judge_rate(guardrail, ceiling, rate(metric, tallies))
        counted = self.own(await self.totals(window), arm)
        if metric is Metric.LATENCY_P99_MS:
            histogram = latencies(counted)
            units = sum(histogram.values())
            return judge_latency(guardrail, ceiling, quantile(histogram, 0.99), units=units)
        return judge_rate(guardrail, ceiling, error_rate(metric, counted))

    def own(self, figures: Iterable[Figure], watched: Arm | None) -> list[Figure]:
        """The figures of the arm's current version; an arm of None takes all."""
        if watched is None:
            return list(figures)
        version = self.product.plan.versions.of(watched)
        return [one for one in figures if one.arm is watched and one.version == version]


def rate(metric: Metric, tallies: Iterable[ArmTally]) -> ArmCount:
    found = [(one.units, _EVENTS[metric](one)) for one in tallies]
    return ArmCount(sum(units for units, _ in found), sum(events for _, events in found))


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


def figures_of(word: GuardrailResult, product: Product) -> dict[str, str]:
    """Value, limit, units and window of a guardrail's result, exact enough to check again."""
    judged = word.judgement
    figures = {
        "metric": word.guardrail.metric.value,
        "of": word.arm.value if word.arm else "product",
        "value": value_words(word),
        "allowed": allowed_words(word.guardrail, product),
        "units": str(judged.units),
        "window": window_words(word),
    }
    if word.arms is not None:
        arms = word.arms
        counts = {"champion": arms.champion, "challenger": arms.challenger}
        figures |= {name: f"{one.events} of {one.units}" for name, one in counts.items()}
    return figures


def sentence_of(word: GuardrailResult, product: Product) -> str:
    whose = f"the {word.arm}'s " if word.arm else ""
    compared = " against the champion's" if word.arms else ""
    allowed = allowed_words(word.guardrail, product)
    unit = "attempts" if word.guardrail.metric in COUNTERS else "applicants"
    units = f"{word.judgement.units:,} {unit}"
    return (
        f"{whose}{_METRICS[word.guardrail.metric]}{compared}: {value_words(word)}, "
        f"allowed {allowed} ({units}, {window_words(word)})"
    )


def value_words(word: GuardrailResult) -> str:
    """`22.3 %`, `-8.8 pt` for a difference between the arms, `1,750 ms`."""
    if word.guardrail.metric is Metric.LATENCY_P99_MS:
        return f"{word.judgement.value:,.0f} ms"
    if word.arms is not None:
        return f"{word.judgement.value * 100:+.1f} pt"
    return f"{word.judgement.value * 100:.1f} %"


def allowed_words(guardrail: Guardrail, product: Product) -> str:
    """`40 %`, `1,500 ms`, `-6.0 ± 3.0 pt meant`, or `no difference` where no change is meant."""
    if guardrail.ceiling is not None:
        if guardrail.metric is Metric.LATENCY_P99_MS:
            return f"{guardrail.ceiling.maximum:,f} ms"
        return f"{float(guardrail.ceiling.maximum) * 100:g} %"
    band = meant(product.plan, guardrail.metric)
    if band.low == band.high == 0:
        return "no difference"
    within = (band.high - band.low) / 2
    return f"{band.centre * 100:+.1f} ± {within * 100:.1f} pt meant"


def window_words(word: GuardrailResult) -> str:
    """`the last 24h` or `since 2026-11-10 09:12 UTC`, whichever is shorter."""
    test = word.guardrail.ceiling
    since = f"since {word.window.since:%Y-%m-%d %H:%M:%S} UTC"
    if test is not None and test.window is not None and word.window.whole:
        return f"the last {hours(test.window)}"
    return since


class GuardrailWatch:
    """Evaluates every product's guardrails and takes the steps that follow."""

    def __init__(
        self, rollouts: Rollouts, figures: ArmFigures, clock: Clock, counters: EventCounters
    ) -> None:
        self._rollouts = rollouts
        self._figures = figures
        self._clock = clock
        self._counters = counters
        self._histories: dict[str, Sequence[JournalEntry]] = {}
        self._seen: dict[str, Sequence[GuardrailResult]] = {}

    async def run(self) -> None:
        """Check for ever; while the store fails, no step is taken."""
        while True:
            began = self._clock.monotonic()
            for name in self._rollouts.products:
                await self._guarded(name)
            took = self._clock.monotonic() - began
            await asyncio.sleep(max(WATCH_SECONDS, took / LOOKING_SHARE))

    def states(self) -> Iterable[tuple[str, GuardrailResult]]:
        """The last result of every guardrail in force with its product, from memory."""
        for name in self._rollouts.products:
            for result in self._seen.get(name, ()):
                yield name, result

    async def check(self, name: str) -> JournalEntry | None:
        """Raises StoreUnavailable, and as `Rollouts.move` where another step came first."""
        evaluation = await self.evaluation(name)
        results = self._seen[name] = await evaluation.results()
        product = evaluation.product
        tripped = [one for one in results if one.judgement.standing is GuardrailState.TRIPPED]
        tripped.sort(key=lambda one: _SEVEREST_FIRST.index(one.guardrail.action))
        for result in tripped:
            action = _JOURNALLED[result.guardrail.action]
            if action is JournalAction.ROLL_BACK and result.arm is not Arm.CHALLENGER:
                continue
            change = _change(evaluation, result)
            after = stepped(product, product.state, change, action=action, now=evaluation.now)
            if not isinstance(after, Refusal) and after != product.state:
                return await self._act(change, action, result.guardrail.name)
        if product.plan.go_live.advance is not Advance.AUTO:
            return None
        decisions = await evaluation.decisions(product.state.go_live.since)
        judgements = [result.judgement for result in results]
        if advances_itself(
            product.plan, product.state, decisions, judgements=judgements, now=evaluation.now
        ):
            return await self._advance(evaluation, decisions)
        return None

    async def evaluation(self, name: str) -> Evaluation:
        product = self._rollouts.product(name)
        history = await self._history(name)
        return Evaluation(self._figures, product, history, now=self._clock.now())

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
        position = self._rollouts.latest(name).position
        known = self._histories.get(name, ())
        if not known or known[0].position != position:
            known = await self._rollouts.history(name, None, MOST_HISTORY)
            self._histories[name] = known
        return known

    async def _act(
        self, change: RolloutChange, action: JournalAction, guardrail: str
    ) -> JournalEntry | None:
        entry = await self._rollouts.move(change, action)
        if entry is not None:
            labels = (entry.product, guardrail, entry.action.value)
            self._counters.guardrail_actions.labels(*labels).inc()
            _log_move(entry, guardrail=guardrail)
        return entry

    async def _advance(self, evaluation: Evaluation, decisions: int) -> JournalEntry | None:
        product = evaluation.product
        since = product.state.go_live.since
        figures = {"decisions": str(decisions), "since": f"{since:%Y-%m-%d %H:%M:%S} UTC"}
        change = RolloutChange(
            product.name,
            AUTO_ADVANCE,
            "the stage has held, its count is reached and no guardrail is against it",
            plan_digest=product.plan.digest,
            position=evaluation.history[0].position,
            figures=figures,
            track=TrackName.GO_LIVE,
        )
        entry = await self._rollouts.move(change, JournalAction.ADVANCE)
        if entry is not None:
            self._counters.advances.labels(entry.product).inc()
            _log_move(entry)
        return entry


def _change(evaluation: Evaluation, result: GuardrailResult) -> RolloutChange:
    """What a tripped guardrail asks for; killing the champion's arm kills the product."""
    guardrail = result.guardrail
    product = evaluation.product
    kills = guardrail.action is GuardrailAction.KILL
    return RolloutChange(
        product.name,
        f"{GUARDRAIL}{guardrail.name}",
        sentence_of(result, product),
        plan_digest="" if kills else product.plan.digest,
        position=evaluation.history[0].position,
        figures=figures_of(result, product),
        track=TrackName.CHALLENGER,
        arm=result.arm,
    )


def _log_move(entry: JournalEntry, **names: str) -> None:
    names = {"product": entry.product, "action": entry.action.value, **names}
    log.warning("rollout moved", who=entry.who, why=entry.why, **names, figures=dict(entry.figures))
