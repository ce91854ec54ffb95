"""One range of decisions, judged and summed up."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from decision_service.impact.applicant import LeftOut, NotCompared
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.backtest.judge import BacktestRules, compare
from decision_service.pipeline.backtest.ports import (
    AnswerReader,
    BacktestLog,
    KeyRange,
    RecordedApplicant,
)
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.ports import PagePosition, StoredEntry
from decision_service.pipeline.rollout.pairs.case import DecidedCase
from decision_service.pipeline.rollout.pairs.recorded import recorded_case, with_snapshot
from decision_service.pipeline.rollout.pairs.second_opinion import side_of
from decision_service.pipeline.rules.archive import RulesetArchive

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
        """The sums over the applicants whose first decision since `window` is in the range."""
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
        told = hashlib.sha256(f"{self._order.seed}:{user_id}".encode()).digest()
        return int.from_bytes(told[:4]) < share

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
            judged = judge(await self._with_snapshot(case, entry), margins=near)
        if isinstance(judged, NotCompared):
            sums.leave_out(judged.why, entry.outcome, judged.lacking)
        else:
            sums.add(judged)

    async def _with_snapshot(self, case: DecidedCase, entry: StoredEntry) -> DecidedCase:
        if entry.snapshot_id is None:
            return case
        return with_snapshot(case, await self._log.snapshot(entry.user_id, entry.snapshot_id))
