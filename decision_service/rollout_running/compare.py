"""Two versions compared: on recorded decisions when asked, and silently after each reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import zip_longest
from time import thread_time

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.decide.codec import decode_facts, factors_from_wire, read_snapshot
from decision_service.decide.conclude import judge, with_answers
from decision_service.decide.replay import shell_of
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import FieldInvalid, RulesetUnknown, StoreError
from decision_service.domain.ports import Clock, DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.rollout.impact import ImpactSums, LeftOut, NotCompared
from decision_service.rollout_running.counters import ArmFigures, EventCounters
from decision_service.rollout_running.pairs import (
    DecidedCase,
    DecisionPair,
    RulesOnDay,
    second_opinion,
)
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.rules.evaluate import load
from decision_service.rules.program import CompiledRuleset, LabelValues, ParamSpec

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


class ComparisonRequest(msgspec.Struct, frozen=True):
    """What to compare with the champion, from `since` until `now`.

    A shadow by its version; for 0 the challenger, or the `champion` itself by the parameters of
    another day. Of recorded decisions the newest `most` are judged again, by the dated parameters
    of their own day or of `params_as_of`.
    """

    product: str
    shadow: int
    since: datetime
    most: int
    now: datetime
    params_as_of: date | None = None
    champion: bool = False


class UntriedValue(msgspec.Struct, frozen=True):
    """A parameter's value from a day on (None: from the first) that no tried day had in force."""

    version: int
    param: str
    start: date | None
    value: str


def untried(
    rulesets: Iterable[CompiledRuleset], tried: frozenset[date], today: date
) -> tuple[UntriedValue, ...]:
    """Values that have been replaced for good are left out."""
    return tuple(
        value
        for ruleset in rulesets
        for param in ruleset.params.values()
        for values in param.series
        for value in _of(param, values, ruleset, tried=tried, today=today)
    )


def _of(
    param: ParamSpec,
    values: LabelValues,
    ruleset: CompiledRuleset,
    tried: frozenset[date],
    today: date,
) -> Iterator[UntriedValue]:
    name = f"{param.name} of {values.label or 'all others'}" if param.by else param.name
    for step, later in zip_longest(values.steps, values.steps[1:]):
        end = None if later is None else later.start
        over = end is not None and end <= today
        if not over and not any(_in_force(step.start, end, day) for day in tried):
            shown = ruleset.program.wording.value(step.value, param.type)
            yield UntriedValue(ruleset.version, name, step.start, value=shown)


def _in_force(start: date | None, end: date | None, day: date) -> bool:
    return (start is None or start <= day) and (end is None or day < end)


def without_value(rulesets: Iterable[CompiledRuleset], day: date) -> str:
    """One sentence about the first such parameter; empty where each has a value."""
    for ruleset in rulesets:
        for param in ruleset.params.values():
            for first in (values.steps[0].start for values in param.series):
                if first is not None and first > day:
                    return (
                        f"is {day}: params.{param.name} of v{ruleset.version} has no value before "
                        f"{first}; name a later day"
                    )
    return ""


class VersionComparison(msgspec.Struct, frozen=True):
    """Decisions as two versions judge them: before is the champion or what decided.

    `untried` are the dated values of either version that no compared decision had in force.
    `lists_of_today` are lists that one of the versions alone asks, so that no record has their
    answers.
    """

    product: str
    live_version: int
    other_version: int
    since: datetime
    currency: str
    sums: ImpactSums
    untried: Sequence[UntriedValue] = ()
    params_as_of: date | None = None
    lists_of_today: Sequence[str] = ()


class CompareVersions(msgspec.Struct, frozen=True, eq=False):
    """Compares by stored shadow results, or by re-evaluating decisions; records nothing."""

    log: DecisionLog
    figures: ArmFigures
    archive: RulesetArchive
    rulebook: Callable[[], Rulebook]

    async def __call__(self, question: ComparisonRequest) -> VersionComparison:
        """Raises ProductUnknown, RulesetUnknown, StoreUnavailable, FieldInvalid."""
        product = self.rulebook().product(question.product)
        version = question.shadow or _compared_with(product, question)
        live = product.plan.versions.champion
        sides = [product.versions[v] for v in sorted({live, version}) if v in product.versions]
        day = question.params_as_of
        if day is not None and (lacking := without_value(sides, day)):
            raise FieldInvalid.of("params_as_of", lacking)
        if question.shadow:
            sums = await self.figures.pair_sums(product.name, version, question.since)
            if not sums.everybody.applicants and not sums.left_out:
                _require_shadow(product, version)
            first = _day(question.since, product)
            last = _day(question.now, product)
            days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
        else:
            sums, days = await self._judged_again(product, version, question)
        return VersionComparison(
            product=product.name,
            live_version=live,
            other_version=version,
            since=question.since,
            currency=product.champion.currency,
            sums=sums,
            untried=untried(
                sides, frozenset(days if day is None else {day}), _day(question.now, product)
            ),
            params_as_of=day,
            lists_of_today=() if question.shadow else _asked_by_one(sides),
        )

    async def _judged_again(
        self, product: Product, version: int, question: ComparisonRequest
    ) -> tuple[ImpactSums, set[date]]:
        """The newest decisions as champion and version judge them, and the days they are of."""
        day = question.params_as_of
        sums = ImpactSums()
        days = set[date]()
        base = RulesOnDay(product.champion, None if question.champion else day)
        other = RulesOnDay(product.versions[version], day)
        async for entry in self._newest(product.name, question.since, question.most):
            days.add(_day(entry.created, product))
            case = await recorded_case(entry, self.archive, product.input_names)
            if isinstance(case, LeftOut):
                sums.leave_out(case, entry.outcome)
                continue
            if entry.snapshot_id is not None:
                body = await self.log.snapshot(entry.user_id, entry.snapshot_id)
                case = with_snapshot(case, body)
            judged = await asyncio.to_thread(second_opinion, case, base, other)
            if isinstance(judged, NotCompared):
                sums.leave_out(judged.why, case.decision.rules_verdict.outcome, judged.lacking)
            else:
                sums.add(judged)
        return sums, days

    async def _newest(self, product: str, since: datetime, most: int) -> AsyncIterator[StoredEntry]:
        """At most so many decisions by rules."""
        chosen = Filter(product=product, created_from=since)
        after: PagePosition | None = None
        while most > 0:
            entries = await self.log.list(chosen, after, min(_PAGE, most))
            for entry in entries:
                if entry.outcome is not Outcome.NOT_ENROLLED:
                    most -= 1
                    yield entry
            if len(entries) < _PAGE:
                return
            after = PagePosition(entries[-1].created, entries[-1].decision_id)


def _asked_by_one(sides: Sequence[CompiledRuleset]) -> Sequence[str]:
    asked = [frozenset(side.questions) for side in sides]
    both = frozenset.intersection(*asked) if asked else frozenset()
    return sorted({question.list for one in asked for question in one - both})


def _day(instant: datetime, product: Product) -> date:
    return instant.astimezone(product.champion.zone).date()


def _require_shadow(product: Product, version: int) -> None:
    shadows = [f"v{shadow.version}" for shadow in product.plan.versions.shadow]
    if f"v{version}" in shadows:
        return
    raise RulesetUnknown(
        f"v{version} is no shadow of {product.name} and left no results: the plan's shadows are "
        f"{', '.join(shadows) or 'none'}",
        product=product.name,
    )


def _compared_with(product: Product, question: ComparisonRequest) -> int:
    if question.champion:
        return product.plan.versions.champion
    versions = product.plan.versions
    if versions.challenger is None:
        other = ": name a shadow's version instead" if versions.shadow else " and no shadow"
        message = f"the plan of {product.name} has no challenger{other}"
        raise RulesetUnknown(message, product=product.name)
    return versions.challenger.version


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
