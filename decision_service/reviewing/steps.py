"""The steps of a review: who may take which in what state, and what comes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import RequestIdReused, ReviewRefused
from decision_service.domain.kinds import Kind
from decision_service.domain.verdict import NO_TERMS, Outcome, ReferKind
from decision_service.reviewing.model import (
    Review,
    ReviewAction,
    ReviewEnd,
    ReviewEvent,
    ReviewState,
)
from decision_service.reviewing.policy import ReviewPolicy

MOST_STEPS = 200
"""From so many steps on a review takes only those that lead to its end."""

MOST_CONTESTS = 10
"""How often one decision may be contested."""


class By(msgspec.Struct, frozen=True):
    """Who takes a step, under which request id, and when; the service itself has no name."""

    who: str
    request_id: str
    at: datetime


class ReviewStep(msgspec.Struct, frozen=True):
    """A review after a step, and the event that records it."""

    review: Review
    event: ReviewEvent


def is_repeated(
    events: Sequence[ReviewEvent], by: By, actions: Collection[ReviewAction], **said: object
) -> bool:
    """Whether one of these actions was recorded under the request id, saying the same.

    Raises RequestIdReused where the id belongs to another step.
    """
    same = next((one for one in events if one.request_id == by.request_id), None)
    if same is None or not by.request_id:
        return False
    equal = all(getattr(same, name) == value for name, value in said.items())
    if same.who != by.who or same.action not in actions or not equal:
        raise RequestIdReused(
            "this request_id was already used for another step of the review: use a new one"
        )
    return True


def claim(review: Review, by: By, seconds: timedelta) -> ReviewStep:
    """Have a review for a while; the same person may prolong it."""
    _require(review, by.at, {ReviewState.OPEN, ReviewState.CLAIMED}, "claimed")
    if review.state_at(by.at) is ReviewState.CLAIMED:
        if review.claimed_by != by.who:
            raise _claimed_by_another(review)
        _require_room(review)
    until = by.at + seconds
    claimed = replace(review, state=ReviewState.CLAIMED, claimed_by=by.who, claimed_until=until)
    return _step(claimed, by, ReviewAction.CLAIMED, until=until)


def release(review: Review, by: By) -> ReviewStep:
    """Give a claimed review back to its queue."""
    require_claim(review, by)
    _require_room(review)
    return _step(_unclaimed(review, ReviewState.OPEN), by, ReviewAction.RELEASED)


def note(review: Review, by: By, text: str) -> ReviewStep:
    """Add words of a reviewer; at any time, also after the end."""
    _require_room(review)
    return _step(review, by, ReviewAction.NOTED, text=text)


def request_data(review: Review, by: By, kinds: Collection[Kind], text: str) -> ReviewStep:
    """Put a claimed review aside until data of these kinds has arrived."""
    require_claim(review, by)
    refuse_approved(review)
    _require_room(review)
    wanted = tuple(sorted({*kinds}))
    waiting = replace(_unclaimed(review, ReviewState.AWAITING_DATA), kinds=wanted)
    return _step(waiting, by, ReviewAction.DATA_REQUESTED, kinds=wanted, text=text)


def data_arrived(review: Review, by: By, kinds: Collection[Kind]) -> ReviewStep | None:
    """What arrived data changes; without `kinds` all that is awaited has arrived.

    A referral for data that nobody has claimed waits for any. None where nothing changes.
    """
    if not _waits_for(review, by, kinds):
        return None
    state = review.state_at(by.at)
    if state is ReviewState.AWAITING_DATA:
        waiting = replace(review, kinds=_lacking(review, kinds))
        return _arrived(waiting if waiting.kinds else _deciding(waiting), by, kinds)
    if state is not ReviewState.CLAIMED:
        return _arrived(_deciding(review), by, kinds)
    return _arrived(review, by, kinds) if review.events < MOST_STEPS else None


def data_never_whole(
    review: Review, last: ReviewEvent, by: By, kinds: Collection[Kind], why: str
) -> ReviewStep | None:
    """Leave a review to persons whose data arrived and never became whole.

    `last` is the review's last event. None where the review waits for other data, or for none, and
    where the same was said last.
    """
    if not _waits_for(review, by, kinds):
        return None
    if (last.action, last.text) == (ReviewAction.NOT_DECIDED_AGAIN, why):
        return None
    if review.state is ReviewState.AWAITING_DATA:
        review = replace(review, state=ReviewState.OPEN, kinds=())
    return _step(review, by, ReviewAction.NOT_DECIDED_AGAIN, text=why)


def decide_again(review: Review, by: By) -> ReviewStep:
    """Have a review's application decided again by the rules."""
    if review.state_at(by.at) is ReviewState.CLAIMED:
        require_claim(review, by)
    waiting = {ReviewState.OPEN, ReviewState.CLAIMED, ReviewState.AWAITING_DATA}
    _require(review, by.at, waiting, "decided again")
    refuse_approved(review)
    _require_room(review)
    return _step(_deciding(review), by, ReviewAction.DECIDING_AGAIN)


def decided_again(review: Review, by: By, decision_id: str) -> ReviewStep:
    """End a review whose application has a new decision."""
    _require(review, by.at, {ReviewState.DECIDING_AGAIN}, "ended by another decision")
    ended = replace(
        review,
        state=ReviewState.ENDED,
        ended=by.at,
        end=ReviewEnd.DECIDED_AGAIN,
        decided_again_as=decision_id,
    )
    return _step(ended, by, ReviewAction.DECIDED_AGAIN, decision_id=decision_id)


def not_decided_again(review: Review, by: By, why: str) -> ReviewStep:
    """Give a review back to its queue whose application cannot be decided again."""
    _require(review, by.at, {ReviewState.DECIDING_AGAIN}, "given back")
    reopened = _unclaimed(review, ReviewState.OPEN)
    return _step(reopened, by, ReviewAction.NOT_DECIDED_AGAIN, text=why)


def refuse_contest(decision_id: str, events: Iterable[ReviewEvent]) -> None:
    """Raises ReviewRefused where the events of a decision's reviews are contests enough."""
    contests = sum(event.action is ReviewAction.CONTESTED for event in events)
    if contests >= MOST_CONTESTS:
        raise ReviewRefused(
            f"{decision_id} was contested {contests} times, which is the most: have a reviewer add "
            "what the applicant says as a note",
            decision_id=decision_id,
        )


def contested(review: Review, by: By, text: str, policy: ReviewPolicy) -> ReviewStep:
    """Note in an unfinished review that its applicant contests; it is due no later than that."""
    due = min(review.due, by.at + policy.contest_sla)
    return _step(replace(review, due=due), by, ReviewAction.CONTESTED, text=text)


def erased(review: Review, by: By) -> ReviewStep:
    """End a review whose applicant's data was erased."""
    ended = replace(
        _unclaimed(review, ReviewState.ENDED),
        ended=by.at,
        end=ReviewEnd.ERASED,
        result=None,
        terms=NO_TERMS,
    )
    return _step(ended, by, ReviewAction.ERASED)


def require_claim(review: Review, by: By) -> None:
    """Raises ReviewRefused unless the caller has the review and its claim has not ended."""
    _require(review, by.at, {ReviewState.OPEN, ReviewState.CLAIMED}, "worked on")
    if review.state is not ReviewState.CLAIMED:
        raise ReviewRefused(
            f"{review.review_id} is claimed by nobody: claim it first", review_id=review.review_id
        )
    if review.claimed_by != by.who:
        raise _claimed_by_another(review)
    if review.state_at(by.at) is not ReviewState.CLAIMED:
        raise ReviewRefused(
            f"your claim of {review.review_id} ended at {review.claimed_until:%Y-%m-%dT%H:%M:%SZ}: "
            "claim it again",
            review_id=review.review_id,
            claimed_until=f"{review.claimed_until:%Y-%m-%dT%H:%M:%SZ}",
        )


def refuse_approved(review: Review) -> None:
    """Raises ReviewRefused for an approval: its loan may be paid out already."""
    if review.outcome is Outcome.APPROVE:
        raise ReviewRefused(
            f"{review.decision_id} is an approval, which is not decided again: complete the review",
            review_id=review.review_id,
        )


def _waits_for(review: Review, by: By, kinds: Collection[Kind]) -> bool:
    """Whether arrived data of these kinds, or of any without them, concerns a review."""
    state = review.state_at(by.at)
    if state is ReviewState.AWAITING_DATA:
        return _lacking(review, kinds) != review.kinds
    waiting = {ReviewState.OPEN, ReviewState.CLAIMED}
    return review.kind is ReferKind.DATA and state in waiting


def _lacking(review: Review, kinds: Collection[Kind]) -> tuple[Kind, ...]:
    """The awaited kinds that are not among these."""
    return tuple(kind for kind in review.kinds if kinds and kind not in kinds)


def _claimed_by_another(review: Review) -> ReviewRefused:
    return ReviewRefused(
        f"{review.review_id} is claimed by {review.claimed_by} until "
        f"{review.claimed_until:%Y-%m-%dT%H:%M:%SZ}: take another one, or wait",
        review_id=review.review_id,
        claimed_by=review.claimed_by,
    )


def _require(review: Review, now: datetime, states: Collection[ReviewState], done: str) -> None:
    state = review.state_at(now)
    if state not in states:
        raise ReviewRefused(
            f"{review.review_id} is {state}, so it cannot be {done}: read it again",
            review_id=review.review_id,
            state=state,
        )


def _require_room(review: Review) -> None:
    if review.events >= MOST_STEPS:
        raise ReviewRefused(
            f"{review.review_id} has {review.events} steps, and from {MOST_STEPS} on takes only "
            "those that lead to its end: complete it",
            review_id=review.review_id,
        )


def _unclaimed(review: Review, state: ReviewState) -> Review:
    return replace(review, state=state, claimed_by="", claimed_until=None)


def _deciding(review: Review) -> Review:
    deciding = _unclaimed(review, ReviewState.DECIDING_AGAIN)
    return replace(deciding, kinds=(), attempt=review.attempt + 1)


def _arrived(review: Review, by: By, kinds: Collection[Kind]) -> ReviewStep:
    return _step(review, by, ReviewAction.DATA_ARRIVED, kinds=tuple(sorted({*kinds})))


def _step(review: Review, by: By, action: ReviewAction, **said: Any) -> ReviewStep:
    position = review.events + 1
    event = ReviewEvent(position, by.at, by.who, action, by.request_id, **said)
    return ReviewStep(replace(review, events=position), event)
