"""Which letter a decision asks for."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome, ReferKind
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
            return NoticeKind.COUNTER_OFFER if subject.is_reduced else NoticeKind.APPROVAL
        case Outcome.REFER if verdict.refer_kind is ReferKind.DATA:
            return NoticeKind.INCOMPLETE
    return None
