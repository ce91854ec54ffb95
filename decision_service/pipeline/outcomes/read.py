"""Reading what was reported of the loans that rest on a decision."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import StoreError
from decision_service.pipeline.outcomes.ports import OutcomeLog, OutcomePosition, RecordedOutcome
from decision_service.pipeline.ports import Clock, DecisionLog, Filter
from decision_service.pipeline.records.read import ReadDecisions

EVERY_SECONDS = 86_400.0
MOST_NAMED = 10

log = structlog.get_logger("decision_service.outcomes")


class OutcomePage(msgspec.Struct, frozen=True):
    """One page of reports; `next` is None on the last one."""

    outcomes: tuple[RecordedOutcome, ...]
    next: OutcomePosition | None


class ReportWatch:
    """Raises an alarm each day while approvals of so many `days` ago have no report."""

    def __init__(self, log: DecisionLog, clock: Clock, days: int) -> None:
        self._log = log
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Until cancelled; with 0 days it never looks."""
        while True:
            if self._days:
                await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Once; the line names some, `decisions list --unreported` all."""
        before = self._clock.now() - timedelta(days=self._days)
        silent = Filter(created_before=before, unreported=True)
        try:
            found = await self._log.list(silent, None, MOST_NAMED)
        except StoreError as error:
            log.warning("reports.not_counted", reason=error.reason)
            return
        if found:
            newest = [one.decision_id for one in found]
            log.error("approvals not reported", alarm=raised(Alarm.NOT_REPORTED), newest=newest)


class ListOutcomes:
    """Lists reports on decisions that the caller may read."""

    def __init__(self, read: ReadDecisions, log: OutcomeLog) -> None:
        self._read = read
        self._log = log

    async def __call__(
        self, decision_id: str, after: OutcomePosition | None, size: int, scope: str
    ) -> OutcomePage:
        """One page, in the order of days.

        Raises DecisionUnknown, also where the decision is not the caller `scope`'s, and
        StoreUnavailable.
        """
        await self._read.get(decision_id, full=False, scope=scope)
        found = tuple(await self._log.list_outcomes(decision_id, after, size + 1))
        if len(found) <= size:
            return OutcomePage(found, None)
        last = found[size - 1].report
        return OutcomePage(found[:size], OutcomePosition(last.as_of, last.loan_id))
