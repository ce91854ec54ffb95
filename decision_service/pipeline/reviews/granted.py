"""What was granted to a person after a decision was made: a person who approves is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from decision_service.domain.errors import ReviewRefused
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.ports import Past, PastDecision
from decision_service.reviewing.model import Review


def require_nothing_granted(review: Review, on_record: Iterable[Past]) -> None:
    """Raises ReviewRefused where an approval came to stand that the review's decision did not see.

    `on_record` is what is found under the keys of the decision.
    """
    since = _granted_since(on_record, review.decision_id)
    if not since:
        return
    amounts = ", ".join(_told(one) for one in since)
    raise ReviewRefused(
        f"{amounts} was granted to the same person, or for one of the accounts, since "
        f"{review.decision_id} was decided: have the application decided again, so that it counts",
        review_id=review.review_id,
        granted_by=since[-1].decision_id,
    )


def _granted_since(on_record: Iterable[Past], decision_id: str) -> Sequence[PastDecision]:
    """The approvals of which something is or may be owed, in the order in which they came."""
    every = {one.decision_id: one for past in on_record for one in past.decisions}
    judged = every.pop(decision_id, None)
    if judged is None:
        return ()
    later = (one for one in every.values() if _stood(one) >= judged.created)
    return sorted((one for one in later if _may_be_owed(one)), key=_stood)


def _stood(one: PastDecision) -> datetime:
    return one.reviewed or one.created


def _may_be_owed(one: PastDecision) -> bool:
    if one.outcome is not Outcome.APPROVE or not one.approved:
        return False
    loans = one.loans
    if one.replaced:
        return loans is not None and loans.open > 0
    return loans is None or loans.open > 0 or (loans.drawn or one.approved) < one.approved


def _told(one: PastDecision) -> str:
    return f"{one.currency} {Money(one.currency, one.approved or 0).major:f} ({one.decision_id})"
