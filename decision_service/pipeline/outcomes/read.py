"""Reading what was reported of the loans that rest on a decision."""

from __future__ import annotations

import msgspec

from decision_service.pipeline.outcomes.ports import OutcomeLog, OutcomePosition, RecordedOutcome
from decision_service.pipeline.records.read import ReadDecisions


class OutcomePage(msgspec.Struct, frozen=True):
    """One page of reports; `next` is None on the last one."""

    outcomes: tuple[RecordedOutcome, ...]
    next: OutcomePosition | None


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
