"""The steps of a review: who may take which, what comes of it, and the log that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.actors import ANONYMOUS, Actor, TokenSubject
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome, ReferKind
from decision_service.domain.errors import (
    AuthorityExceeded,
    FieldInvalid,
    PermissionDenied,
    RequestIdReused,
    ReviewRefused,
)
from decision_service.domain.reviews import (
    CLAIM_FOR,
    CONTEST_QUEUE,
    HOLD_FOR,
    Authority,
    Review,
    ReviewAction,
    ReviewEnd,
    ReviewEvent,
    ReviewPolicy,
    ReviewReason,
    ReviewResult,
    ReviewState,
    SecondReason,
    event_without_words,
)

MOST_STEPS = 200
"""From so many steps on a review takes only those that lead to its end."""

MOST_CONTESTS = 10
"""How often one decision may be contested."""

_HOUR = timedelta(hours=1)


class By(msgspec.Struct, frozen=True):
    """Who takes a step, under which request id, and when; the service itself has no name.

    `person` is who of the caller, where an ID token says so.
    """

    who: str
    request_id: str
    at: datetime
    person: TokenSubject | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.who, self.person)


class ReviewStep(msgspec.Struct, frozen=True):
    review: Review
    event: ReviewEvent


def is_repeated(
    events: Sequence[ReviewEvent], by: By, actions: Collection[ReviewAction], **said: object
) -> bool:
    """Raises RequestIdReused where the id belongs to another step."""
    same = next((one for one in events if one.request_id == by.request_id), None)
    if same is None or not by.request_id:
        return False
    wanted = replace(same, **said)
    # Of words that an erasure took no one can say any more whether they were the same.
    equal = same in (wanted, event_without_words(wanted))
    if same.who != by.who or same.action not in actions or not equal:
        raise RequestIdReused(
            "this request_id was already used for another step of the review: use a new one",
            field="request_id",
        )
    return True


def claim(review: Review, by: By, hold_until: datetime | None = None) -> ReviewStep:
    """Raises FieldInvalid where `hold_until` is past, or too far off."""
    until = hold_until or by.at + CLAIM_FOR
    if not by.at < until <= by.at + HOLD_FOR:
        raise FieldInvalid.of(
            "hold_until_time",
            f"is {until:%Y-%m-%dT%H:%M:%SZ}: say an instant within {HOLD_FOR // _HOUR} hours "
            f"after {by.at:%Y-%m-%dT%H:%M:%SZ}",
        )
    _require(review, by.at, {ReviewState.OPEN, ReviewState.CLAIMED}, done="claimed")
    if review.state_at(by.at) is ReviewState.CLAIMED:
        if review.claimed_by != by.who:
            raise _claimed_by_another(review)
        # To claim leads to an end, however many steps there were; to prolong a claim does not.
        _require_room(review)
    return _step(_claimed(review, by.who, until, by=by), by, ReviewAction.CLAIMED, until=until)


def release(review: Review, by: By, hand_to: str = "") -> ReviewStep:
    """Give it back to its queue, or over to another caller, who has it claimed.

    Raises FieldInvalid where that caller has it, or could not end it.
    """
    require_claim(review, by)
    _require_room(review)
    if not hand_to:
        return _step(_unclaimed(review, ReviewState.OPEN), by, ReviewAction.RELEASED)
    if hand_to == by.who:
        raise FieldInvalid.of("hand_to", f"is {hand_to}, who has the review: name another caller")
    # where persons are known, another one of the caller that sent it may take it
    if review.sender is None and is_barred(review, Actor(hand_to)):
        what = f"is {hand_to}, who sent the application and may not end its review"
        raise FieldInvalid.of("hand_to", f"{what}: name another caller")
    until = by.at + CLAIM_FOR
    handed = _claimed(review, hand_to, until, by=by)
    return _step(handed, by, ReviewAction.HANDED_OVER, text=hand_to, until=until)


def move(review: Review, by: By, queue: str, policy: ReviewPolicy) -> ReviewStep:
    """Give it to another queue of the desk; raises FieldInvalid where there is none of this name.

    Where applicants contest is no queue that others are given to: they have their own time.
    """
    require_claim(review, by)
    _require_room(review)
    found = {one.name: one for one in policy.every_queue if one.name != CONTEST_QUEUE}
    if queue == review.queue or queue not in found:
        others = ", ".join(name for name in found if name != review.queue)
        already = ", where the review is already" if queue == review.queue else ""
        what = f"is {queue}{already}: the desk of {review.product} has {others}"
        raise FieldInvalid.of("queue", what)
    # Nobody gains time by passing a case on, and a queue for urgent ones makes it urgent.
    due = min(review.due, by.at + found[queue].sla)
    moved = replace(_unclaimed(review, ReviewState.OPEN), queue=queue, due=due)
    return _step(moved, by, ReviewAction.MOVED, text=queue)


def take_over(review: Review, by: By, why: str) -> ReviewStep:
    """Claim what a colleague holds, or has not ended in time; the log says who did and why.

    Raises ReviewRefused, PermissionDenied for who sent the application.
    """
    refuse_sender(review, by, "review_second")
    _require(review, by.at, {ReviewState.CLAIMED}, done="taken over")
    if review.claimed_by == by.who:
        raise ReviewRefused(
            f"{review.review_id} is claimed by you already", review_id=review.review_id
        )
    # A claim of half an hour ends by itself: whoever is at work is not disturbed.
    if not (review.held or review.is_overdue(by.at)):
        raise _claimed_by_another(review)
    until = by.at + CLAIM_FOR
    taken = _claimed(review, by.who, until, by=by)
    return _step(taken, by, ReviewAction.TAKEN_OVER, text=why, until=until)


def skip(review: Review, by: By, text: str) -> ReviewStep | None:
    """Leave it to others; None where that was said before and the caller has no claim of it."""
    state = review.state_at(by.at)
    if state is ReviewState.CLAIMED:
        require_claim(review, by)
    _require(review, by.at, {ReviewState.OPEN, ReviewState.CLAIMED}, done="skipped")
    if state is ReviewState.OPEN and by.who in review.skipped_by:
        return None
    _require_room(review)
    skipped = tuple(sorted({*review.skipped_by, by.who}))
    left = replace(_unclaimed(review, ReviewState.OPEN), skipped_by=skipped)
    return _step(left, by, ReviewAction.SKIPPED, text=text)


def note(review: Review, by: By, text: str) -> ReviewStep:
    _require_room(review)
    return _step(review, by, ReviewAction.NOTED, text=text)


def is_held(review: Review, by: By) -> bool:
    """Whether the caller has the review claimed, and the claim has not ended."""
    return review.state_at(by.at) is ReviewState.CLAIMED and review.claimed_by == by.who


def see_person(review: Review, by: By, why: str) -> ReviewStep:
    """Note that a caller who does not have it reads who applied."""
    _require_room(review)
    return _step(review, by, ReviewAction.PERSON_SEEN, text=why)


def has_seen(events: Iterable[ReviewEvent], by: By, why: str) -> bool:
    """Whether the caller read who applied for the same reason within the time of a claim.

    Who goes through the months of an income looks once.
    """
    since = by.at - CLAIM_FOR
    seen = [one for one in events if one.action is ReviewAction.PERSON_SEEN and one.at > since]
    return any((one.who, one.text) == (by.who, why) for one in seen)


def request_data(review: Review, by: By, kinds: Collection[Kind], text: str) -> ReviewStep:
    require_claim(review, by)
    refuse_approved(review)
    _require_room(review)
    wanted = tuple(sorted({*kinds}))
    waiting = replace(_unclaimed(review, ReviewState.AWAITING_DATA), kinds=wanted)
    return _step(waiting, by, ReviewAction.DATA_REQUESTED, kinds=wanted, text=text)


def data_arrived(review: Review, by: By, kinds: Collection[Kind]) -> ReviewStep | None:
    """Without `kinds` all has arrived; an unclaimed referral for data waits for any."""
    if not _waits_for(review, by, kinds):
        return None
    state = review.state_at(by.at)
    if state is ReviewState.AWAITING_DATA:
        waiting = replace(review, kinds=_lacking(review, kinds))
        return _arrived(waiting if waiting.kinds else _deciding(waiting), by, kinds)
    if state is not ReviewState.CLAIMED:
        return _arrived(_deciding(review), by, kinds)
    # Left to the person who has it, who sees that the data is there.
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
    # An event that is handled again would say the same twice.
    if (last.action, last.text) == (ReviewAction.NOT_DECIDED_AGAIN, why):
        return None
    if review.state is ReviewState.AWAITING_DATA:
        review = replace(review, state=ReviewState.OPEN, kinds=())
    return _step(review, by, ReviewAction.NOT_DECIDED_AGAIN, text=why)


def decide_again(review: Review, by: By) -> ReviewStep:
    if review.state_at(by.at) is ReviewState.CLAIMED:
        require_claim(review, by)
    waiting = {ReviewState.OPEN, ReviewState.CLAIMED, ReviewState.AWAITING_DATA}
    _require(review, by.at, waiting, done="decided again")
    refuse_approved(review)
    _require_room(review)
    return _step(_deciding(review), by, ReviewAction.DECIDING_AGAIN)


def decided_again(review: Review, by: By, decision_id: str) -> ReviewStep:
    _require(review, by.at, {ReviewState.DECIDING_AGAIN}, done="ended by another decision")
    ended = replace(
        review,
        state=ReviewState.ENDED,
        ended=by.at,
        end=ReviewEnd.DECIDED_AGAIN,
        decided_again_as=decision_id,
    )
    return _step(ended, by, ReviewAction.DECIDED_AGAIN, decision_id=decision_id)


def not_decided_again(review: Review, by: By, why: str) -> ReviewStep:
    _require(review, by.at, {ReviewState.DECIDING_AGAIN}, done="given back")
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
    return _step(
        replace(review, due=due), by, ReviewAction.CONTESTED, text=text, desk=policy.digest
    )


def erased(review: Review, by: By) -> ReviewStep:
    left = _without_result(_unclaimed(review, ReviewState.ENDED))
    return _step(replace(left, ended=by.at, end=ReviewEnd.ERASED), by, ReviewAction.ERASED)


def require_claim(review: Review, by: By) -> None:
    """Raises ReviewRefused unless the caller has the review and its claim has not ended."""
    _require(review, by.at, {ReviewState.OPEN, ReviewState.CLAIMED}, done="worked on")
    if review.state is not ReviewState.CLAIMED:
        raise ReviewRefused(
            f"{review.review_id} is not claimed: claim it first", review_id=review.review_id
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


def is_barred(review: Review, actor: Actor) -> bool:
    """Whether whoever sent the application of a review would end it.

    Who has it decided again, or asks for data, sends nothing: the chain is the first sender's.
    Without a callers file nothing tells callers apart, and none is barred.
    """
    return actor.caller != ANONYMOUS and actor.may_be(review.sent_by)


def refuse_sender(review: Review, by: By, role: str) -> None:
    """Raises PermissionDenied where the caller sent the application; `role` is that of the step."""
    if not is_barred(review, by.actor):
        return
    known = by.actor.is_comparable(review.sent_by)
    sender = "you" if known else by.who
    other = "person" if known else "caller"
    raise PermissionDenied(
        f"{sender} sent the application of {review.review_id}: another {other} with the role "
        f"{role} has to end its review",
        review_id=review.review_id,
    )


def refuse_approved(review: Review) -> None:
    """Raises ReviewRefused for an approval: its loan may be paid out already."""
    if review.outcome is Outcome.APPROVE:
        raise ReviewRefused(
            f"{review.decision_id} is an approval, which is not decided again: complete the review",
            review_id=review.review_id,
        )


def _waits_for(review: Review, by: By, kinds: Collection[Kind]) -> bool:
    state = review.state_at(by.at)
    if state is ReviewState.AWAITING_DATA:
        return _lacking(review, kinds) != review.kinds
    waiting = {ReviewState.OPEN, ReviewState.CLAIMED}
    return review.kind is ReferKind.DATA and state in waiting


def _lacking(review: Review, kinds: Collection[Kind]) -> tuple[Kind, ...]:
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


def _claimed(review: Review, who: str, until: datetime, by: By) -> Review:
    claimed = replace(review, state=ReviewState.CLAIMED, claimed_by=who, claimed_until=until)
    return replace(claimed, held=until > by.at + CLAIM_FOR)


def _unclaimed(review: Review, state: ReviewState) -> Review:
    return replace(review, state=state, claimed_by="", claimed_until=None, held=False)


def _deciding(review: Review) -> Review:
    deciding = _unclaimed(review, ReviewState.DECIDING_AGAIN)
    return replace(deciding, kinds=(), attempt=review.attempt + 1)


def _arrived(review: Review, by: By, kinds: Collection[Kind]) -> ReviewStep:
    return _step(review, by, ReviewAction.DATA_ARRIVED, kinds=tuple(sorted({*kinds})))


def _step(review: Review, by: By, action: ReviewAction, **said: Any) -> ReviewStep:
    position = review.events + 1
    event = ReviewEvent(position, by.at, by.who, action=action, request_id=by.request_id, **said)
    return ReviewStep(replace(review, events=position), event)


def complete(
    review: Review,
    by: By,
    result: ReviewResult,
    policy: ReviewPolicy,
    terms: ApprovalTerms = NO_TERMS,
    *,
    dry_run: bool = False,
) -> ReviewStep:
    """Raises ReviewRefused, FieldInvalid for a result that cannot be, AuthorityExceeded.

    Raises PermissionDenied for who sent the application. A dry run may be without a reason.
    """
    refuse_sender(review, by, "review")
    require_claim(review, by)
    authority = _authority(review, policy)
    # Kept with the review, since the plan may have other reasons by the time of a letter (0180).
    reason = None if dry_run and not result.reason else _reason_of(review, result, policy)
    _require_possible(review, result, policy, terms=terms)
    reasons = second_reasons(review, result, terms, authority=authority)
    if by.who in review.withdrawn_of:
        reasons += (SecondReason.WITHDRAWN_BEFORE,)
    unclaimed = replace(
        _unclaimed(review, review.state),
        result=result,
        completed_by=by.who,
        reason_withheld=reason is not None and not reason.is_told,
        overtaken=reason is not None and reason.overtaken,
        terms=terms,
        second_reasons=reasons,
    )
    if reasons:
        proposed = replace(unclaimed, state=ReviewState.AWAITING_SECOND)
        return _step(proposed, by, ReviewAction.PROPOSED, result=result)
    completed = _with_effect(unclaimed, by, policy)
    return _step(completed, by, ReviewAction.COMPLETED, result=result)


def _with_effect(review: Review, by: By, policy: ReviewPolicy) -> Review:
    within = policy.withdraw_within
    if not within:
        return replace(review, state=ReviewState.COMPLETED, ended=by.at, counted=by.at)
    return replace(review, state=ReviewState.AWAITING_RELEASE, counted=by.at, final=by.at + within)


def confirm(
    review: Review, by: By, policy: ReviewPolicy, seen: str = "", words: str = ""
) -> ReviewStep:
    """`seen` is the etag of what the second person saw; empty for whatever is proposed.

    `words` are the second person's own.
    """
    result = _proposed(review, by, seen)
    # By the desk of today, which may allow less than that of the proposal.
    _require_within(result, _authority(review, policy))
    completed = _with_effect(replace(review, confirmed_by=by.who), by, policy)
    return _step(completed, by, ReviewAction.CONFIRMED, result=result, text=words)


def withdraw(review: Review, by: By, why: str, *, is_second: bool) -> ReviewStep:
    """Take back a result that is not final yet, or a proposal; who does so has the review claimed.

    `is_second` says that the person has the role review_second. Raises ReviewRefused, and
    PermissionDenied where another person without that role gave the result.
    """
    refuse_sender(review, by, "review")
    if review.state not in {ReviewState.AWAITING_SECOND, ReviewState.AWAITING_RELEASE}:
        raise _not_withdrawn(review, f"is {review.state_at(by.at)}")
    # Due, though no process has released it yet: its letter may be asked for at any moment.
    if review.final is not None and review.final <= by.at:
        raise _not_withdrawn(review, f"is final since {review.final:%Y-%m-%dT%H:%M:%SZ}")
    if not is_second and by.who not in {review.completed_by, review.confirmed_by}:
        raise PermissionDenied(
            f"{review.completed_by} gave the result of {review.review_id}: that person, or one "
            "with the role review_second, withdraws it",
            review_id=review.review_id,
        )
    whose = {review.completed_by, review.confirmed_by} - {""}
    withdrawn_of = tuple(sorted({*review.withdrawn_of, *whose}))
    until = by.at + CLAIM_FOR
    left = replace(_without_result(review), withdrawn_of=withdrawn_of)
    back = _claimed(left, by.who, until, by=by)
    return _step(back, by, ReviewAction.WITHDRAWN, text=why, until=until)


def _not_withdrawn(review: Review, why: str) -> ReviewRefused:
    return ReviewRefused(
        f"{review.review_id} {why}, so nothing can be withdrawn: request a review of "
        f"{review.decision_id}, and end that one",
        review_id=review.review_id,
        state=review.state,
    )


def make_final(review: Review, by: By) -> ReviewStep:
    """End a review whose time to withdraw is over; `ended` is what was fixed at its completion."""
    done = replace(review, state=ReviewState.COMPLETED, ended=review.final, before=None)
    return _step(done, by, ReviewAction.MADE_FINAL, result=review.result)


def _without_result(review: Review) -> Review:
    return replace(
        review,
        result=None,
        completed_by="",
        confirmed_by="",
        reason_withheld=False,
        overtaken=False,
        charge=None,
        terms=NO_TERMS,
        second_reasons=(),
        counted=None,
        final=None,
        before=None,
    )


def reject(review: Review, by: By, why: str, seen: str = "") -> ReviewStep:
    _proposed(review, by, seen)
    reopened = replace(_without_result(review), state=ReviewState.OPEN)
    return _step(reopened, by, ReviewAction.REJECTED, text=why)


def _proposed(review: Review, by: By, seen: str) -> ReviewResult:
    refuse_sender(review, by, "review_second")
    if review.state is not ReviewState.AWAITING_SECOND or review.result is None:
        raise ReviewRefused(
            f"{review.review_id} is {review.state_at(by.at)}, so there is nothing to confirm",
            review_id=review.review_id,
            state=review.state_at(by.at),
        )
    # No newer proposal is confirmed unseen.
    if seen and seen != review.etag:
        raise ReviewRefused(
            f"{review.review_id} has taken a step since you saw it: read it again, and confirm or "
            "reject what is proposed now",
            review_id=review.review_id,
            state=review.state_at(by.at),
        )
    if review.completed_by == by.who:
        raise PermissionDenied(
            f"{by.who} proposed the end of {review.review_id}: another person with the role "
            "review_second has to confirm it",
            review_id=review.review_id,
        )
    return review.result


def _authority(review: Review, policy: ReviewPolicy) -> Authority:
    # A default would be a lender's decision made by a program (0177).
    if policy.authority is None:
        raise ReviewRefused(
            f"nothing says who may complete a review of {review.product}: add a desk.yaml to its "
            "folder of rules",
            review_id=review.review_id,
        )
    return policy.authority


def _reason_of(review: Review, result: ReviewResult, policy: ReviewPolicy) -> ReviewReason:
    known = {one.code: one for one in policy.reasons if one.outcome in {None, result.outcome}}
    if result.reason not in known:
        what = f"is {result.reason}: for {result.outcome} the desk of {review.product} has "
        raise FieldInvalid.of("reason", what + ", ".join(known))
    found = known[result.reason]
    if found.overtaken and review.outcome is not Outcome.REFER:
        what = f"is {result.reason}, which is for referrals: {review.decision_id} is contested"
        raise FieldInvalid.of("reason", f"{what}, so answer what the applicant says")
    return found


def _require_possible(
    review: Review, result: ReviewResult, policy: ReviewPolicy, terms: ApprovalTerms
) -> None:
    amount = result.amount
    requested = review.requested
    if result.outcome is not Outcome.APPROVE:
        if amount is not None:
            raise FieldInvalid.of("approved_amount", "is set: a decline has none")
        return
    if amount is None or amount.minor <= 0:
        raise FieldInvalid.of("approved_amount", "is missing: an approval has one above 0")
    if requested is None:
        raise ReviewRefused(
            f"{review.decision_id} has no requested amount that an approval could be bound by: "
            "decline it, or have it decided again",
            review_id=review.review_id,
        )
    if amount.currency != requested.currency:
        what = f"is in {amount.currency}: the decision is in {requested.currency}"
        raise FieldInvalid.of("approved_amount", what)
    if amount.minor > requested.minor:
        what = f"is {amount.major}: {requested.major} was requested"
        raise FieldInvalid.of("approved_amount", what)
    # of the version that decided, as term and price: what was offered by it was within its bounds
    least = terms.minimum
    if least is not None and amount.minor < least.minor:
        what = f"is {amount.major}, and the rules grant {least.major} at least: approve that, or "
        raise FieldInvalid.of("approved_amount", f"{what}more, or decline")
    if policy.authority is not None:
        _require_within(result, policy.authority)


def _require_within(result: ReviewResult, authority: Authority) -> None:
    if result.amount is not None and result.amount.major > authority.review_second:
        limit = f"{result.amount.currency} {authority.review_second:f}"
        raise AuthorityExceeded(
            f"the amount {result.amount.currency} {result.amount.major:f} is above the "
            f"authority of two persons, which is {limit}",
            limit=limit,
        )


def second_reasons(
    review: Review, result: ReviewResult, terms: ApprovalTerms, authority: Authority
) -> tuple[SecondReason, ...]:
    """Why a second person has to confirm a result; empty where one person ends it.

    The authority is for the amount that is approved, or the one that was asked for and is declined.
    An approval above what the rules offered needs a second person however small it is, and so does
    one against the law: of a referral for that, or whose amount fails a check.
    """
    approves = result.outcome is Outcome.APPROVE
    # Who declines decides on all that was asked for (0177).
    stake = result.amount if approves else review.requested
    found = []
    if stake is not None and stake.major > authority.review:
        found.append(SecondReason.ABOVE_AUTHORITY)
    if not approves:
        return tuple(found)
    offered = terms.offered
    if result.amount is not None and offered is not None and result.amount.minor > offered.minor:
        found.append(SecondReason.ABOVE_OFFER)
    if review.kind is ReferKind.LEGAL:
        found.append(SecondReason.LEGAL_REFERRAL)
    if terms.failed_checks:
        found.append(SecondReason.FAILED_CHECK)
    return tuple(found)


Move: TypeAlias = Callable[[Review, Sequence[ReviewEvent]], ReviewStep | None]
"""A pure step from a review and its events; None where it was taken already."""
