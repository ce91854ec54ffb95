"""What every `OutcomeLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from decision_service.casework.outcomes import (
    LoanOutcome,
    LoanStatus,
    OutcomePosition,
    Overdrawn,
    ReportRelation,
)
from decision_service.decide.application import user_key
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import FieldInvalid, StoreBusy
from decision_service.domain.ports import HistoryEntry
from decision_service.domain.values import Money
from decision_service.outbox.events import EventFilter, EventType
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, NOON, numbered

DAY = timedelta(days=1)
KEY = user_key(ENTRY.user_id)
APPROVED = replace(
    ENTRY,
    outcome=Outcome.APPROVE,
    history=HistoryEntry(((KEY, 0),), "PHP", 5_000_000),
)
"""A decision that approved 50,000."""
TWICE = Overdrawn(Money("PHP", 10_000_000), Money("PHP", 5_000_000))
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


async def state(log: Store, report: LoanOutcome) -> Overdrawn | None:
    """Whether a decision is overdrawn once a report is recorded, or recorded again."""
    compared = await log.record_outcome(report, "los", NOON)
    assert compared is not None
    return compared.overdrawn


async def outstanding(log: Store) -> int:
    """What is owed on the approved decision."""
    (found,) = (await log.past([KEY]))[KEY].decisions
    assert found.loans is not None
    return found.loans.outstanding


async def flagged(log: Store) -> list[str]:
    """The decisions of the events of overdrawn loans, in their order."""
    chosen = EventFilter(types=(EventType.LOAN_OVERDRAWN,))
    page = await log.outbox.page(0, await log.outbox.end(), chosen, 500)
    return [one.decision_id for one in page.events]


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

    async def test_two_loans_on_one_decision_are_overdrawn(self, log: Store) -> None:
        """Each counts in full, also once closed; an event comes only where more was paid out."""
        await log.commit(APPROVED)
        assert await state(log, BOOKED) is None
        second = replace(BOOKED, loan_id="LN-2")
        for _ in range(2):
            assert await state(log, second) == TWICE
        assert await outstanding(log) == 10_000_000
        for loan in (BOOKED.loan_id, "LN-2"):
            assert await state(log, replace(LATER, loan_id=loan)) == TWICE
        assert await state(log, REPAID) == TWICE
        assert await log.overdrawn(APPROVED.decision_id) == TWICE
        assert await flagged(log) == [APPROVED.decision_id]
        assert await state(log, replace(LATER, loan_id="LN-3")) is not None
        assert await flagged(log) == [APPROVED.decision_id] * 2
        assert await state(log, replace(BOOKED, loan_id="LN-1")) is not None

    async def test_a_loan_that_another_replaces_counts_nowhere(self, log: Store) -> None:
        """Until the correction is taken back, or the loan is reported for a later day."""
        await log.commit(APPROVED)
        await told(log, BOOKED)
        second = replace(BOOKED, loan_id="LN-2")
        assert await state(log, second) == TWICE
        correction = replace(second, replaces=BOOKED.loan_id)
        assert await told(log, correction) is ReportRelation.CONTRADICTS
        made = await log.record_outcome(correction, "los", NOON, correction=True)
        assert made is not None
        assert (made.comparison, made.overdrawn) == (ReportRelation.CORRECTED, None)
        assert await state(log, correction) is None
        assert await outstanding(log) == 5_000_000
        page = await log.list_outcomes(APPROVED.decision_id, None, 9)
        assert [(one.report.loan_id, one.replaced) for one in page] == [
            (BOOKED.loan_id, True),
            ("LN-2", False),
        ]
        assert await state(log, replace(LATER, loan_id="LN-2")) is None
        assert await state(log, LATER) == TWICE
        assert await outstanding(log) == 10_000_000
        named_again = replace(REPAID, loan_id="LN-2", replaces=BOOKED.loan_id)
        assert await state(log, named_again) is None
        assert await outstanding(log) == 0
        await log.record_outcome(replace(named_again, replaces=""), "los", NOON, correction=True)
        assert await log.overdrawn(APPROVED.decision_id) == TWICE
        assert await outstanding(log) == 5_000_000

    async def test_a_loan_that_cannot_be_replaced_is_named_and_nothing_recorded(
        self, log: Store
    ) -> None:
        """Itself, an unknown one, another decision's or caller's, one replaced already, a ring."""
        await log.commit(APPROVED)
        await log.commit(numbered(2))
        await log.commit(numbered(3, caller="crm"))
        one, two = (replace(BOOKED, loan_id=f"LN-{number}") for number in (1, 2))
        await told(log, one)
        await told(log, replace(two, replaces="LN-1"))
        await told(log, replace(one, loan_id="OTHER", decision_id=numbered(2).decision_id))
        theirs = replace(one, loan_id="THEIRS", decision_id=numbered(3).decision_id)
        await told(log, theirs, "crm")
        before = await listed(log, APPROVED.decision_id)
        late = replace(one, loan_id="LN-3", as_of=one.as_of - DAY)
        for report, why in (
            (replace(late, replaces="LN-3"), "is LN-3, the loan itself"),
            (replace(late, replaces="LN-9"), "is LN-9, not reported"),
            (replace(late, replaces="THEIRS"), "is THEIRS, not reported"),
            (replace(late, replaces="OTHER"), "is OTHER, a loan of another decision"),
            (replace(late, replaces="LN-1"), "is LN-1, replaced by loan LN-2 already"),
            (replace(late, replaces="LN-2"), "is LN-2, reported as of 2026-12-01, after this"),
            (replace(one, as_of=LATER.as_of, replaces="LN-2"), "is LN-2, which replaces LN-1"),
        ):
            with pytest.raises(FieldInvalid, match=why):
                await told(log, report)
        assert await listed(log, APPROVED.decision_id) == before

    @pytest.mark.parametrize("outcome", [Outcome.REFER, Outcome.NOT_ENROLLED])
    async def test_what_nothing_was_approved_for_is_overdrawn(
        self, log: Store, outcome: Outcome
    ) -> None:
        """But not where another process decided."""
        await log.commit(replace(ENTRY, outcome=outcome))
        none = Overdrawn(Money("PHP", 5_000_000), Money("PHP", 0))
        assert await state(log, BOOKED) == (none if outcome is Outcome.REFER else None)

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
