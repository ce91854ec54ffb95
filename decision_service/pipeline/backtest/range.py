"""One range of decisions, judged and summed up."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from decision_service.domain.errors import RulesetUnknown
from decision_service.impact.applicant import LeftOut
from decision_service.impact.sums import ImpactSums
from decision_service.pipeline.backtest.judge import (
    BacktestRules,
    NotCompared,
    compare,
    side_of,
    weighed,
)
from decision_service.pipeline.backtest.ports import (
    AnswerReader,
    BacktestLog,
    KeyRange,
    RecordedApplicant,
)
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.decide.record_codec import decode_facts
from decision_service.pipeline.ports import PagePosition, StoredEntry
from decision_service.pipeline.records.read import Recorded
from decision_service.pipeline.rollout.pairs.recorded import decided_case
from decision_service.pipeline.rollout.pairs.second_opinion import DecidedCase
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.snapshots.codec import read_snapshot

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
            if self._is_drawn(one.entry.user_id):
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

    def _is_drawn(self, user_id: str) -> bool:
        if self._order.share >= WHOLE:
            return True
        told = hashlib.sha256(f"{self._order.seed}:{user_id}".encode()).digest()
        return int.from_bytes(told[:4]) < self._order.share

    async def _add(self, one: RecordedApplicant, sums: ImpactSums) -> None:
        entry = one.entry
        case = await self._case(entry)
        if case is None:
            sums.leave_out(LeftOut.RECORD_UNREADABLE, entry.outcome)
            return
        exactly = side_of(case.decision.verdict) == self._answer(entry.reply)
        sums.reproduce(entry.decision_id, exactly=exactly)
        loan = weighed(one.loan, case.decision)
        judged = compare(case, self._rules, loan)
        if isinstance(judged, NotCompared) and judged.why is LeftOut.ERASED:
            judged = compare(await self._with_snapshot(case, entry), self._rules, loan)
        if isinstance(judged, NotCompared):
            sums.leave_out(judged.why, entry.outcome, judged.lacking)
        else:
            sums.add(judged)

    async def _case(self, entry: StoredEntry) -> DecidedCase | None:
        """The decision by its own rules; None where values or rules cannot be read."""
        try:
            facts = decode_facts(entry.facts)
            if facts.factors is None or not entry.ruleset_digest:
                return None
            ruleset = await self._archive.by_digest(entry.ruleset_digest)
        except (msgspec.ValidationError, RulesetUnknown):
            return None
        return decided_case(Recorded(entry, facts), ruleset, None, self._order.known)

    async def _with_snapshot(self, case: DecidedCase, entry: StoredEntry) -> DecidedCase:
        if entry.snapshot_id is None:
            return case
        body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
        if body is None:
            return case
        return msgspec.structs.replace(case, snapshot=read_snapshot(body))
