"""How a person ends a review: within the authority of one, or confirmed by a second one."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from decision_service.domain.errors import (
    AuthorityExceeded,
    FieldInvalid,
    FieldProblem,
    PermissionDenied,
    ReviewRefused,
)
from decision_service.domain.money import Money
from decision_service.domain.verdict import NO_TERMS, ApprovalTerms, Outcome, ReferKind
from decision_service.reviewing.model import (
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewResult,
    ReviewState,
)
from decision_service.reviewing.policy import Authority, ReviewPolicy, ReviewReason
from decision_service.reviewing.steps import By, ReviewStep, require_claim


def complete(
    review: Review,
    by: By,
    result: ReviewResult,
    policy: ReviewPolicy,
    terms: ApprovalTerms = NO_TERMS,
) -> ReviewStep:
    """End a claimed review, or propose its end where a second person has to confirm it.

    `terms` are those of an approval. Raises ReviewRefused, FieldInvalid for a result that cannot
    be, AuthorityExceeded.
    """
    require_claim(review, by)
    authority = _authority(review, policy)
    reason = _reason_of(review, result, policy)
    _require_possible(review, result, policy)
    unclaimed = replace(
        review,
        claimed_by="",
        claimed_until=None,
        result=result,
        completed_by=by.who,
        reason_withheld=not reason.is_told,
        terms=terms,
    )
    if _needs_second(review, result, terms, authority):
        proposed = replace(unclaimed, state=ReviewState.AWAITING_SECOND)
        return _step(proposed, by, ReviewAction.PROPOSED, result)
    completed = replace(unclaimed, state=ReviewState.COMPLETED, ended=by.at)
    return _step(completed, by, ReviewAction.COMPLETED, result)


def confirm(review: Review, by: By, policy: ReviewPolicy, seen: str = "") -> ReviewStep:
    """End a review as its first person proposed; raises PermissionDenied for the same person.

    `seen` is the etag of what the second person saw; without one whatever is proposed is confirmed.
    """
    result = _proposed(review, by, seen)
    _require_within(result, _authority(review, policy))
    completed = replace(review, state=ReviewState.COMPLETED, confirmed_by=by.who, ended=by.at)
    return _step(completed, by, ReviewAction.CONFIRMED, result)


def reject(review: Review, by: By, why: str, seen: str = "") -> ReviewStep:
    """Give a review back to its queue whose proposed end the second person does not confirm."""
    _proposed(review, by, seen)
    reopened = replace(review, state=ReviewState.OPEN, result=None, completed_by="", terms=NO_TERMS)
    return _step(reopened, by, ReviewAction.REJECTED, None, why)


def _proposed(review: Review, by: By, seen: str) -> ReviewResult:
    if review.state is not ReviewState.AWAITING_SECOND or review.result is None:
        raise ReviewRefused(
            f"{review.review_id} is {review.state_at(by.at)}, so there is nothing to confirm",
            review_id=review.review_id,
            state=review.state_at(by.at),
        )
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
    if policy.authority is None:
        raise ReviewRefused(
            f"the plan of {review.product} says nothing of authority, so no review is completed: "
            "add `review:` to its rollout.yaml",
            review_id=review.review_id,
        )
    return policy.authority


def _reason_of(review: Review, result: ReviewResult, policy: ReviewPolicy) -> ReviewReason:
    found = policy.reason_of(result.reason)
    if found is None:
        known = ", ".join(reason.code for reason in policy.reasons)
        raise _wrong("reason", f"is {result.reason}: the plan of {review.product} has {known}")
    return found


def _require_possible(review: Review, result: ReviewResult, policy: ReviewPolicy) -> None:
    amount, requested = result.amount, review.requested
    if result.outcome is not Outcome.APPROVE:
        if amount is not None:
            raise _wrong("amount", "is set: a decline has none")
        return
    if amount is None or amount.minor <= 0:
        raise _wrong("amount", "is missing: an approval has one above 0")
    if requested is None:
        raise ReviewRefused(
            f"{review.decision_id} has no requested amount that an approval could be bound by: "
            "decline it, or have it decided again",
            review_id=review.review_id,
        )
    if amount.currency != requested.currency:
        raise _wrong("amount", f"is in {amount.currency}: the decision is in {requested.currency}")
    if amount.minor > requested.minor:
        raise _wrong("amount", f"is {amount.major}: {requested.major} was requested")
    if policy.authority is not None:
        _require_within(result, policy.authority)


def _require_within(result: ReviewResult, authority: Authority) -> None:
    if result.amount is not None and result.amount.major > authority.review_second:
        limit = f"{result.amount.currency} {_plain(authority.review_second)}"
        raise AuthorityExceeded(
            f"the amount {result.amount.currency} {_plain(result.amount.major)} is above the "
            f"authority of two persons, which is {limit}",
            limit=limit,
        )


def _needs_second(
    review: Review, result: ReviewResult, terms: ApprovalTerms, authority: Authority
) -> bool:
    """Above the first person's authority, and where an offer fails a check against the law.

    That is the offer of the rules, or the amount that is approved. At stake is that amount, or the
    one that was asked for and is declined.
    """
    approves = result.outcome is Outcome.APPROVE
    stake: Money | None = result.amount if approves else review.requested
    if approves and (review.kind is ReferKind.LEGAL or terms.failed_checks):
        return True
    return stake is not None and stake.major > authority.review


def _wrong(field: str, description: str) -> FieldInvalid:
    message = f"{field} {description}"
    return FieldInvalid(message, (FieldProblem(field, message),))


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"


def _step(
    review: Review, by: By, action: ReviewAction, result: ReviewResult | None, text: str = ""
) -> ReviewStep:
    position = review.events + 1
    event = ReviewEvent(position, by.at, by.who, action, by.request_id, text=text, result=result)
    return ReviewStep(replace(review, events=position), event)
