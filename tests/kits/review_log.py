"""What every `ReviewLog` must do: subclass the kit and give it a `log` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.casework import review_steps as steps
from decision_service.casework.compose import Letter, LetterPart
from decision_service.casework.letters import Sending, StoredNotice
from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.casework.review_log import ReviewFilter, ReviewPosition
from decision_service.casework.review_steps import By, Move, ReviewStep, complete, is_repeated
from decision_service.decide.application import user_key
from decision_service.decide.history import PastDecision
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import ApprovalTerms, Arm, Outcome, ReferKind
from decision_service.domain.errors import AllowancesMoved, HistoryMoved, ReviewRefused
from decision_service.domain.ports import (
    Allowances,
    ArmDecision,
    CapLimit,
    DayLimits,
    DayTotal,
    DecisionEntry,
    Filter,
    HistoryEntry,
    RecordedOutcome,
)
from decision_service.domain.reviews import (
    Authority,
    Review,
    ReviewAction,
    ReviewCase,
    ReviewEvent,
    ReviewPolicy,
    ReviewQueue,
    ReviewReason,
    ReviewResult,
    ReviewState,
    opened_by_referral,
)
from decision_service.domain.values import Money
from decision_service.outbox.events import EventFilter
from decision_service.rules.letters import NoticeKind
from decision_service.store import decisions
from decision_service.store.store import Store
from tests.kits.arm_log import granted
from tests.kits.decision_log import ENTRY, NOON, numbered, walk

LETTER = Letter(
    NoticeKind.ADVERSE_ACTION,
    "fil",
    "Pamagat",
    "Sample Lending Inc.",
    "Hindi namin maaprobahan.",
    (LetterPart("Bakit", ("linya",), ("dahilan",)),),
    "",
)
MADE = StoredNotice(ENTRY.decision_id, ENTRY.caller, LETTER, "a" * 64, NOON, "los")
ENGLISH = replace(MADE, letter=replace(LETTER, language="en"), made=NOON + timedelta(seconds=1))
SENDING = Sending(NOON + timedelta(hours=1), "email", "los")


class NoticeLogKit:
    """The suite; `log` is an empty store."""

    async def test_a_letter_is_made_once(self, log: Store) -> None:
        """The first letter of a kind and language stays, also among many at once."""
        await log.commit(ENTRY)
        others = [replace(MADE, made_by=f"caller-{number}") for number in range(5)]
        found = await asyncio.gather(*map(log.notices.record, others))
        assert len({one.made_by for one in found if one is not None}) == 1
        assert await log.notices.find(MADE.notice_id) == found[0]
        assert await log.notices.find(ENGLISH.notice_id) is None

    async def test_no_letter_is_made_of_a_decision_that_is_not_stored(self, log: Store) -> None:
        """Nothing is written of a person whose decisions are gone."""
        assert await log.notices.record(MADE) is None
        assert await log.notices.find(MADE.notice_id) is None

    async def test_the_first_sending_counts(self, log: Store) -> None:
        """A repeated report changes nothing; of no letter there is none."""
        await log.commit(ENTRY)
        await log.notices.record(MADE)
        sent = await log.notices.sent(MADE.notice_id, SENDING)
        assert sent == replace(MADE, sent=SENDING)
        again = await log.notices.sent(MADE.notice_id, replace(SENDING, channel="post"))
        assert again == sent
        assert await log.notices.sent(ENGLISH.notice_id, SENDING) is None

    async def test_a_decisions_letters_are_listed_oldest_first(self, log: Store) -> None:
        """All of one decision, sent or not, and none of another's."""
        other = numbered(2)
        for entry in (ENTRY, other):
            await log.commit(entry)
        elsewhere = replace(MADE, decision_id=other.decision_id, caller="other", made=NOON)
        for notice in (ENGLISH, MADE, elsewhere):
            await log.notices.record(notice)
        await log.notices.sent(MADE.notice_id, SENDING)
        sent = replace(MADE, sent=SENDING)
        assert list(await log.notices.of_decision(ENTRY.decision_id)) == [sent, ENGLISH]
        assert list(await log.notices.of_decision(other.decision_id)) == [elsewhere]
        assert list(await log.notices.of_decision("dec_unknown")) == []


LIMITS = Authority(Decimal(20_000), Decimal(100_000))
QUEUES = (ReviewQueue("data", timedelta(hours=4), frozenset({ReferKind.DATA})),)
POLICY = ReviewPolicy(QUEUES, LIMITS, (ReviewReason("OK", "It is."),))
APPROVED = ReviewResult(Outcome.APPROVE, "OK", "seen", Money("PHP", 1_500_000))
MINUTE = timedelta(minutes=1)
_KEY = user_key("user-1")


def referred(
    number: int,
    kind: ReferKind = ReferKind.SCORE,
    minutes: int = 0,
    *,
    tier: str = "",
    **changes: object,
) -> DecisionEntry:
    """A referral with its review, in its user's history."""
    entry = numbered(number, outcome=Outcome.REFER, created=NOON + minutes * MINUTE)
    own = HistoryEntry(((user_key(str(changes.get("user_id", entry.user_id))), 0),), "PHP")
    entry = replace(entry, **({"history": own} | changes))
    case = replace(_case(entry), kind=kind, tags=("income", f"n_{number}"), tier=tier)
    return replace(entry, review=opened_by_referral(case, entry.created, POLICY))


def _case(entry: DecisionEntry) -> ReviewCase:
    asked = Money("PHP", 2_000_000)
    place = (entry.decision_id, entry.caller, entry.user_id, entry.product, entry.outcome)
    return ReviewCase(*place, requested=asked)


def by(who: str, request_id: str = "") -> By:
    """Somebody, a minute after noon."""
    return By(who, request_id, NOON + MINUTE)


def claimed_by(who: str) -> Move:
    return lambda review, _: steps.claim(review, by(who))


def completed_by(who: str, request_id: str = "r-1") -> Move:
    """An approval, safe to repeat."""

    def move(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
        if is_repeated(events, by(who, request_id), {ReviewAction.COMPLETED}, result=APPROVED):
            return None
        return complete(review, by(who, request_id), APPROVED, POLICY)

    return move


THINKING = replace(POLICY, withdraw_within=10 * MINUTE)


def thinking_by(who: str, request_id: str = "r-1") -> Move:
    """An approval that may be withdrawn for ten minutes."""
    return lambda review, _: complete(review, by(who, request_id), APPROVED, THINKING)


def withdrawn_by(who: str) -> Move:
    return lambda review, _: steps.withdraw(review, by(who, "w-1"), "a slip", is_second=False)


async def committed(log: Store, entry: DecisionEntry) -> str:
    """The id of the review that was opened with a decision."""
    await log.commit(entry)
    assert entry.review is not None
    return entry.review.review.review_id


async def claimed(log: Store, entry: DecisionEntry, who: str) -> str:
    """The id of a decision's review that somebody has claimed."""
    review_id = await committed(log, entry)
    await log.reviews.step(review_id, claimed_by(who))
    return review_id


def _ids(*numbers: int) -> list[str]:
    return [numbered(number).decision_id for number in numbers]


class ReviewLogKit:
    """The suite; `log` is an empty store."""

    async def test_a_review_is_opened_with_its_decision(self, log: Store) -> None:
        """As it came, with the event that opened it; and not with a decision that came second."""
        entry = referred(1)
        review_id = await committed(log, entry)
        found = await log.reviews.get(review_id)
        assert entry.review is not None
        assert found is not None
        assert (found.review, found.events) == (entry.review.review, (entry.review.event,))
        second = referred(2, request_id=entry.request_id)
        second_id = await committed(log, second)
        assert await log.reviews.get(second_id) is None

    async def test_one_of_many_claims_has_the_review(self, log: Store) -> None:
        """Twenty persons at once: one claim is recorded, the others are refused."""
        review_id = await committed(log, referred(1))
        told = await asyncio.gather(
            *(log.reviews.step(review_id, claimed_by(f"p-{n}")) for n in range(20)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Review) for one in told) == 1
        assert sum(isinstance(one, ReviewRefused) for one in told) == 19
        found = await log.reviews.get(review_id)
        assert found is not None
        assert [one.action for one in found.events] == ["OPENED", "CLAIMED"]

    async def test_a_review_completed_by_many_calls_is_completed_once(self, log: Store) -> None:
        """All get the same review, which has one event of it."""
        review_id = await committed(log, referred(1))
        await log.reviews.step(review_id, claimed_by("ana"))
        told = await asyncio.gather(
            *(log.reviews.step(review_id, completed_by("ana")) for _ in range(10))
        )
        assert len({one.events for one in told if one}) == 1
        found = await log.reviews.get(review_id)
        assert found is not None
        assert [one.action for one in found.events] == ["OPENED", "CLAIMED", "COMPLETED"]

    async def test_a_step_of_no_review_is_none(self, log: Store) -> None:
        """Nothing is stored of it."""
        assert await log.reviews.step("rev_1-1", claimed_by("ana")) is None

    async def test_lists_are_most_urgent_first_and_whole(self, log: Store) -> None:
        """Page by page, each review once, in order of when it is due, then of its id."""
        kinds = (ReferKind.SCORE, ReferKind.DATA)
        ids = [
            await committed(log, referred(n, kinds[n % 2], n // 3, user_id=f"u-{n}"))
            for n in range(12)
        ]
        seen: list[Review] = []
        after = None
        while page := await log.reviews.list(ReviewFilter(), after, 5, NOON):
            seen += page
            after = ReviewPosition(page[-1].due, page[-1].review_id)
        assert sorted(one.review_id for one in seen) == sorted(ids)
        assert seen == sorted(seen, key=lambda one: (one.due, one.review_id))

    async def test_lists_are_filtered(self, log: Store) -> None:
        """By queue, kind, tag, state, decision, and whether they are overdue or long open."""
        data = await committed(log, referred(1, ReferKind.DATA, user_id="u-1"))
        score = await committed(log, referred(12, minutes=5, user_id="u-2"))
        await log.reviews.step(score, claimed_by("ana"))
        late, hour = NOON + timedelta(hours=5), timedelta(hours=1)

        async def listed(now: object = NOON + MINUTE, **chosen: object) -> list[str]:
            found = await log.reviews.list(ReviewFilter(**chosen), None, 50, now)  # type: ignore[arg-type]
            return [one.review_id for one in found]

        assert await listed(queue="data") == await listed(kind=ReferKind.DATA) == [data]
        assert await listed(tag="n_1") == [data]
        assert await listed(tag="n_12") == [score]
        assert await listed(tag="n__") == []
        assert await listed(tag="income", product="personal-loan-ph") == [data, score]
        assert await listed(product="other") == []
        assert await listed(state=ReviewState.OPEN) == [data]
        assert await listed(state=ReviewState.CLAIMED) == [score]
        assert await listed(NOON + hour, state=ReviewState.OPEN) == [data, score]
        assert await listed(due_before=late) == [data]
        assert await listed(opened_before=NOON + MINUTE) == [data]
        await log.reviews.step(score, completed_by("ana"))
        assert await listed(unfinished=True) == [data]
        assert await listed(decision_id=numbered(12).decision_id) == [score]

    async def test_a_person_has_one_row(self, log: Store) -> None:
        """The most urgent of those that are chosen, page by page; the others by person, unfinished,
        most urgent first."""
        ids = []
        for n in range(6):
            user = f"u-{n % 2}"
            place = HistoryEntry(((user_key(user), n // 2),), "PHP")
            ids.append(await committed(log, referred(n, minutes=n, user_id=user, history=place)))
        place = HistoryEntry(((user_key("u-0"), 3),), "PHP")
        data = referred(7, ReferKind.DATA, 9, user_id="u-0", history=place)
        by_data = await committed(log, data)
        one_each = ReviewFilter(one_a_person=True)
        first = await log.reviews.list(one_each, None, 1, NOON)
        after = ReviewPosition(first[-1].due, first[-1].review_id)
        second = await log.reviews.list(one_each, after, 5, NOON)
        # The queue of data is due sooner than that of a score.
        assert [one.review_id for one in (*first, *second)] == [by_data, ids[1]]
        of_score = replace(one_each, kind=ReferKind.SCORE)
        listed = await log.reviews.list(of_score, None, 5, NOON)
        assert [one.review_id for one in listed] == ids[:2]
        await log.reviews.step(ids[2], claimed_by("ana"))
        await log.reviews.step(ids[2], completed_by("ana"))
        found = await log.reviews.of_persons({"u-0", "u-1", "nobody"})
        assert {user: [one.review_id for one in every] for user, every in found.items()} == {
            "u-0": [by_data, ids[0], ids[4]],
            "u-1": [ids[1], ids[3], ids[5]],
        }

    async def test_queues_are_counted(self, log: Store) -> None:
        """How many are unfinished, how many overdue, and when the oldest began."""
        for number in (1, 2):
            await committed(log, referred(number, ReferKind.DATA, number, user_id=f"u-{number}"))
        counts = await log.reviews.queues(NOON + timedelta(hours=4, minutes=1, seconds=1))
        (one,) = counts
        assert (one.product, one.queue, one.open, one.overdue) == ("personal-loan-ph", "data", 2, 1)
        assert one.oldest == NOON + MINUTE

    async def test_an_approval_by_a_person_is_exposure(self, log: Store) -> None:
        """The history shows outcome, amount and instalment that stand, and since when, once."""
        review_id = await committed(log, referred(1))
        await log.reviews.step(review_id, claimed_by("ana"))
        terms = ApprovalTerms(12, Money("PHP", 169_238))
        await log.reviews.step(
            review_id, lambda one, _: complete(one, by("ana"), APPROVED, POLICY, terms)
        )
        (found,) = {*await self._past(log)}
        assert found.decision_id == numbered(1).decision_id
        assert (found.outcome, found.reviewed) == (Outcome.APPROVE, NOON + MINUTE)
        assert (found.approved, found.instalment) == (1_500_000, 169_238)

    async def test_a_result_counts_until_it_is_withdrawn(self, log: Store) -> None:
        """In history, age and the day's caps at once; a withdrawal leaves what was there before."""
        review_id = await claimed(log, referred(1), "ana")
        day = NOON - timedelta(hours=12)
        before = [*await self._past(log)]
        await log.reviews.step(review_id, thinking_by("ana"))
        counted = (await self._past(log))[-1]
        assert (counted.outcome, counted.approved) == (Outcome.APPROVE, 1_500_000)
        assert (await log.day_totals("personal-loan-ph", day)).of("").amount == 1_500_000
        assert await self._events(log, review_id) == []
        await log.reviews.step(review_id, withdrawn_by("ana"))
        assert {*await self._past(log)} == {*before}
        assert (await log.day_totals("personal-loan-ph", day)).of("").amount == 0
        assert await log.reviews.make_final(NOON + timedelta(hours=2), 10) == []
        assert await self._events(log, review_id) == []

    async def test_many_processes_make_a_result_final_once(self, log: Store) -> None:
        """When its time is over, and not before; then the event is written."""
        review_id = await claimed(log, referred(1), "ana")
        await log.reviews.step(review_id, thinking_by("ana"))
        assert await log.reviews.make_final(NOON + 10 * MINUTE, 10) == []
        due = NOON + 11 * MINUTE
        every = await asyncio.gather(*(log.reviews.make_final(due, 10) for _ in range(5)))
        (taken,) = [step for steps_taken in every for step in steps_taken]
        assert (taken.review.state, taken.review.ended) == (ReviewState.COMPLETED, due)
        found = await log.reviews.get(review_id)
        assert found is not None
        assert [one.action for one in found.events][-2:] == ["COMPLETED", "MADE_FINAL"]
        assert await self._events(log, review_id) == ["review.completed"]
        with pytest.raises(ReviewRefused, match="nothing can be withdrawn"):
            await log.reviews.step(review_id, withdrawn_by("ana"))

    async def test_two_approvals_of_one_person_within_the_time_to_think(self, log: Store) -> None:
        """The second person who ends one sees the first, and may once it was withdrawn."""
        first = await claimed(log, referred(1), "ana")
        one_before = HistoryEntry(((user_key("user-1"), 1),), "PHP")
        again = referred(2, minutes=1, history=one_before)
        second = await claimed(log, again, "rosa")
        await log.reviews.step(first, thinking_by("ana"))
        with pytest.raises(ReviewRefused, match=r"PHP 15000\.00 .* was granted"):
            await log.reviews.step(second, thinking_by("rosa", "r-2"))
        await log.reviews.step(first, withdrawn_by("ana"))
        ended = await log.reviews.step(second, thinking_by("rosa", "r-2"))
        assert ended is not None
        assert ended.state is ReviewState.AWAITING_RELEASE

    async def test_an_erasure_ends_a_result_that_is_not_final(self, log: Store) -> None:
        """The review ends without it, and no event says that anything was approved."""
        review_id = await claimed(log, referred(1), "ana")
        await log.reviews.step(review_id, thinking_by("ana"))
        await log.erase("user-1")
        assert await log.reviews.make_final(NOON + timedelta(hours=2), 10) == []
        assert "review.completed" not in await self._events(log, review_id)

    async def test_an_override_counts_for_its_arm(self, log: Store) -> None:
        """Once for each applicant; a decline of a referral overrides nothing."""
        arm = ArmDecision("user-1", Arm.CHALLENGER, 2, hashed=True, pins=True)
        declined = ReviewResult(Outcome.DECLINE, "OK", "seen")
        for number, result in enumerate((APPROVED, APPROVED, declined), 1):
            unit = replace(arm, unit="user-2" if number == 3 else "user-1")
            review_id = await committed(log, referred(number, arm=unit, history=None))
            await log.reviews.step(review_id, claimed_by("ana"))
            end = partial(complete, by=by("ana"), result=result, policy=POLICY)
            await log.reviews.step(review_id, lambda review, _, end=end: end(review))
        (tally,) = await log.tallies("personal-loan-ph", NOON - MINUTE, hashed=True)
        assert (tally.arm, tally.units, tally.overridden) == (Arm.CHALLENGER, 2, 1)
        spans = await log.span_tallies("personal-loan-ph", NOON - MINUTE, MINUTE, hashed=True)
        assert sum(one.overridden for found in spans.values() for one in found) == 1
        after = NOON + timedelta(hours=1)
        assert list(await log.tallies("personal-loan-ph", after, hashed=True)) == []

    async def test_what_persons_approve_counts_in_its_day(self, log: Store) -> None:
        """By the tier of the offer, on the day of the review's end, and a contest's rise alone."""
        day = NOON - timedelta(hours=12)
        await log.commit(numbered(2, arm=granted(1_000, tier="T4")))
        review_id = await claimed(log, referred(1, tier="T4"), "ana")
        await log.reviews.step(review_id, completed_by("ana"))
        tiers = {"T4": DayTotal(2, 1_501_000)}
        assert (await log.day_totals("personal-loan-ph", day)).tiers == tiers
        await log.reviews.contest(_case(referred(1)), by("los"), "more", POLICY)
        again_id = f"{review_id[:-1]}2"
        await log.reviews.step(again_id, claimed_by("ana"))
        more = replace(APPROVED, amount=Money("PHP", 1_600_000))
        await log.reviews.step(again_id, lambda one, _: complete(one, by("ana"), more, POLICY))
        tiers |= {"": DayTotal(0, 100_000)}
        assert (await log.day_totals("personal-loan-ph", day)).tiers == tiers
        tomorrow = day + timedelta(days=1)
        assert (await log.day_totals("personal-loan-ph", tomorrow)).tiers == {}

    async def test_persons_approve_no_more_than_a_cap_has_room_for(self, log: Store) -> None:
        """Of many at once as many end as fit; the others stay claimed, and the rules are bound."""
        limits = DayLimits(NOON - timedelta(hours=12), (CapLimit("all", amount=3_100_000),))
        ids = [await claimed(log, referred(n, history=None), "ana") for n in range(1, 6)]
        told = await asyncio.gather(
            *(log.reviews.step(one, completed_by("ana"), limits) for one in ids),
            return_exceptions=True,
        )
        refused = [one for one in told if isinstance(one, ReviewRefused)]
        assert len(refused) == 3
        assert {one.fields["cap"] for one in refused} == {"all"}
        states = [(await self._read(log, one)).state for one in ids]
        assert states.count(ReviewState.CLAIMED) == 3
        found = Allowances(limits)
        with pytest.raises(AllowancesMoved):
            await log.commit(numbered(9, arm=granted(100_001), allowances=found))
        await log.commit(numbered(9, arm=granted(100_000), allowances=found))

    async def test_a_decision_that_did_not_see_the_approval_is_made_again(self, log: Store) -> None:
        """Who had read the history before the review's end finds its place taken."""
        review_id = await committed(log, referred(1))
        await log.reviews.step(review_id, claimed_by("ana"))
        await log.reviews.step(review_id, completed_by("ana"))
        stale = HistoryEntry(((user_key("user-1"), 1),), "PHP")
        with pytest.raises(HistoryMoved):
            await log.commit(referred(2, history=stale))
        await log.commit(referred(2, history=HistoryEntry(((user_key("user-1"), 2),), "PHP")))

    async def test_two_persons_do_not_approve_for_one_applicant_unseen(self, log: Store) -> None:
        """Of two referrals that are approved at once one is; the other has to be decided again."""
        first, second = referred(1), referred(2, history=HistoryEntry(((_KEY, 1),), "PHP"))
        ids = [await claimed(log, one, "ana") for one in (first, second)]
        told = await asyncio.gather(
            *(log.reviews.step(one, completed_by("ana")) for one in ids), return_exceptions=True
        )
        (refused,) = (one for one in told if isinstance(one, ReviewRefused))
        assert "PHP 15000.00 (dec_" in refused.message
        assert "have the application decided again" in refused.message
        left = next(one for one in ids if one == refused.fields["review_id"])
        two = ApprovalTerms(3, failed_checks=("CAP",))
        with pytest.raises(ReviewRefused, match="have the application decided again"):
            await log.reviews.step(
                left, lambda one, _: complete(one, by("ana"), APPROVED, POLICY, two)
            )
        assert (await self._read(log, left)).state is ReviewState.CLAIMED
        outcomes = [one.outcome for one in {*await self._past(log)}]
        assert sorted(outcomes) == [Outcome.APPROVE, Outcome.REFER]
        granted_by = str(refused.fields["granted_by"])
        never = LoanOutcome(granted_by, "LN-1", NOON.date(), LoanStatus.NOT_TAKEN_UP)
        await log.record_outcome(never, first.caller, NOON)
        ended = await log.reviews.step(left, completed_by("ana"))
        assert ended is not None
        assert ended.state is ReviewState.COMPLETED

    async def test_an_approval_that_the_decision_saw_keeps_no_person_from_approving(
        self, log: Store
    ) -> None:
        """It counted in the exposure; and an approval of a namesake never does."""
        last = HistoryEntry(((_KEY, 0), (b"P" + bytes(20), 0)), "PHP", 1_000_000)
        await log.commit(numbered(1, outcome=Outcome.APPROVE, created=NOON - MINUTE, history=last))
        namesake = HistoryEntry(((b"P" + bytes(20), 1),), "PHP", 1_000_000)
        approved = numbered(3, outcome=Outcome.APPROVE, user_id="user-3", history=namesake)
        await log.commit(approved)
        keys = ((_KEY, 1), (b"P" + bytes(20), 2))
        review_id = await claimed(log, referred(2, history=HistoryEntry(keys, "PHP")), "ana")
        ended = await log.reviews.step(review_id, completed_by("ana"))
        assert ended is not None
        assert ended.state is ReviewState.COMPLETED

    async def test_a_decision_made_again_replaces_the_first_in_the_history(
        self, log: Store
    ) -> None:
        """One application counts once; what is lent or approved on the first counts as well."""
        review_id = await claimed(log, referred(1), "ana")
        again = HistoryEntry(((user_key("user-1"), 1),), "PHP")
        first = numbered(1).decision_id
        await log.commit(numbered(2, history=again, replaces=first))
        found = {one.decision_id: one.replaced for one in await self._past(log)}
        assert found == {first: True, numbered(2).decision_id: False}
        assert await self._listed(log, decided_again=True) == [first]
        assert await self._listed(log, by_person=True) == []
        booked = LoanOutcome(
            first, "LN-1", NOON.date(), LoanStatus.BOOKED, APPROVED.amount, NOON.date()
        )
        await log.record_outcome(booked, numbered(1).caller, NOON)
        await log.reviews.step(review_id, completed_by("ana"))
        (changed,) = {one for one in await self._past(log) if one.decision_id == first}
        assert changed.loans is not None
        assert (changed.loans.outstanding, changed.replaced) == (1_500_000, False)
        assert await self._listed(log, decided_again=True) == []
        assert await self._listed(log, by_person=True, any_id=review_id) == [first]
        assert await self._listed(log, any_id=review_id, caller="another") == []
        assert await self._listed(log, any_id=f"{review_id}9") == []

    @pytest.mark.parametrize("few", [1, 1_000])
    async def test_an_outcome_is_found_of_the_rules_and_of_a_person(
        self, log: Store, monkeypatch: pytest.MonkeyPatch, few: int
    ) -> None:
        """In the order of instants, page by page, with other fields, however it is looked up."""
        monkeypatch.setattr(decisions, "_FEW", few)
        for number in (1, 3):
            await log.commit(numbered(number, outcome=Outcome.APPROVE, created=NOON + MINUTE))
        assert await self._listed(log, outcome=Outcome.APPROVE) == _ids(3, 1)
        review_id = await claimed(log, referred(2, minutes=2), "ana")
        await log.reviews.step(review_id, completed_by("ana"))
        await committed(log, referred(4, user_id="user-4"))
        contest = await log.reviews.contest(_case(numbered(1)), by("los"), "Why?", POLICY)
        assert contest is not None
        await log.reviews.step(contest.review_id, claimed_by("ana"))
        for outcome, found in (
            (Outcome.APPROVE, _ids(2, 3, 1)),
            (Outcome.REFER, _ids(2, 4)),
            (Outcome.DECLINE, []),
        ):
            assert await self._listed(log, outcome=outcome) == found, outcome
            pages = await walk(log, Filter(outcome=outcome), 1)
            assert [one.decision_id for one in pages] == found
        both = {"outcome": Outcome.APPROVE, "any_id": review_id}
        assert await self._listed(log, **both) == _ids(2)
        assert await self._listed(log, **both, product="another") == []

    async def test_reviews_and_outcomes_are_read_for_many_decisions_at_once(
        self, log: Store
    ) -> None:
        """Oldest first; of a decision without reviews, or that is not stored, there is nothing."""
        first = await committed(log, referred(1))
        await log.commit(numbered(2, outcome=Outcome.APPROVE))
        contest = await log.reviews.contest(_case(numbered(1)), by("los"), "Why?", POLICY)
        asked = _ids(1, 2, 3)
        found = await log.reviews.of_decisions(asked)
        assert {one: [each.review_id for each in of] for one, of in found.items()} == {
            asked[0]: [first]
        }
        assert contest is not None
        assert contest.review_id == first
        assert await log.outcomes(asked) == {
            asked[0]: RecordedOutcome(Outcome.REFER),
            asked[1]: RecordedOutcome(Outcome.APPROVE),
        }
        assert await log.outcomes([]) == await log.reviews.of_decisions([]) == {}

    async def _listed(self, log: Store, **chosen: Any) -> list[str]:
        """The ids of the decisions of a filter."""
        return [one.decision_id for one in await log.list(Filter(**chosen), None, 10)]

    async def test_arrived_data_has_waiting_reviews_decided_again(self, log: Store) -> None:
        """Those of the user alone, which the list of what is due then has."""
        data = await committed(log, referred(1, ReferKind.DATA, user_id="u-1"))
        await committed(log, referred(2, ReferKind.DATA, user_id="u-2"))
        await committed(log, referred(3, user_id="u-1", history=None))
        assert await log.reviews.arrived("u-1", [Kind.LINKS], NOON + MINUTE) == 1
        assert await log.reviews.arrived("u-1", [Kind.LINKS], NOON + MINUTE) == 0
        assert [one.review_id for one in await log.reviews.deciding_again(9)] == [data]

    async def test_contests_of_one_decision_open_one_review(self, log: Store) -> None:
        """Many at once are noted in one; after its end the next one opens another."""
        entry = numbered(1)
        await log.commit(entry)
        case = ReviewCase(
            entry.decision_id, entry.caller, entry.user_id, entry.product, entry.outcome
        )

        async def contest(request_id: str) -> Review:
            told = await log.reviews.contest(case, by("los", request_id), "look again", POLICY)
            assert told is not None
            return told

        told = await asyncio.gather(*(contest(f"r-{n}") for n in range(5)), contest("r-1"))
        assert len({one.review_id for one in told}) == 1
        found = await log.reviews.get(told[0].review_id)
        assert found is not None
        assert len(found.events) == 5
        declined = ReviewResult(Outcome.DECLINE, "OK", "seen")
        await log.reviews.step(told[0].review_id, claimed_by("ana"))
        await log.reviews.step(
            told[0].review_id, lambda one, _: complete(one, by("ana"), declined, POLICY)
        )
        assert (await contest("r-1")).review_id == told[0].review_id
        other = await contest("r-9")
        assert other.review_id == told[0].review_id.removesuffix("1") + "2"
        assert list(await log.reviews.of_decision(entry.decision_id)) == [
            await self._read(log, told[0].review_id),
            other,
        ]

    async def test_contests_of_one_decision_are_few(self, log: Store) -> None:
        """Ten are noted, further ones refused, repeated ones known, and read page by page."""
        entry = numbered(1)
        await log.commit(entry)
        case = ReviewCase(
            entry.decision_id, entry.caller, entry.user_id, entry.product, entry.outcome
        )
        for number in range(steps.MOST_CONTESTS):
            noted = await log.reviews.contest(case, by("los", f"r-{number}"), "again", POLICY)
        assert noted is not None
        with pytest.raises(ReviewRefused, match="was contested 10 times"):
            await log.reviews.contest(case, by("los", "r-more"), "again", POLICY)
        assert await log.reviews.contest(case, by("los", "r-3"), "again", POLICY) == noted
        page = await log.reviews.get(noted.review_id, 4, 3)
        assert page is not None
        assert [event.position for event in page.events] == [5, 6, 7]

    async def test_an_erasure_ends_a_review_and_says_why(self, log: Store) -> None:
        """A review that had ended stays as it was."""
        open_id = await committed(log, referred(1))
        done_id = await committed(log, referred(2, history=None))
        await log.reviews.step(done_id, claimed_by("ana"))
        await log.reviews.step(done_id, completed_by("ana"))
        await log.erase("user-1")
        ended = await self._read(log, open_id)
        assert (ended.state, ended.end) == ("ENDED", "ERASED")
        assert (await self._read(log, done_id)).state is ReviewState.COMPLETED

    async def test_reviews_go_with_their_decisions(self, log: Store) -> None:
        """When retention deletes a decision, its reviews and their events are deleted."""
        review_id = await committed(log, referred(1))
        assert await log.expire(NOON + timedelta(days=1), 10) == 1
        assert await log.reviews.get(review_id) is None

    async def _events(self, log: Store, review_id: str) -> list[str]:
        """What receivers hear of a review, but that it was opened."""
        page = await log.outbox.page(0, await log.outbox.end(), EventFilter(), 500)
        of_review = [one.type for one in page.events if one.review_id == review_id]
        return [one for one in of_review if one != "review.opened"]

    async def _past(self, log: Store) -> tuple[PastDecision, ...]:
        """What is on record of the user; a decision has a place for each of its results."""
        key = user_key("user-1")
        return (await log.past([key]))[key].decisions

    async def _read(self, log: Store, review_id: str) -> Review:
        found = await log.reviews.get(review_id)
        assert found is not None
        return found.review
