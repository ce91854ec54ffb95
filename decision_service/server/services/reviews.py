"""The ReviewService: the steps of reviews, with their messages; the caller is the reviewer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec
from google.protobuf.message import Message
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.casework.review_log import ReviewFilter, ReviewPosition
from decision_service.casework.review_results import ReviewChain
from decision_service.casework.review_steps import is_barred
from decision_service.casework.reviews import OperateReviews
from decision_service.domain.accounts import Kind
from decision_service.domain.actors import Actor
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import Clock
from decision_service.domain.reviews import Review, ReviewEvent, ReviewResult
from decision_service.domain.values import Month
from decision_service.server.transport.context import CallInfo, Role, RpcContext
from decision_service.server.transport.page_tokens import (
    StepNumber,
    make_token,
    page_size,
    read_token,
)
from decision_service.server.transport.wire import (
    Mapper,
    Problems,
    check_decision_id,
    check_product,
    check_reference,
    enum_name,
    request_id_in,
)

SERVICE = pb.DESCRIPTOR.services_by_name["ReviewService"]
LONGEST_TEXT = 2_000
_REVIEW_ID = re.compile(r"rev_[0-9A-HJKMNP-TV-Z]{26}-[1-9][0-9]{0,5}", re.ASCII)
_LONGEST_NAME = 100
_LONGEST_CODE = 60
_LONGEST_SKIP = 500
_LONGEST_REASON = 500
_ENDS = (Outcome.APPROVE, Outcome.DECLINE)
MOST_STEPS_OF_A_PAGE = 100
M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
Take: TypeAlias = "Callable[[Any, R, CallInfo], Awaitable[Review | None]]"


def check_review_id(problems: Problems, review_id: str) -> None:
    problems.text("review_id", review_id, _REVIEW_ID, "`rev_`, a ULID, `-` and a number")


def _check_names(
    problems: Problems,
    request: pb.ListReviewsRequest | pb.ClaimNextReviewRequest | pb.ReleaseReviewRequest,
    names: Sequence[str],
) -> None:
    for name in names:
        if len(getattr(request, name)) > _LONGEST_NAME:
            problems.add(name, f"is longer than {_LONGEST_NAME} characters")


def filter_from(request: pb.ListReviewsRequest, now: datetime) -> ReviewFilter:
    with Problems(request) as problems:
        _check_names(problems, request, ("product", "queue", "tag"))
        if request.decision_id:
            check_decision_id(problems, request.decision_id)
        due_before = now if request.overdue else None
        return REVIEWS.read(ReviewFilter, request, problems, due_before=due_before)


def kinds_from(request: pb.RequestReviewDataRequest) -> Sequence[Kind]:
    with _about(request) as problems:
        check_words(problems, "text", request.text, required=False)
        known = ", ".join(Kind)
        unknown = [name for name in request.data_kinds if name not in {*Kind}]
        if unknown:
            problems.add("data_kinds", f"has {unknown[0][:40]}: say some of {known}")
        if not request.data_kinds:
            problems.add("data_kinds", f"is empty: say some of {known}")
    return [Kind(name) for name in request.data_kinds]


def result_from(request: pb.CompleteReviewRequest) -> ReviewResult:
    named = not request.dry_run
    with _about(request, required=named) as problems:
        name = enum_name(decision_pb2.Outcome.DESCRIPTOR, request.outcome)
        if name not in _ENDS:
            what = name if request.outcome else "not set"
            problems.add("outcome", f"is {what}: say {' or '.join(_ENDS)}")
        outcome = Outcome.__members__.get(name)
        result = REVIEWS.read(ReviewResult, request, problems, outcome=outcome)
        if not named <= len(request.reason) <= _LONGEST_CODE:
            problems.add("reason", "is no reason code of the product's plan")
        check_words(problems, "explanation", request.explanation, required=named)
    return result


def _month_from(request: pb.GetReviewPersonRequest, problems: Problems) -> Month | None:
    if not request.month:
        return None
    try:
        return Month.parse(request.month)
    except ValueError:
        # Not what was sent: it may be anything, such as a name that was typed into the wrong field.
        problems.add("month", "is no month of the form YYYY-MM, such as 2026-11")
        return None


def check_words(
    problems: Problems, field: str, text: str, *, required: bool = True, most: int = LONGEST_TEXT
) -> None:
    """Note words that are missing or too long; they are never repeated."""
    if required and not text.strip():
        problems.add(field, f"is empty: it must have 1 to {most:,} characters")
    if len(text) > most:
        problems.add(field, f"has {len(text):,} characters: {most:,} are the most")


def _about(request: object, *, required: bool = False) -> Problems:
    problems = Problems(request)
    check_review_id(problems, getattr(request, "review_id", ""))
    check_reference(problems, "request_id", getattr(request, "request_id", ""), required=required)
    return problems


def review_message(
    review: Review,
    now: datetime,
    actor: Actor,
    *,
    events: Iterable[ReviewEvent] = (),
    others: Iterable[Review] = (),
) -> pb.Review:
    """The review as `actor` reads it."""
    state = review.state_at(now)
    if state is not review.state:
        review = replace(review, state=state, claimed_by="", claimed_until=None)
    overdue = review.is_overdue(now)
    barred = is_barred(review, actor)
    message = REVIEWS.message(
        pb.Review, review, overdue=overdue, events=events, own_application=barred
    )
    message.other_reviews.extend(review_message(one, now, actor) for one in others)
    return message


def chain_message(chain: ReviewChain) -> decision_pb2.DecisionReview:
    return REVIEWS.message(decision_pb2.DecisionReview, chain)


def _role(chain: ReviewChain) -> str:
    """The role whose authority the end needed; empty where no person decided."""
    if chain.current.at is None:
        return ""
    return "review_second" if chain.current.confirmed else "review"


def _review_ids(chain: ReviewChain) -> list[str]:
    return [review.review_id for review in chain.reviews]


_PROVIDER = {"provider_id": "provider.id", "provider_name": "provider.name"}

REVIEWS = Mapper(
    {
        pb.Review: {
            "decided_outcome": "outcome",
            "requested_amount": "requested",
            "open_time": "opened",
            "due_time": "due",
            "overdue": None,
            "claim_end_time": "claimed_until",
            "awaited_kinds": "kinds",
            "end_time": "ended",
            "end_reason": "end",
            "final_time": "final",
            "term_months": "terms.term_months",
            "instalment": "terms.instalment",
            "failed_checks": "terms.failed_checks",
            "offered_amount": "terms.offered",
            "own_application": None,
            "other_reviews": None,
            "events": None,
        },
        pb.DeskQueue: {"oldest_open_time": "oldest"},
        pb.DeskReason: {"may_be_told": "is_told"},
        pb.ReviewEvent: {"event_time": "at", "data_kinds": "kinds"},
        pb.ReviewResult: {"approved_amount": "amount"},
        decision_pb2.DecisionReview: {
            "review_ids": _review_ids,
            "outcome": "current.outcome",
            "standing_decision_id": "current.decision_id",
            "approved_amount": "current.amount",
            "role": _role,
            "decide_time": "current.at",
            "term_months": "current.terms.term_months",
            "instalment": "current.terms.instalment",
            "expire_time": "current.expires",
            "final_time": "final",
        },
        pb.ReviewPerson: {
            "fetched_time": "fetched",
            "income_months": "months",
            "records_left_out": "left_out",
        },
        pb.PersonName: _PROVIDER,
        pb.PersonEmployer: {**_PROVIDER, "start_date": "start", "end_date": "end"},
        pb.PersonAccount: {
            **{name: f"use.{name}" for name in ("provider_id", "provider_name", "status")},
            "account_id": "use.id",
            "error_code": "use.error_code",
            "create_time": "created",
            "sync_time": "use.synced",
            "used": "use.used",
        },
        pb.PersonRecord: {
            **_PROVIDER,
            "data_kind": "kind",
            "record_id": "id",
            "start_date": "start",
            "end_date": "end",
            "pay_date": "paid",
        },
        pb.ListReviewsRequest: {"open_time_before": "opened_before"},
        pb.CompleteReviewRequest: {"approved_amount": "amount"},
    }
)


def _step(answer: type[M]) -> Callable[[Take[R]], Callable[..., Awaitable[M]]]:
    """The RPC of a step, from what takes it for a caller: its answer has the review after it."""

    def rpc(take: Take[R]) -> Callable[..., Awaitable[M]]:
        async def taken(servicer: ReviewServicer, request: R, context: RpcContext) -> M:
            review = await take(servicer, request, context.info)
            now = servicer.clock.now()
            actor = context.info.actor
            return answer(review=review and review_message(review, now, actor))

        return taken

    return rpc


def _key(asked: Any, by: CallInfo) -> tuple[str, Actor, str]:
    return asked.review_id, by.actor, request_id_in(asked.request_id)


class ReviewServicer(msgspec.Struct, frozen=True):
    """`is_reviewer` says whether a caller of this name may work on reviews."""

    operate: OperateReviews
    clock: Clock
    is_reviewer: Callable[[str], bool]

    async def list_reviews(
        self, request: pb.ListReviewsRequest, context: RpcContext
    ) -> pb.ListReviewsResponse:
        now = self.clock.now()
        actor = context.info.actor
        chosen = filter_from(request, now)
        bound = replace(chosen, due_before=None) if request.overdue else chosen
        after = read_token(bound, request.page_token, ReviewPosition)
        page = await self.operate.list(chosen, after, page_size(request.page_size))
        others: Mapping[str, Sequence[Review]] = {}
        if chosen.one_a_person:
            others = await self.operate.others(page.entries)
        return pb.ListReviewsResponse(
            reviews=[
                review_message(review, now, actor, others=others.get(review.review_id, ()))
                for review in page.entries
            ],
            next_page_token=make_token(bound, page.next),
        )

    async def get_review(
        self, request: pb.GetReviewRequest, context: RpcContext
    ) -> pb.GetReviewResponse:
        _about(request).raise_if_any()
        review_id = request.review_id
        size = min(page_size(request.page_size), MOST_STEPS_OF_A_PAGE)
        after = read_token(review_id, request.page_token, StepNumber) or 0
        found = await self.operate.get(review_id, after, size + 1)
        events = found.events[:size]
        more = len(found.events) > size
        others = await self.operate.others([found.review])
        return pb.GetReviewResponse(
            review=review_message(
                found.review,
                self.clock.now(),
                context.info.actor,
                events=events,
                others=others[review_id],
            ),
            next_page_token=make_token(review_id, events[-1].position if more else None),
        )

    async def get_review_person(
        self, request: pb.GetReviewPersonRequest, context: RpcContext
    ) -> pb.GetReviewPersonResponse:
        reason = request.reason.strip()
        with _about(request) as problems:
            check_words(problems, "reason", reason, required=False, most=_LONGEST_REASON)
            month = _month_from(request, problems)
        actor = context.info.actor
        person = await self.operate.see_person(request.review_id, actor, reason, month)
        return REVIEWS.message(pb.GetReviewPersonResponse, person=person)

    async def get_desk(self, request: pb.GetDeskRequest, _: RpcContext) -> pb.GetDeskResponse:
        if request.product:
            with Problems() as problems:
                check_product(problems, request.product)
        desks = await self.operate.desks(request.product)
        return pb.GetDeskResponse(desks=[REVIEWS.message(pb.Desk, desk) for desk in desks])

    @_step(pb.ClaimReviewResponse)
    async def claim_review(self, asked: pb.ClaimReviewRequest, by: CallInfo) -> Review:
        with _about(asked) as problems:
            until = problems.instant(asked, "hold_until_time")
        return await self.operate.claim(asked.review_id, by.actor, until)

    @_step(pb.ClaimNextReviewResponse)
    async def claim_next_review(
        self, asked: pb.ClaimNextReviewRequest, by: CallInfo
    ) -> Review | None:
        with Problems() as problems:
            _check_names(problems, asked, ("product", "queue"))
        return await self.operate.claim_next(by.actor, ReviewFilter(asked.product, asked.queue))

    @_step(pb.SkipReviewResponse)
    async def skip_review(self, asked: pb.SkipReviewRequest, by: CallInfo) -> Review:
        with _about(asked) as problems:
            check_words(problems, "text", asked.text, required=False, most=_LONGEST_SKIP)
        return await self.operate.skip(asked.review_id, by.actor, asked.text)

    @_step(pb.ReleaseReviewResponse)
    async def release_review(self, asked: pb.ReleaseReviewRequest, by: CallInfo) -> Review:
        with _about(asked) as problems:
            if asked.hand_to and not self.is_reviewer(asked.hand_to):
                what = "which is no caller with the role review or review_second: name one"
                problems.add("hand_to", f"is {asked.hand_to[:_LONGEST_NAME]}, {what}")
            if asked.hand_to and asked.queue:
                problems.add("queue", "is set beside hand_to: name a person or a queue")
            _check_names(problems, asked, ("queue",))
        if asked.queue:
            return await self.operate.move(asked.review_id, by.actor, asked.queue)
        return await self.operate.release(asked.review_id, by.actor, asked.hand_to)

    @_step(pb.AddReviewNoteResponse)
    async def add_review_note(self, asked: pb.AddReviewNoteRequest, by: CallInfo) -> Review:
        with _about(asked) as problems:
            check_words(problems, "text", asked.text)
        return await self.operate.note(*_key(asked, by), asked.text)

    @_step(pb.RequestReviewDataResponse)
    async def request_review_data(self, asked: pb.RequestReviewDataRequest, by: CallInfo) -> Review:
        return await self.operate.request_data(*_key(asked, by), kinds_from(asked), asked.text)

    @_step(pb.DecideAgainResponse)
    async def decide_again(self, asked: pb.DecideAgainRequest, by: CallInfo) -> Review:
        _about(asked).raise_if_any()
        return await self.operate.decide_again(asked.review_id, by.actor)

    @_step(pb.CompleteReviewResponse)
    async def complete_review(self, asked: pb.CompleteReviewRequest, by: CallInfo) -> Review:
        result = result_from(asked)
        dry_run = asked.dry_run
        return await self.operate.complete(*_key(asked, by), result, dry_run=dry_run)

    @_step(pb.ConfirmReviewResponse)
    async def confirm_review(self, asked: pb.ConfirmReviewRequest, by: CallInfo) -> Review:
        with _about(asked, required=True) as problems:
            check_words(problems, "text", asked.text, required=asked.reject)
        key = (*_key(asked, by), asked.etag)
        if asked.reject:
            return await self.operate.reject(*key, asked.text)
        return await self.operate.confirm(*key, asked.text)

    @_step(pb.WithdrawReviewResponse)
    async def withdraw_review(self, asked: pb.WithdrawReviewRequest, by: CallInfo) -> Review:
        with _about(asked, required=True) as problems:
            check_words(problems, "text", asked.text)
        is_second = Role.REVIEW_SECOND in by.roles
        return await self.operate.withdraw(*_key(asked, by), asked.text, is_second=is_second)

    @_step(pb.TakeOverReviewResponse)
    async def take_over_review(self, asked: pb.TakeOverReviewRequest, by: CallInfo) -> Review:
        with _about(asked) as problems:
            check_words(problems, "text", asked.text, most=_LONGEST_SKIP)
        return await self.operate.take_over(asked.review_id, by.actor, asked.text)

    @_step(pb.RequestReviewResponse)
    async def request_review(self, asked: pb.RequestReviewRequest, by: CallInfo) -> Review:
        with Problems() as problems:
            check_decision_id(problems, asked.decision_id)
            check_reference(problems, "request_id", asked.request_id, required=True)
            check_words(problems, "text", asked.text)
        request_id = request_id_in(asked.request_id)
        return await self.operate.request(
            asked.decision_id, by.actor, request_id, asked.text, by.scope
        )
