"""What every store must do with what was kept long enough: subclass the kit, give it a `log`."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from decision_service.casework.onboarding import IssuedToken
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.domain.ports import WarmMark
from decision_service.store.store import Store
from tests.kits.decision_entries import ENTRY, NOON, SNAPSHOT, numbered
from tests.kits.outcome_log import BOOKED, REPAID
from tests.kits.warm_log import PLAN

YEAR = timedelta(days=365)
OLD = SNAPSHOT
NEW = replace(SNAPSHOT, id="6b" * 32)


class ExpiryKit:
    """The suite; `log` is an empty store."""

    async def test_the_oldest_go_first_and_never_what_is_young(self, log: Store) -> None:
        """Three of five are due: two, then one, then nothing; their requests are free again."""
        for number in range(1, 6):
            created = NOON - YEAR if number < 4 else NOON
            await log.commit(numbered(number, created=created + timedelta(seconds=number)))
        due = NOON - timedelta(days=1)
        assert [await log.expire(due, 2) for _ in range(3)] == [2, 1, 0]
        left = [number for number in range(1, 6) if await log.get(numbered(number).decision_id)]
        assert left == [4, 5]
        assert (await log.look_up("los", "request-1")).entry is None

    async def test_data_goes_when_nothing_rests_on_it(self, log: Store) -> None:
        """A snapshot stays while a young decision rests on it, whenever it was stored."""
        await log.commit(numbered(1, created=NOON - YEAR, snapshot=OLD))
        await log.commit(numbered(2, created=NOON - YEAR, snapshot=NEW))
        await log.commit(numbered(3, created=NOON, snapshot=NEW))
        due = NOON - timedelta(days=1)
        assert await log.expire(due, 10) == 2
        assert await log.expire(due, 10) == 1
        assert await log.snapshot(OLD.user_id, OLD.id) is None
        assert await log.snapshot(NEW.user_id, NEW.id) == NEW.body
        assert await log.expire(due, 10) == 0

    async def test_an_old_reading_that_nobody_decided_on_goes(self, log: Store) -> None:
        """Its mark goes with it, so that the next decision asks the vendor."""
        read = NOON - YEAR
        await log.keep_warm(OLD, WarmMark(OLD.id, read, read, PLAN, read), consent=0)
        assert await log.expire(NOON, 10) == 1
        assert (await log.user_state(OLD.user_id)).last is None
        assert list(await log.read_users("", 10)) == []

    async def test_counts_go_with_the_last_reading(self, log: Store) -> None:
        """The accounts that a user had once are forgotten with what they gave, not before."""
        await log.commit(numbered(1, created=NOON - YEAR, snapshot=OLD))
        await log.commit(numbered(2, created=NOON, snapshot=NEW))
        other = replace(OLD, user_id="user-2")
        await log.commit(numbered(3, created=NOON - YEAR, user_id="user-2", snapshot=other))
        while await log.expire(NOON - timedelta(days=1), 10):
            pass
        assert (await log.user_state(OLD.user_id)).counts == tuple(sorted(OLD.counts, key=str))
        assert (await log.user_state("user-2")).counts == ()

    async def test_what_only_waits_to_be_used_up_goes_too(self, log: Store) -> None:
        """Tokens that expired long ago, and quarantines of users of whom nothing was read."""
        for user_id, at in (("user-1", NOON - YEAR), ("user-2", NOON)):
            await log.issued(IssuedToken(f"digest of {user_id}", user_id, at))
            await log.quarantine(user_id, at)
        await log.expire(NOON - timedelta(days=1), 10)
        assert await log.subject_access.user_rows("user-1") is None
        held = await log.subject_access.user_rows("user-2")
        assert held is not None
        assert [len(held.tables[name]) for name in ("link_tokens", "warm")] == [1, 1]

    async def test_an_open_loan_keeps_its_decision(self, log: Store) -> None:
        """However old; closed it is kept as long as loans are, counted from the report of that."""
        await log.commit(ENTRY)
        await log.record_outcome(BOOKED, "los", NOON)
        await expired(log, NOON + 100 * YEAR, NOON + 100 * YEAR)
        assert await log.get(ENTRY.decision_id)
        closed = NOON + 3 * YEAR
        await log.record_outcome(REPAID, "los", closed)
        await expired(log, NOON + 100 * YEAR, closed)
        assert await log.get(ENTRY.decision_id)
        await expired(log, NOON, closed + timedelta(seconds=1))
        assert await log.get(ENTRY.decision_id) is None

    async def test_the_last_loan_to_be_closed_counts(self, log: Store) -> None:
        """Of two one that is closed ends nothing; one that was not taken up never counts."""
        await log.commit(ENTRY)
        other = replace(BOOKED, loan_id="LN 2")
        unused = LoanOutcome(ENTRY.decision_id, "LN 3", BOOKED.as_of, LoanStatus.NOT_TAKEN_UP)
        for report in (BOOKED, other, unused, REPAID):
            await log.record_outcome(report, "los", NOON)
        await expired(log, NOON + 100 * YEAR, NOON + 100 * YEAR)
        assert await log.get(ENTRY.decision_id)
        lost = replace(REPAID, loan_id="LN 2", status=LoanStatus.CHARGED_OFF)
        await log.record_outcome(lost, "los", NOON + YEAR)
        await expired(log, NOON, NOON + YEAR)
        assert await log.get(ENTRY.decision_id)
        await expired(log, NOON, NOON + YEAR + timedelta(seconds=1))
        assert await log.get(ENTRY.decision_id) is None

    async def test_a_late_report_of_before_closes_nothing_again(self, log: Store) -> None:
        """A loan is closed by its newest report; one that is opened again keeps its decision."""
        await log.commit(ENTRY)
        for report in (REPAID, BOOKED):
            await log.record_outcome(report, "los", NOON)
        again = replace(BOOKED, as_of=REPAID.as_of + timedelta(days=1))
        await log.record_outcome(again, "los", NOON + YEAR)
        await expired(log, NOON + 100 * YEAR, NOON + 100 * YEAR)
        assert await log.get(ENTRY.decision_id)

    async def test_a_loan_that_was_not_taken_up_keeps_nothing(self, log: Store) -> None:
        """The decision goes as any other, also where a loan was first said to be booked."""
        await log.commit(ENTRY)
        await log.record_outcome(BOOKED, "los", NOON)
        status = LoanStatus.NOT_TAKEN_UP
        unused = LoanOutcome(ENTRY.decision_id, BOOKED.loan_id, BOOKED.as_of, status)
        await log.record_outcome(unused, "los", NOON, correction=True)
        await expired(log, NOON + YEAR, NOON - 100 * YEAR)
        assert await log.get(ENTRY.decision_id) is None


async def expired(log: Store, before: datetime, closed_before: datetime) -> None:
    """Delete all that counts no more by these instants."""
    while await log.expire(before, 10, closed_before=closed_before):
        pass
