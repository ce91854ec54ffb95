"""What every `OutcomeLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from msgspec.structs import replace

from decision_service.casework.outcomes import (
    LoanOutcome,
    LoanStatus,
    OutcomePosition,
    ReportRelation,
)
from decision_service.domain.errors import StoreBusy
from decision_service.domain.values import Money
from decision_service.store.store import Store
from tests.kits.decision_entries import ENTRY, NOON, numbered

DAY = timedelta(days=1)
PAUSE = 0.05
BOOKED = LoanOutcome(
    decision_id=ENTRY.decision_id,
    loan_id="LN 2026/0001",
    as_of=date(2026, 12, 1),
    status=LoanStatus.BOOKED,
    disbursed=Money("PHP", 5_000_000),
    disbursed_on=date(2026, 11, 25),
    instalment=Money("PHP", 945_650),
    repaid=Money("PHP", 0),
    overdue_days=3,
)
LATER = replace(BOOKED, as_of=BOOKED.as_of + 30 * DAY, overdue_days=0)
REPAID = LoanOutcome(BOOKED.decision_id, BOOKED.loan_id, LATER.as_of + DAY, LoanStatus.REPAID)


async def told(log: Store, report: LoanOutcome, caller: str = "los") -> ReportRelation | None:
    """What recording a report says; a busy store is asked again, as it asks callers to do."""
    while True:
        try:
            compared = await log.record_outcome(report, caller, NOON)
        except StoreBusy:
            await asyncio.sleep(PAUSE)
        else:
            return compared and compared.comparison


async def listed(log: Store, decision_id: str) -> list[LoanOutcome]:
    """Every report on a decision, in the order of days, read in pages of two."""
    found: list[LoanOutcome] = []
    after: OutcomePosition | None = None
    while page := await log.list_outcomes(decision_id, after, 2):
        found += [one.report for one in page]
        after = OutcomePosition(found[-1].as_of, found[-1].loan_id)
    return found


class OutcomeLogKit:
    """The suite; `log` is an empty store."""

    async def test_a_report_reads_back_as_it_came(self, log: Store) -> None:
        """Every field of a full and of a bare report, of one day in order of loan id."""
        await log.commit(ENTRY)
        bare = LoanOutcome(ENTRY.decision_id, "LN 0", BOOKED.as_of, LoanStatus.NOT_TAKEN_UP)
        for report in (BOOKED, bare):
            assert await told(log, report) is ReportRelation.NEWEST
        assert await listed(log, ENTRY.decision_id) == [bare, BOOKED]
        assert await listed(log, numbered(2).decision_id) == []

    async def test_the_newest_day_counts_and_every_report_is_kept(self, log: Store) -> None:
        """A later day supersedes, an earlier one that comes late is kept and told, in any order."""
        await log.commit(ENTRY)
        assert await told(log, LATER) is ReportRelation.NEWEST
        late = await log.record_outcome(BOOKED, "los", NOON)
        assert late is not None
        assert (late.comparison, late.newest) == (ReportRelation.OLDER, LATER)
        assert await told(log, REPAID) is ReportRelation.NEWEST
        assert await listed(log, ENTRY.decision_id) == [BOOKED, LATER, REPAID]
        for report in (LATER, BOOKED, REPAID):
            assert await told(log, report) is ReportRelation.REPEATED

    async def test_a_contradiction_changes_nothing(self, log: Store) -> None:
        """Another report of the same day, or the loan on another decision, is not recorded."""
        await log.commit(ENTRY)
        await log.commit(numbered(2))
        await told(log, BOOKED)
        other_day = replace(BOOKED, decision_id=numbered(2).decision_id, as_of=LATER.as_of)
        assert await told(log, replace(BOOKED, overdue_days=4)) is ReportRelation.CONTRADICTS
        assert await told(log, other_day) is ReportRelation.OTHER_DECISION
        assert await listed(log, ENTRY.decision_id) == [BOOKED]
        assert await listed(log, numbered(2).decision_id) == []

    async def test_callers_do_not_share_loan_ids(self, log: Store) -> None:
        """The same loan id of another caller is another loan."""
        other = numbered(2, caller="crm")
        await log.commit(ENTRY)
        await log.commit(other)
        assert await told(log, BOOKED) is ReportRelation.NEWEST
        theirs = replace(BOOKED, decision_id=other.decision_id, overdue_days=9)
        assert await told(log, theirs, "crm") is ReportRelation.NEWEST
        assert await listed(log, ENTRY.decision_id) == [BOOKED]

    async def test_without_its_decision_nothing_is_recorded(self, log: Store) -> None:
        """A decision that is not there, or not any more, takes no report."""
        assert await told(log, BOOKED) is None
        assert await listed(log, ENTRY.decision_id) == []

    async def test_of_many_that_contradict_each_other_one_is_recorded(self, log: Store) -> None:
        """Fifty at once on one loan and day: one is the newest, and it alone reads back."""
        await log.commit(ENTRY)
        reports = [replace(BOOKED, overdue_days=number) for number in range(50)]
        found = await asyncio.gather(*(told(log, report) for report in reports))
        assert found.count(ReportRelation.NEWEST) == 1
        assert found.count(ReportRelation.CONTRADICTS) == 49
        winner = reports[found.index(ReportRelation.NEWEST)]
        assert await listed(log, ENTRY.decision_id) == [winner]

    async def test_a_loan_is_on_one_decision_however_reports_come(self, log: Store) -> None:
        """Fifty at once of other days for two decisions: those of one of them are recorded."""
        other = numbered(2).decision_id
        await log.commit(ENTRY)
        await log.commit(numbered(2))
        reports = [
            replace(BOOKED, decision_id=one, as_of=BOOKED.as_of + number * DAY)
            for number in range(25)
            for one in (ENTRY.decision_id, other)
        ]
        found = await asyncio.gather(*(told(log, report) for report in reports))
        assert found.count(ReportRelation.OTHER_DECISION) == 25
        held = [await listed(log, one) for one in (ENTRY.decision_id, other)]
        assert sorted(map(len, held)) == [0, 25]

    async def test_outcomes_go_with_their_decisions(self, log: Store) -> None:
        """What is kept long enough goes with all reports, and its loan id is free again."""
        await log.commit(ENTRY)
        await log.commit(numbered(2, created=NOON + 2 * DAY))
        for report in (BOOKED, LATER, REPAID):
            await told(log, report)
        assert await log.expire(NOON + DAY, 10) == 1
        assert await listed(log, ENTRY.decision_id) == []
        again = replace(BOOKED, decision_id=numbered(2).decision_id)
        assert await told(log, again) is ReportRelation.NEWEST
