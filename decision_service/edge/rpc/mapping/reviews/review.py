"""Reviews on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.domain.money import Money
from decision_service.edge.rpc.mapping.values import Fields, money_fields, timestamp_fields
from decision_service.pipeline.reviews.chain import ReviewChain
from decision_service.reviewing.model import Review, ReviewEvent, ReviewResult


def review_message(review: Review, now: datetime, events: Iterable[ReviewEvent] = ()) -> pb.Review:
    """A review as callers see it at an instant."""
    state = review.state_at(now)
    claimed = state is review.state
    return pb.Review(
        review_id=review.review_id,
        decision_id=review.decision_id,
        product=review.product,
        origin=f"REVIEW_ORIGIN_{review.origin}",
        decided_outcome=f"OUTCOME_{review.outcome}",
        kind=f"REFER_KIND_{review.kind}" if review.kind else None,
        tags=review.tags,
        queue=review.queue,
        requested_amount=_money(review.requested),
        open_time=timestamp_fields(review.opened),
        due_time=timestamp_fields(review.due),
        overdue=review.is_unfinished and review.due < now,
        state=f"REVIEW_STATE_{state}",
        claimed_by=review.claimed_by if claimed else "",
        claim_end_time=_time(review.claimed_until) if claimed else None,
        awaited_kinds=review.kinds,
        result=_result(review.result),
        completed_by=review.completed_by,
        confirmed_by=review.confirmed_by,
        end_time=_time(review.ended),
        end_reason=review.end or "",
        decided_again_as=review.decided_again_as,
        etag=review.etag,
        term_months=review.terms.term_months,
        instalment=_money(review.terms.instalment),
        failed_checks=review.terms.failed_checks,
        events=[_event(event) for event in events],
    )


def chain_message(chain: ReviewChain) -> decision_pb2.DecisionReview:
    """What became of a decision afterwards."""
    standing, by_person = chain.standing, chain.standing.at is not None
    role = ("review_second" if standing.confirmed else "review") if by_person else ""
    return decision_pb2.DecisionReview(
        review_ids=[review.review_id for review in chain.reviews],
        state=f"REVIEW_STATE_{chain.state}",
        outcome=f"OUTCOME_{standing.outcome}",
        standing_decision_id=standing.decision_id,
        approved_amount=_money(standing.amount),
        role=role,
        decide_time=_time(standing.at),
        decided_again_as=chain.decided_again_as,
        term_months=standing.terms.term_months,
        instalment=_money(standing.terms.instalment),
        expire_time=_time(standing.expires),
    )


def _event(event: ReviewEvent) -> pb.ReviewEvent:
    return pb.ReviewEvent(
        position=event.position,
        event_time=timestamp_fields(event.at),
        who=event.who,
        action=event.action,
        text=event.text,
        data_kinds=event.kinds,
        result=_result(event.result),
        decision_id=event.decision_id,
    )


def _result(result: ReviewResult | None) -> Fields | None:
    if result is None:
        return None
    return {
        "outcome": f"OUTCOME_{result.outcome}",
        "approved_amount": _money(result.amount),
        "reason": result.reason,
        "explanation": result.explanation,
    }


def _money(amount: Money | None) -> Fields | None:
    return None if amount is None else money_fields(amount)


def _time(instant: datetime | None) -> Fields | None:
    return None if instant is None else timestamp_fields(instant)
