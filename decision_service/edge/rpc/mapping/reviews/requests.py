"""Requests of reviews, checked on the wire."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.domain.kinds import Kind
from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, ReferKind
from decision_service.edge.rpc.mapping.problems import (
    Problems,
    check_decision_id,
    check_page_size,
    check_reference,
)
from decision_service.edge.rpc.mapping.values import WireError, money_from_message
from decision_service.pipeline.reviews.ports import ReviewFilter
from decision_service.reviewing.model import ReviewResult, ReviewState

LONGEST_TEXT = 2_000
_REVIEW_ID = re.compile(r"rev_[0-9A-HJKMNP-TV-Z]{26}-[1-9][0-9]{0,5}", re.ASCII)
_LONGEST_NAME = 100
_LONGEST_CODE = 60
_ENDS = (Outcome.APPROVE, Outcome.DECLINE)


def review_id_from(review_id: str, problems: Problems | None = None) -> str:
    """A well-formed id of a review; raises FieldInvalid unless `problems` take it."""
    found = problems or Problems()
    found.text("review_id", review_id, _REVIEW_ID, "`rev_`, a ULID, `-` and a number")
    if problems is None:
        found.raise_if_any()
    return review_id


def steps_from(request: pb.GetReviewRequest) -> str:
    """The id of the review whose steps are read; raises FieldInvalid."""
    problems = Problems()
    check_page_size(problems, request.page_size)
    review_id_from(request.review_id, problems)
    problems.raise_if_any()
    return request.review_id


def filter_from(request: pb.ListReviewsRequest, now: datetime) -> ReviewFilter:
    """The filter of a list; raises FieldInvalid with every malformed field."""
    problems = Problems()
    for field in ("product", "queue", "tag"):
        if len(getattr(request, field)) > _LONGEST_NAME:
            problems.add(field, f"is longer than {_LONGEST_NAME} characters")
    if request.decision_id:
        check_decision_id(problems, request.decision_id)
    check_page_size(problems, request.page_size)
    kind = _enum(request, "kind", decision_pb2.ReferKind, "REFER_KIND_", problems)
    state = _enum(request, "state", decision_pb2.ReviewState, "REVIEW_STATE_", problems)
    before = _instant(request, problems)
    problems.raise_if_any()
    return ReviewFilter(
        request.product,
        request.queue,
        ReferKind(kind) if kind else None,
        request.tag,
        ReviewState(state) if state else None,
        request.decision_id,
        request.unfinished,
        now if request.overdue else None,
        before,
    )


def note_from(request: pb.AddReviewNoteRequest) -> str:
    """The words of a note; raises FieldInvalid."""
    problems = _about(request)
    check_words(problems, "text", request.text)
    problems.raise_if_any()
    return request.text


def kinds_from(request: pb.RequestReviewDataRequest) -> Sequence[Kind]:
    """The kinds of data that are asked for; raises FieldInvalid."""
    problems = _about(request)
    check_words(problems, "text", request.text, required=False)
    known = ", ".join(Kind)
    unknown = [name for name in request.data_kinds if name not in {*Kind}]
    if unknown:
        problems.add("data_kinds", f"has {unknown[0][:40]}: say some of {known}")
    if not request.data_kinds:
        problems.add("data_kinds", f"is empty: say some of {known}")
    problems.raise_if_any()
    return [Kind(name) for name in request.data_kinds]


def result_from(request: pb.CompleteReviewRequest) -> ReviewResult:
    """A person's result; raises FieldInvalid with every malformed field."""
    problems = _about(request, required=True)
    name = _enum(request, "outcome", decision_pb2.Outcome, "OUTCOME_", problems)
    if name not in _ENDS:
        problems.add("outcome", f"is {name or 'not set'}: say {' or '.join(_ENDS)}")
    amount = _amount(request, problems)
    if not 0 < len(request.reason) <= _LONGEST_CODE:
        problems.add("reason", "is no reason code of the product's plan")
    check_words(problems, "explanation", request.explanation)
    problems.raise_if_any()
    return ReviewResult(Outcome(name), request.reason, request.explanation, amount)


def rejection_from(request: pb.ConfirmReviewRequest) -> str:
    """Why a proposed end is refused, empty where it is confirmed; raises FieldInvalid."""
    problems = _about(request, required=True)
    if request.reject:
        check_words(problems, "text", request.text)
    elif request.text:
        problems.add("text", "is set without `reject`: add a note instead")
    problems.raise_if_any()
    return request.text


def contest_from(request: pb.RequestReviewRequest) -> str:
    """What an applicant says; raises FieldInvalid."""
    problems = Problems()
    check_decision_id(problems, request.decision_id)
    check_reference(problems, "request_id", request.request_id, required=True)
    check_words(problems, "text", request.text)
    problems.raise_if_any()
    return request.text


def check_words(problems: Problems, field: str, text: str, *, required: bool = True) -> None:
    """Note words that are missing or too long; they are never repeated."""
    if required and not text.strip():
        problems.add(field, f"is empty: it must have 1 to {LONGEST_TEXT:,} characters")
    if len(text) > LONGEST_TEXT:
        problems.add(field, f"has {len(text):,} characters: {LONGEST_TEXT:,} are the most")


def _about(request: object, *, required: bool = False) -> Problems:
    problems = Problems()
    review_id_from(getattr(request, "review_id", ""), problems)
    check_reference(problems, "request_id", getattr(request, "request_id", ""), required=required)
    return problems


def _amount(request: pb.CompleteReviewRequest, problems: Problems) -> Money | None:
    if not request.HasField("approved_amount"):
        return None
    try:
        return money_from_message(request.approved_amount)
    except WireError as error:
        problems.add("approved_amount", f"is malformed: {error}")
        return None


def _enum(request: object, field: str, kind: object, prefix: str, problems: Problems) -> str:
    """The name of an enum's value without its prefix, empty for UNSPECIFIED."""
    value = getattr(request, field)
    if not value:
        return ""
    if value not in kind.values():  # type: ignore[attr-defined]  # an enum's wrapper
        problems.add(field, f"is {value}, which is none of its values")
        return ""
    name: str = kind.Name(value)  # type: ignore[attr-defined]  # an enum's wrapper
    return name.removeprefix(prefix)


def _instant(request: pb.ListReviewsRequest, problems: Problems) -> datetime | None:
    if not request.HasField("open_time_before"):
        return None
    try:
        return request.open_time_before.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        problems.add("open_time_before", "is not an instant between the years 1 and 9999")
        return None
