"""Which letter a decision asks for."""

from __future__ import annotations

from decision_service.domain.verdict import OfferKind, Outcome, ReferKind
from decision_service.notices.model import NoticeKind, NoticeSubject


def kind_of(subject: NoticeSubject) -> NoticeKind | None:
    """The kind of letter that is due; None while a person reviews, and for one not decided here.

    A person's result counts in place of the decision's. A referral for missing data is an
    incomplete application; any other referral waits for its review.
    """
    verdict, person = subject.verdict, subject.person
    match verdict.outcome if person is None else person.outcome:
        case Outcome.DECLINE:
            return NoticeKind.ADVERSE_ACTION
        case Outcome.APPROVE:
            return NoticeKind.COUNTER_OFFER if _is_reduced(subject) else NoticeKind.APPROVAL
        case Outcome.REFER if verdict.refer_kind is ReferKind.DATA:
            return NoticeKind.INCOMPLETE
    return None


def _is_reduced(subject: NoticeSubject) -> bool:
    if subject.person is not None:
        amount, asked = subject.person.amount, subject.asked
        return amount is not None and asked is not None and amount < asked
    offer = subject.verdict.offer
    return offer is not None and offer.kind is OfferKind.REDUCED
