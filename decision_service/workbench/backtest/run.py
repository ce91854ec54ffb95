"""A backtest: decisions divided into ranges, each judged and summed, and the sums merged."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Protocol, TypeAlias

import msgspec

from decision_service.domain.ports import PagePosition, StoredEntry, TextLog
from decision_service.rollout.impact import ImpactSums, KnownLoan, LeftOut, NotCompared, Side
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rules.program import CompiledRuleset
from decision_service.steering.compare import recorded_case, with_snapshot
from decision_service.steering.pairs import side_of
from decision_service.workbench.backtest.judge import BacktestRules, compare
from decision_service.workbench.backtest.report import DatedFigure, ReportSubject
from decision_service.workbench.backtest.rules import BacktestOrder, ComparedRules


class WorkersKilled(RuntimeError):
    """Workers were killed again and again."""


class ClusterUnfit(RuntimeError):
    """A cluster cannot be reached, or its machines cannot judge as this one does."""


class KeyRange(msgspec.Struct, frozen=True):
    """The decisions from `since` to before `before`."""

    since: datetime
    before: datetime


class RecordedApplicant(msgspec.Struct, frozen=True):
    entry: StoredEntry
    loan: KnownLoan | None = None


class RangeCounts(msgspec.Struct, frozen=True):
    decided: int
    not_enrolled: int


class BacktestLog(TextLog, Protocol):
    """Reads recorded decisions by ranges; every method raises StoreUnavailable."""

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        """How many decisions there are."""

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        """Applicants whose first decision since `window` is in the range; oldest first."""

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        """The body of a stored snapshot; None when it was erased."""


AnswerReader: TypeAlias = Callable[[bytes], Side]
"""Gives the outcome with amount, instalment and reasons of a recorded reply."""

JudgedRanges: TypeAlias = Generator[tuple[KeyRange, bytes], None, None]
"""Ranges with their encoded sums as they are done, in any order; each range once."""


class Partitions(Protocol):
    """Workers that judge the ranges of one run: processes of this machine, or of a cluster."""

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """The ranges judged; raises what a worker raises, WorkersKilled and ClusterUnfit."""


OnProgress = Callable[[int, int, int], None]
"""Called with the ranges that are done, all of them, and the decisions that were looked at."""


PAGE = 200
WHOLE = 1 << 32


class RangeJudge:
    """Judges the applicants of ranges by the rules of one order; raises StoreUnavailable."""

    def __init__(
        self,
        log: BacktestLog,
        archive: RulesetArchive,
        answer: AnswerReader,
        order: BacktestOrder,
        rules: BacktestRules,
    ) -> None:
        self._log = log
        self._archive = archive
        self._answer = answer
        self._order = order
        self._rules = rules

    async def __call__(self, chosen: KeyRange, window: datetime) -> ImpactSums:
        sums, firsts = ImpactSums(), 0
        async for one in self._applicants(chosen, window):
            firsts += 1
            if self._is_drawn(one.entry.user_id, self._order.share):
                await self._add(one, sums)
        counts = await self._log.counts(self._order.product, chosen)
        sums.decisions = counts.decided
        sums.not_enrolled = counts.not_enrolled
        sums.repeats = counts.decided - firsts
        return sums

    async def _applicants(
        self, chosen: KeyRange, window: datetime
    ) -> AsyncIterator[RecordedApplicant]:
        after: PagePosition | None = None
        while True:
            page = await self._log.applicants(self._order.product, chosen, window, after, PAGE)
            for one in page:
                yield one
            if len(page) < PAGE:
                return
            last = page[-1].entry
            after = PagePosition(last.created, last.decision_id)

    def _is_drawn(self, user_id: str, share: int) -> bool:
        if share >= WHOLE:
            return True
        digest = hashlib.sha256(f"{self._order.seed}:{user_id}".encode()).digest()
        return int.from_bytes(digest[:4]) < share

    async def _add(self, one: RecordedApplicant, sums: ImpactSums) -> None:
        entry = one.entry
        case = await recorded_case(entry, self._archive, self._order.known)
        if isinstance(case, LeftOut):
            sums.leave_out(case, entry.outcome)
            return
        exactly = side_of(case.decision.verdict) == self._answer(entry.reply)
        sums.reproduce(entry.decision_id, exactly=exactly)
        asked = bool(self._rules.margins or self._rules.days)
        near = asked and self._is_drawn(entry.user_id, self._order.margin_share)
        judge = partial(compare, rules=self._rules, loan=one.loan)
        judged = judge(case, margins=near)
        if isinstance(judged, NotCompared) and judged.why is LeftOut.ERASED:
            if entry.snapshot_id is not None:
                body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
                case = with_snapshot(case, body)
            judged = judge(case, margins=near)
        if isinstance(judged, NotCompared):
            sums.leave_out(judged.why, entry.outcome, judged.lacking)
        else:
            sums.add(judged)


MARGIN_APPLICANTS = 20_000
"""About so many applicants are judged at the values near to a set figure."""

SOON = timedelta(days=60)
"""Dated figures that change until then are tried."""


class DecidedWindow(msgspec.Struct, frozen=True):
    first: datetime
    last: datetime
    decided: int


def changes_nothing(order: BacktestOrder, compared: ComparedRules) -> bool:
    same = compared.changed.digest == compared.product.champion.digest
    return same and not order.points and order.params_as_of is None


def draw(order: BacktestOrder, sample: int, decided: int) -> float:
    """Set the shares of an order for a sample (0: all) and its margins; the first is returned."""
    share = min(1.0, sample / decided) if sample else 1.0
    order.share = int(share * WHOLE)
    order.margin_share = int(min(1.0, MARGIN_APPLICANTS / decided) * WHOLE)
    return share


def dated_figures(
    order: BacktestOrder, ruleset: CompiledRuleset, today: date
) -> tuple[DatedFigure, ...]:
    """What changes within 60 days of today, or of the day whose parameters are taken."""
    since, shown = order.params_as_of or today, ruleset.program.wording.value
    found = [
        DatedFigure(
            later.start,
            ".".join(("params", param.name, *([values.label or "other"] if param.by else ()))),
            shown(step.value, param.type),
            shown(later.value, param.type),
        )
        for param in ruleset.params.values()
        for values in param.series
        for step, later in pairwise(values.steps)
        if later.start is not None and since < later.start <= since + SOON
    ]
    return tuple(sorted(found, key=lambda one: (one.day, one.at)))


def subject_of(
    compared: ComparedRules,
    order: BacktestOrder,
    edges: tuple[datetime, datetime],
    share: float,
    version: str,
) -> ReportSubject:
    base, other = compared.product.champion, compared.changed
    since, until = (edge.astimezone(base.zone).isoformat(timespec="seconds") for edge in edges)
    return ReportSubject(
        order.product,
        base.currency,
        f"v{base.version}",
        base.digest,
        compared.name,
        other.digest,
        tuple((one.at, one.before, one.after) for one in compared.figures),
        since,
        until,
        engine_version=version,
        params_as_of=str(order.params_as_of or ""),
        by=order.by,
        sample=share,
        seed=order.seed,
        swept=tuple(order.points[0]) if order.points else (),
        points=tuple(tuple(point.values()) for point in order.points),
        present=compared.present,
        margins=compared.margins,
        dated=order.dated,
    )


PARTITIONS = 64
"""Ranges of a run, whatever the number of workers: so many steps has its progress."""

_MICROSECOND = timedelta(microseconds=1)


def divided(first: datetime, last: datetime, parts: int = PARTITIONS) -> Sequence[KeyRange]:
    whole = (last - first) // _MICROSECOND + 1
    count = min(parts, whole)
    edges = [first + _MICROSECOND * (whole * number // count) for number in range(count + 1)]
    return [KeyRange(since, before) for since, before in pairwise(edges)]


def summed(
    ranges: Sequence[KeyRange], partitions: Partitions, on_progress: OnProgress
) -> ImpactSums:
    sums = ImpactSums()
    with closing(partitions.map_partitions(ranges)) as parts:
        for done, (_, part) in enumerate(parts, 1):
            sums.merge(msgspec.json.decode(part, type=ImpactSums))
            on_progress(done, len(ranges), sums.decisions)
    return sums
