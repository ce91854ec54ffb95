"""The ReviewService: a translation around the steps of reviews; the caller is the reviewer."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.edge.rpc.context import RpcContext
from decision_service.edge.rpc.mapping.page_tokens import (
    make_review_token,
    make_step_token,
    page_size,
    read_review_token,
    read_step_token,
)
from decision_service.edge.rpc.mapping.problems import request_id_in
from decision_service.edge.rpc.mapping.reviews.requests import (
    contest_from,
    filter_from,
    kinds_from,
    note_from,
    rejection_from,
    result_from,
    review_id_from,
    steps_from,
)
from decision_service.edge.rpc.mapping.reviews.review import review_message
from decision_service.edge.rpc.services.methods import Methods, unary
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.reviews.operate import OperateReviews
from decision_service.reviewing.model import Review

SERVICE = "decision_service.api.v1.ReviewService"
MOST_STEPS_OF_A_PAGE = 100


class ReviewUseCases(msgspec.Struct, frozen=True):
    """What the servicer translates for."""

    operate: OperateReviews
    clock: Clock


class ReviewServicer:
    """Translates between the wire and the steps of reviews."""

    def __init__(self, use_cases: ReviewUseCases) -> None:
        self._operate = use_cases.operate
        self._clock = use_cases.clock

    async def list_reviews(
        self, request: pb.ListReviewsRequest, context: RpcContext
    ) -> pb.ListReviewsResponse:
        """One page of reviews, most urgent first."""
        del context
        now = self._clock.now()
        chosen = filter_from(request, now)
        bound = replace(chosen, due_before=None) if request.overdue else chosen
        after = read_review_token(bound, request.page_token)
        page = await self._operate.list(chosen, after, page_size(request.page_size))
        return pb.ListReviewsResponse(
            reviews=[review_message(review, now) for review in page.reviews],
            next_page_token="" if page.next is None else make_review_token(bound, page.next),
        )

    async def get_review(
        self, request: pb.GetReviewRequest, context: RpcContext
    ) -> pb.GetReviewResponse:
        """One review with a page of its steps."""
        del context
        review_id = steps_from(request)
        size = min(page_size(request.page_size), MOST_STEPS_OF_A_PAGE)
        after = read_step_token(review_id, request.page_token) or 0
        found = await self._operate.get(review_id, after, size + 1)
        events = found.events[:size]
        more = len(found.events) > size
        return pb.GetReviewResponse(
            review=review_message(found.review, self._clock.now(), events),
            next_page_token=make_step_token(review_id, events[-1].position) if more else "",
        )

    async def claim_review(
        self, request: pb.ClaimReviewRequest, context: RpcContext
    ) -> pb.ClaimReviewResponse:
        """Claim a review, or prolong the claim."""
        review_id = review_id_from(request.review_id)
        review = await self._operate.claim(review_id, context.info.caller)
        return pb.ClaimReviewResponse(review=self._message(review))

    async def release_review(
        self, request: pb.ReleaseReviewRequest, context: RpcContext
    ) -> pb.ReleaseReviewResponse:
        """Give a claimed review back."""
        review_id = review_id_from(request.review_id)
        review = await self._operate.release(review_id, context.info.caller)
        return pb.ReleaseReviewResponse(review=self._message(review))

    async def add_review_note(
        self, request: pb.AddReviewNoteRequest, context: RpcContext
    ) -> pb.AddReviewNoteResponse:
        """Add a note."""
        text, who = note_from(request), context.info.caller
        review = await self._operate.note(
            request.review_id, who, request_id_in(request.request_id), text
        )
        return pb.AddReviewNoteResponse(review=self._message(review))

    async def request_review_data(
        self, request: pb.RequestReviewDataRequest, context: RpcContext
    ) -> pb.RequestReviewDataResponse:
        """Put a review aside until data arrives."""
        kinds = kinds_from(request)
        review = await self._operate.request_data(
            request.review_id,
            context.info.caller,
            request_id_in(request.request_id),
            kinds,
            request.text,
        )
        return pb.RequestReviewDataResponse(review=self._message(review))

    async def decide_again(
        self, request: pb.DecideAgainRequest, context: RpcContext
    ) -> pb.DecideAgainResponse:
        """Have the application decided again."""
        review_id = review_id_from(request.review_id)
        review = await self._operate.decide_again(review_id, context.info.caller)
        return pb.DecideAgainResponse(review=self._message(review))

    async def complete_review(
        self, request: pb.CompleteReviewRequest, context: RpcContext
    ) -> pb.CompleteReviewResponse:
        """End a review, or propose its end."""
        result, who = result_from(request), context.info.caller
        review = await self._operate.complete(
            request.review_id, who, request_id_in(request.request_id), result
        )
        return pb.CompleteReviewResponse(review=self._message(review))

    async def confirm_review(
        self, request: pb.ConfirmReviewRequest, context: RpcContext
    ) -> pb.ConfirmReviewResponse:
        """Confirm or reject a proposed end."""
        why, who = rejection_from(request), context.info.caller
        key = (request.review_id, who, request_id_in(request.request_id), request.etag)
        if request.reject:
            review = await self._operate.reject(*key, why)
        else:
            review = await self._operate.confirm(*key)
        return pb.ConfirmReviewResponse(review=self._message(review))

    async def request_review(
        self, request: pb.RequestReviewRequest, context: RpcContext
    ) -> pb.RequestReviewResponse:
        """Open a review that the applicant asks for."""
        text, info = contest_from(request), context.info
        review = await self._operate.request(
            request.decision_id, info.caller, request_id_in(request.request_id), text, info.scope
        )
        return pb.RequestReviewResponse(review=self._message(review))

    def _message(self, review: Review) -> pb.Review:
        return review_message(review, self._clock.now())


def methods(servicer: ReviewServicer) -> Methods:
    """The service's methods."""
    return {
        "ListReviews": unary(servicer.list_reviews, pb.ListReviewsRequest),
        "GetReview": unary(servicer.get_review, pb.GetReviewRequest),
        "ClaimReview": unary(servicer.claim_review, pb.ClaimReviewRequest),
        "ReleaseReview": unary(servicer.release_review, pb.ReleaseReviewRequest),
        "AddReviewNote": unary(servicer.add_review_note, pb.AddReviewNoteRequest),
        "RequestReviewData": unary(servicer.request_review_data, pb.RequestReviewDataRequest),
        "DecideAgain": unary(servicer.decide_again, pb.DecideAgainRequest),
        "CompleteReview": unary(servicer.complete_review, pb.CompleteReviewRequest),
        "ConfirmReview": unary(servicer.confirm_review, pb.ConfirmReviewRequest),
        "RequestReview": unary(servicer.request_review, pb.RequestReviewRequest),
    }
