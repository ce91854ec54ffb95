"""The store keeps the ports' contracts, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from decision_service.casework.onboarding import (
    Applicant,
    ApplicantLog,
    ApplicantRecord,
    IssuedToken,
)
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.casework.review_log import ReviewFilter
from decision_service.casework.review_steps import ReviewStep, complete
from decision_service.casework.reviews import OperateReviews
from decision_service.decide.application import user_key
from decision_service.domain.actors import Actor
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.errors import ReviewRefused
from decision_service.domain.ports import CapLimit, DayLimits, HistoryEntry, WarmMark
from decision_service.domain.reviews import Review, ReviewState
from decision_service.rulebook.rulebook import Rulebook
from decision_service.store.keys import DATA_KEYS
from decision_service.store.store import Store
from tests.fakes.examples import ALL
from tests.fakes.world import Numbered, SetClock
from tests.kits.arm_figures import ArmFiguresKit
from tests.kits.arm_log import ArmLogKit
from tests.kits.consent_log import ConsentKit
from tests.kits.decision_log import ENTRY, NOON, SNAPSHOT, DecisionLogKit, numbered
from tests.kits.history_log import HistoryLogKit
from tests.kits.outcome_log import BOOKED, REPAID, OutcomeLogKit
from tests.kits.postgres import Postgres
from tests.kits.review_log import (
    APPROVED,
    POLICY,
    NoticeLogKit,
    ReviewLogKit,
    by,
    claimed,
    committed,
    completed_by,
    referred,
)
from tests.kits.rollout_journal import RolloutJournalKit
from tests.kits.stores import opened
from tests.kits.warm_log import PLAN, WarmKit

ANY = ReviewFilter()
ANA = Actor("ana")
_KEY = user_key("user-1")


class Floor:
    """Reviewers of one store, with the steps that were shown."""

    def __init__(self, log: Store) -> None:
        self.clock, self.seen = SetClock(NOON + timedelta(minutes=1)), list[ReviewStep]()
        self.operate = OperateReviews(
            log.reviews,
            cast("Any", None),
            lambda: Rulebook({}),
            self.clock,
            Numbered(),
            lambda: None,
            self.seen.append,
        )

    async def next(self, who: str, chosen: ReviewFilter = ANY) -> str:
        """The id of what somebody takes next; empty for nothing."""
        taken = await self.operate.claim_next(Actor(who), chosen)
        assert taken is None or (taken.state, taken.claimed_by) == (ReviewState.CLAIMED, who)
        return "" if taken is None else taken.review_id

    def hours(self, count: float) -> datetime:
        """So many hours from now."""
        return self.clock.now() + timedelta(hours=count)


async def opened_many(log: Store, count: int) -> list[str]:
    """The ids of so many reviews, the most urgent one first."""
    every = (referred(n, minutes=n, user_id=f"u-{n}") for n in range(1, count + 1))
    return [await committed(log, one) for one in every]


class ReviewTakingKit:
    """The suite; `log` is an empty store."""

    async def test_reviewers_at_once_take_different_reviews(self, log: Store) -> None:
        """Each of twelve has one of the twelve most urgent of many, and the next one the next."""
        floor, ids = Floor(log), await opened_many(log, 14)
        taken = await asyncio.gather(*(floor.next(f"p-{n}") for n in range(12)))
        assert sorted(taken) == sorted(ids[:12])
        assert [await floor.next("eve"), await floor.next("fay")] == ids[12:]
        assert await floor.next("gus") == ""

    async def test_a_held_review_does_not_come_next(self, log: Store) -> None:
        """While it is held its person takes others, and when that time is over anyone takes it."""
        floor, ids = Floor(log), await opened_many(log, 3)
        await floor.operate.claim(ids[0], ANA, floor.hours(72))
        assert await floor.next("ana") == await floor.next("ana") == ids[1]
        floor.clock.wall += timedelta(hours=72)
        assert await floor.next("ben") == ids[0]

    async def test_a_skipped_review_is_for_others(self, log: Store) -> None:
        """Who skips it is not offered it, however often; others are, and read who skipped."""
        floor, ids = Floor(log), await opened_many(log, 45)
        for review_id in ids[:44]:
            await floor.operate.skip(review_id, ANA, "I know them.")
        again = await floor.operate.skip(ids[0], ANA, "And again.")
        found = await log.reviews.get(ids[0])
        assert found is not None
        assert (again, again.skipped_by) == (found.review, ("ana",))
        told = [(one.action, one.who, one.text) for one in found.events[1:]]
        assert told == [("SKIPPED", "ana", "I know them.")]
        assert len(floor.seen) == 44
        assert await floor.next("ana") == ids[44]
        assert await floor.next("ben") == ids[0]

    async def test_what_comes_next_is_of_a_product_and_a_queue(self, log: Store) -> None:
        """The filter counts for what is claimed already too."""
        floor = Floor(log)
        score = await committed(log, referred(1, user_id="u-1"))
        data = await committed(log, referred(2, ReferKind.DATA, 1_800, user_id="u-2"))
        assert await floor.next("ana") == score
        assert await floor.next("ana", ReviewFilter("personal-loan-ph", "data")) == data
        assert await floor.next("ana", ReviewFilter(queue="default")) == score
        assert await floor.next("ben", ReviewFilter("other")) == ""

    async def test_a_review_that_was_handed_over_comes_next(self, log: Store) -> None:
        """Before all that is open, even to who had skipped it."""
        floor, ids = Floor(log), await opened_many(log, 2)
        await floor.operate.skip(ids[1], Actor("ben"), "")
        await floor.operate.claim(ids[1], ANA, floor.hours(5))
        handed = await floor.operate.release(ids[1], ANA, "ben")
        assert (handed.claimed_by, handed.claimed_until) == ("ben", floor.hours(0.5))
        assert await floor.next("ben") == ids[1]
        assert await floor.next("ana") == ids[0]

    async def test_what_the_caller_sent_does_not_come_next(self, log: Store) -> None:
        """Who sent it could not end it; others have it, and a claim of one's own is no reason."""
        floor = Floor(log)
        first = await committed(log, referred(1, user_id="u-1"))
        found = await log.reviews.get(first)
        assert found is not None
        sender = found.review.caller
        assert await floor.next(sender) == ""
        await floor.operate.claim(first, Actor(sender))
        assert await floor.next(sender) == ""
        await floor.operate.release(first, Actor(sender))
        assert await floor.next("ana") == first

    async def test_a_dry_run_leaves_everything_as_it_was(self, log: Store) -> None:
        """It returns the review as it would be, and the result itself is taken afterwards."""
        review_id = await claimed(log, referred(1), "ana")
        before = await log.reviews.get(review_id)
        past = await log.past([_KEY])
        tried = await log.reviews.step(review_id, completed_by("ana"), dry_run=True)
        assert tried is not None
        assert (tried.state, tried.result, tried.completed_by) == ("COMPLETED", APPROVED, "ana")
        assert await log.reviews.get(review_id) == before
        assert await log.past([_KEY]) == past
        assert await log.reviews.step(review_id, completed_by("ana")) == tried
        changed = (await log.past([_KEY]))[_KEY].decisions
        assert {one.outcome for one in changed} == {Outcome.APPROVE}

    async def test_a_dry_run_is_refused_as_the_result_would_be(self, log: Store) -> None:
        """By a cap of the day, and by what was granted to the person meanwhile."""
        first, second = referred(1), referred(2, history=HistoryEntry(((_KEY, 1),), "PHP"))
        ids = [await claimed(log, one, "ana") for one in (first, second)]
        limits = DayLimits(NOON - timedelta(hours=12), (CapLimit("all", amount=1_000_000),))
        with pytest.raises(ReviewRefused, match="the cap `all`"):
            await log.reviews.step(ids[0], completed_by("ana"), limits, dry_run=True)
        await log.reviews.step(ids[0], completed_by("ana"))

        def tried(review: Review, _: object) -> ReviewStep:
            return complete(review, by("ana"), APPROVED, POLICY, dry_run=True)

        with pytest.raises(ReviewRefused, match="have the application decided again"):
            await log.reviews.step(ids[1], tried, dry_run=True)
        found = await log.reviews.get(ids[1])
        assert found is not None
        assert [event.action for event in found.events] == ["OPENED", "CLAIMED"]


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


SOMEBODY = Applicant("los", "CRM-1")
HALF_A_MINUTE = timedelta(seconds=30)
LATER = NOON + HALF_A_MINUTE


class ApplicantLogKit:
    """The suite; `log` is an empty log."""

    async def test_the_first_to_ask_has_the_claim(self, log: ApplicantLog) -> None:
        """A new applicant is claimed by its first caller, and by nobody else meanwhile."""
        first = await log.claim(SOMEBODY, NOON, LATER)
        assert first == ApplicantRecord(None, NOON, claimed=True)
        second = await log.claim(SOMEBODY, NOON + timedelta(seconds=1), LATER)
        assert second == ApplicantRecord(None, NOON, claimed=False)

    async def test_one_of_many_at_once_has_the_claim(self, log: ApplicantLog) -> None:
        """Of ten callers at the same moment exactly one may create the user."""
        found = await asyncio.gather(*(log.claim(SOMEBODY, NOON, LATER) for _ in range(10)))
        assert [record.claimed for record in found].count(True) == 1

    async def test_a_claim_ends(self, log: ApplicantLog) -> None:
        """When its time is over the next caller has it, and learns when it all began."""
        await log.claim(SOMEBODY, NOON, LATER)
        again = await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)
        assert again == ApplicantRecord(None, NOON, claimed=True)
        assert not (await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)).claimed

    async def test_a_claim_that_is_given_back_is_free_at_once(self, log: ApplicantLog) -> None:
        """After `release` the next caller need not wait."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.release(SOMEBODY)
        assert (await log.claim(SOMEBODY, NOON, LATER)).claimed

    async def test_the_first_user_stays(self, log: ApplicantLog) -> None:
        """A settled applicant has its user for good, without any claim."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.settle(SOMEBODY, "user-1")
        await log.settle(SOMEBODY, "user-2")
        await log.release(SOMEBODY)
        found = await log.claim(SOMEBODY, LATER, LATER + HALF_A_MINUTE)
        assert found == ApplicantRecord("user-1", NOON, claimed=False)

    async def test_callers_do_not_share_references(self, log: ApplicantLog) -> None:
        """The same reference of another caller, and another reference, are other applicants."""
        await log.claim(SOMEBODY, NOON, LATER)
        await log.settle(SOMEBODY, "user-1")
        for other in (replace(SOMEBODY, caller="crm"), replace(SOMEBODY, reference="CRM-2")):
            assert (await log.claim(other, NOON, LATER)).user_id is None

    async def test_a_user_belongs_to_the_caller_that_created_it(self, log: ApplicantLog) -> None:
        """Neither another caller nor a claim without a user makes an owner."""
        await log.claim(SOMEBODY, NOON, LATER)
        assert not await log.created_by("los", "user-1")
        await log.settle(SOMEBODY, "user-1")
        assert await log.created_by("los", "user-1")
        assert not await log.created_by("crm", "user-1")
        assert not await log.created_by("los", "user-2")

    async def test_a_token_that_was_handed_out_is_known_by_its_digest(
        self, log: ApplicantLog
    ) -> None:
        """Every renewal leads to the original with its user and expiry; others are unknown."""
        token = IssuedToken("5f" * 32, "user-1", LATER)
        renewed = IssuedToken("60" * 32, "user-1", LATER + HALF_A_MINUTE, original=token.digest)
        for one in (token, renewed):
            await log.issued(one)
            assert await log.original_token(one.digest) == token
        assert await log.original_token("61" * 32) is None

    async def test_renewals_are_counted_up_to_a_bound(self, log: ApplicantLog) -> None:
        """Of many at once so many are counted; one that is taken back leaves room for another."""
        token = IssuedToken("5f" * 32, "user-1", LATER)
        await log.issued(token)
        counted = await asyncio.gather(*(log.count_renewal(token.digest, 3) for _ in range(10)))
        assert counted.count(True) == 3
        assert await log.original_token(token.digest) == replace(token, renewals=3)
        await log.uncount_renewal(token.digest)
        assert await log.count_renewal(token.digest, 3)
        assert not await log.count_renewal(token.digest, 3)
        assert not await log.count_renewal("61" * 32, 3)

    async def test_an_erased_users_tokens_are_unknown(self, log: ApplicantLog) -> None:
        """Neither the original nor a renewed one gives another token; other users' do."""
        mine = IssuedToken("5f" * 32, "user-1", LATER)
        renewed = IssuedToken("60" * 32, "user-1", LATER, original=mine.digest)
        other = IssuedToken("61" * 32, "user-2", LATER)
        for one in (mine, renewed, other):
            await log.issued(one)
        await log.erase("user-1")
        assert await log.original_token(mine.digest) is None
        assert await log.original_token(renewed.digest) is None
        assert await log.original_token(other.digest) == other


class StoreKit(
    DecisionLogKit,
    ArmLogKit,
    ApplicantLogKit,
    ConsentKit,
    WarmKit,
    RolloutJournalKit,
    ArmFiguresKit,
    ExpiryKit,
    OutcomeLogKit,
    ReviewLogKit,
    ReviewTakingKit,
    NoticeLogKit,
    HistoryLogKit,
):
    """Every suite of a store's ports."""


class TestSqlite(StoreKit):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with opened(f"sqlite:///{tmp_path}/decisions.db", keep_data_keys=True) as store:
            yield store


class TestPostgres(StoreKit):
    @pytest.fixture
    async def log(self, postgres: Postgres, tmp_path: Path) -> AsyncIterator[Store]:
        DATA_KEYS.add(tmp_path / "data-keys")
        async with opened(postgres.migrated(), data_keys=tmp_path / "data-keys") as store:
            yield store


@pytest.mark.long
class TestOldestPostgres(TestPostgres):
    __test__ = ALL

    @pytest.fixture
    def postgres(self, oldest_postgres: Postgres) -> Postgres:
        """The server of every test here."""
        return oldest_postgres
