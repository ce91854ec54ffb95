"""Laws of reviews, whatever persons and data do in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework import review_steps as steps
from decision_service.casework.review_steps import (
    By,
    ReviewStep,
    complete,
    confirm,
    is_repeated,
    reject,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.errors import RequestIdReused, ReviewRefused, ServiceError
from decision_service.domain.reviews import Review, ReviewAction, ReviewEvent, ReviewState
from tests.unit.reviewing.cases import NOON, POLICY, approved, by, review

OPENED = ReviewEvent(1, NOON, "", ReviewAction.OPENED)
Action = Callable[[Review, By], ReviewStep | None]

ACTIONS: dict[str, Action] = {
    "claim": lambda r, b: steps.claim(r, b),
    "hold": lambda r, b: steps.claim(r, b, b.at + timedelta(hours=5)),
    "skip": lambda r, b: steps.skip(r, b, ""),
    "release": lambda r, b: steps.release(r, b),
    "hand over": lambda r, b: steps.release(r, b, "b"),
    "note": lambda r, b: steps.note(r, b, "seen"),
    "request data": lambda r, b: steps.request_data(r, b, [Kind.CONTRIBUTIONS], ""),
    "arrived": lambda r, b: steps.data_arrived(r, b, [Kind.CONTRIBUTIONS]),
    "other arrived": lambda r, b: steps.data_arrived(r, b, [Kind.LINKS]),
    "never whole": lambda r, b: steps.data_never_whole(r, OPENED, b, [Kind.CONTRIBUTIONS], "no"),
    "again": steps.decide_again,
    "decided": lambda r, b: steps.decided_again(r, b, "dec_1"),
    "not decided": lambda r, b: steps.not_decided_again(r, b, "no"),
    "complete": lambda r, b: complete(r, b, approved(), POLICY),
    "complete above": lambda r, b: complete(r, b, approved(30_000), POLICY),
    "confirm": lambda r, b: confirm(r, b, POLICY),
    "reject": lambda r, b: reject(r, b, "no"),
}
MOVES = st.lists(
    st.tuples(st.sampled_from([*ACTIONS]), st.sampled_from("abc"), st.integers(0, 40)), max_size=25
)


def played(moves: Sequence[tuple[str, str, int]], kind: ReferKind) -> list[tuple[Review, str, By]]:
    """The reviews after each move that was taken, with the move and who took it."""
    at, subject = NOON, review(kind)
    taken = [(subject, "", By("", "", NOON))]
    for name, who, minutes in moves:
        at += timedelta(minutes=minutes)
        try:
            step = ACTIONS[name](subject, By(who, "", at))
        except ServiceError:
            continue
        if step is not None:
            assert step.event.position == subject.events + 1 == step.review.events
            subject = step.review
            taken.append((subject, name, By(who, "", at)))
    return taken


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_only_who_has_the_claim_works_on_a_review(
    moves: list[tuple[str, str, int]], kind: ReferKind
) -> None:
    """Nobody claims another's unended claim, or completes, releases and asks without one."""
    told = played(moves, kind)
    for (before, _, _), (_, name, who) in pairwise(told):
        holds = before.state_at(who.at) is ReviewState.CLAIMED
        if name in {"claim", "hold", "skip"}:
            assert not holds or before.claimed_by == who.who
        if name in {"release", "hand over", "request data", "complete", "complete above"}:
            assert holds
            assert before.claimed_by == who.who


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_a_review_ends_once(moves: list[tuple[str, str, int]], kind: ReferKind) -> None:
    """After its end notes alone are added, and neither result nor end changes."""
    told = played(moves, kind)
    ended = next((place for place, (one, _, _) in enumerate(told) if one.ended), None)
    if ended is not None:
        first = told[ended][0]
        for one, name, _ in told[ended + 1 :]:
            assert name == "note"
            assert (one.state, one.result, one.ended) == (first.state, first.result, first.ended)


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_above_one_persons_authority_two_have_decided(
    moves: list[tuple[str, str, int]], kind: ReferKind
) -> None:
    """A completed review above it was confirmed by another person than the one who proposed it."""
    last, _, _ = played(moves, kind)[-1]
    if last.state is ReviewState.COMPLETED and last.result and last.result.amount:
        above = last.result.amount.major > 20_000 or kind is ReferKind.LEGAL
        assert bool(last.confirmed_by) == above
        assert last.confirmed_by != last.completed_by


@pytest.mark.parametrize(
    "name", ["claim", "skip", "release", "hand over", "note", "request data", "again"]
)
def test_a_review_of_very_many_steps_takes_those_to_its_end_alone(name: str) -> None:
    """Nothing that may be repeated without end is added, and it is completed all the same."""
    claimed = steps.claim(review(), by("ana")).review
    nearly = replace(claimed, events=steps.MOST_STEPS - 1)
    taken = ACTIONS[name](nearly, by("ana", 2))
    assert taken is not None
    full = replace(claimed, events=taken.review.events)
    with pytest.raises(ReviewRefused, match="has 200 steps"):
        ACTIONS[name](full, by("ana", 2))
    again = steps.claim(full, by("ben", 60)).review
    assert complete(again, by("ben", 61), approved(), POLICY).review.ended


def test_data_that_arrives_without_end_is_noted_for_a_while() -> None:
    """A person who has claimed a review of very many steps reads no further arrivals."""
    claimed = steps.claim(review(ReferKind.DATA), by("ana")).review
    full = replace(claimed, events=steps.MOST_STEPS)
    assert steps.data_arrived(full, by("", 2), [Kind.CONTRIBUTIONS]) is None


def test_a_claim_that_has_ended_is_nobodys() -> None:
    """Its holder must claim again, and another may by then."""
    claimed = steps.claim(review(), by("ana")).review
    with pytest.raises(ReviewRefused, match="claimed by ana until 2026-11-24T12:31:00Z"):
        steps.claim(claimed, by("ben", 30))
    with pytest.raises(ReviewRefused, match=r"your claim of .* ended at .*: claim it again"):
        complete(claimed, by("ana", 31), approved(), POLICY)
    assert steps.claim(claimed, by("ben", 31)).review.claimed_by == "ben"


def test_a_referral_for_data_is_decided_again_by_itself() -> None:
    """Unless somebody has claimed it, who is told; another kind waits for a person."""
    arrived = steps.data_arrived(review(ReferKind.DATA), by(""), [Kind.CONTRIBUTIONS])
    assert arrived is not None
    assert arrived.review.state is ReviewState.DECIDING_AGAIN
    claimed = steps.claim(review(ReferKind.DATA), by("ana")).review
    told = steps.data_arrived(claimed, by("", 2), [Kind.CONTRIBUTIONS])
    assert told is not None
    assert (told.review.state, told.event.action) == ("CLAIMED", ReviewAction.DATA_ARRIVED)
    assert steps.data_arrived(review(ReferKind.SCORE), by(""), ()) is None


def test_all_the_data_that_was_asked_for_has_to_arrive() -> None:
    """What arrives first is noted, and the last kind has the application decided again."""
    claimed = steps.claim(review(), by("ana")).review
    wanted = [Kind.CONTRIBUTIONS, Kind.LIABILITIES]
    waiting = steps.request_data(claimed, by("ana", 2), wanted, "SSS, please").review
    first = steps.data_arrived(waiting, by("", 3), [Kind.CONTRIBUTIONS])
    assert first is not None
    assert (first.review.state, first.review.kinds) == ("AWAITING_DATA", (Kind.LIABILITIES,))
    assert steps.data_arrived(first.review, by("", 4), [Kind.CONTRIBUTIONS]) is None
    second = steps.data_arrived(first.review, by("", 4), [Kind.LIABILITIES])
    assert second is not None
    assert second.review.state is ReviewState.DECIDING_AGAIN


def test_data_that_never_becomes_whole_leaves_a_review_to_persons() -> None:
    """Who waited for it is open again, a claim stays; other reviews are not told, nobody twice."""
    some, why = [Kind.CONTRIBUTIONS], "it could not be read"
    opened = steps.data_never_whole(review(ReferKind.DATA), OPENED, by(""), some, why)
    assert opened is not None
    assert (opened.review.state, opened.event.text) == ("OPEN", why)
    assert opened.event.action is ReviewAction.NOT_DECIDED_AGAIN
    assert steps.data_never_whole(opened.review, opened.event, by(""), some, why) is None
    claimed = steps.claim(review(ReferKind.DATA), by("ana"))
    told = steps.data_never_whole(claimed.review, claimed.event, by("", 2), some, why)
    assert told is not None
    assert (told.review.state, told.review.claimed_by) == ("CLAIMED", "ana")
    mine = steps.claim(review(), by("ana")).review
    waiting = steps.request_data(mine, by("ana", 2), [*some, Kind.LIABILITIES], "SSS, please")
    back = steps.data_never_whole(waiting.review, waiting.event, by("", 3), some, why)
    assert back is not None
    assert (back.review.state, back.review.kinds) == ("OPEN", ())
    assert not steps.data_never_whole(waiting.review, waiting.event, by(""), [Kind.LINKS], why)
    assert steps.data_never_whole(review(ReferKind.SCORE), OPENED, by(""), (), why) is None


def test_an_approval_is_not_decided_again() -> None:
    """Its loan may be paid out already."""
    contested = steps.contested(review(), by("los"), "too little", POLICY).review
    approval = replace(contested, outcome=Outcome.APPROVE)
    with pytest.raises(ReviewRefused, match="is an approval"):
        steps.decide_again(approval, by("ana"))


def test_a_request_id_stands_for_one_step() -> None:
    """Repeated it is known; with other words, by somebody else or for another step refused."""
    noted = steps.note(review(), by("ana", 1, "r-1"), "seen").event
    actions = {ReviewAction.NOTED}
    assert is_repeated([noted], by("ana", 9, "r-1"), actions, text="seen")
    assert not is_repeated([noted], by("ana", 9, "r-2"), actions, text="seen")
    for who, other, text in (
        ("ana", actions, "another"),
        ("ben", actions, "seen"),
        ("ana", {ReviewAction.COMPLETED}, "seen"),
    ):
        with pytest.raises(RequestIdReused):
            is_repeated([noted], by(who, 9, "r-1"), other, text=text)


def test_a_contest_brings_a_review_forward() -> None:
    """It is due no later than its product promises to contests."""
    late = replace(review(), due=NOON + timedelta(days=30))
    contested = steps.contested(late, by("los", 0), "my payslips say more", POLICY)
    assert contested.review.due == NOON + POLICY.contest_sla
    assert isinstance(contested.event, ReviewEvent)
    soon = steps.contested(review(), by("los", 0), "again", POLICY).review
    assert soon.due == review().due
