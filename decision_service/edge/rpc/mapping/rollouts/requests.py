"""What operators send: which rollout, which step of it, and why."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Protocol

from decision_service.api.v1 import rollout_service_pb2 as service_pb
from decision_service.domain.decision import Arm
from decision_service.edge.rpc.mapping.decisions.requests import inputs_from
from decision_service.edge.rpc.mapping.problems import (
    Problems,
    check_page_size,
    check_product,
    check_reference,
    check_user_id,
)
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.rollout.operate import StepRequest
from decision_service.pipeline.rollout.pairs.judged import ComparisonRequest
from decision_service.rollout.state import Switched, TrackName

LONGEST_WHY = 500
LONGEST_TICKET = 100
DEFAULT_WINDOW = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=366)
DEFAULT_JUDGED = 200
MOST_JUDGED = 2_000


class ChangeRequest(Protocol):
    """What every request has that changes a rollout."""

    product: str
    why: str
    ticket: str


def product_from(product: str) -> str:
    """A well-formed product name; raises FieldInvalid."""
    problems = Problems()
    check_product(problems, product)
    problems.raise_if_any()
    return product


def listed_product_from(request: service_pb.ListRolloutStepsRequest) -> str:
    """The product whose steps are listed; raises FieldInvalid with every malformed field."""
    problems = Problems()
    check_product(problems, request.product)
    check_page_size(problems, request.page_size)
    problems.raise_if_any()
    return request.product


def order_from(
    request: ChangeRequest, caller: str, problems: Problems | None = None
) -> StepRequest:
    """Who wants a step and why; raises FieldInvalid with every malformed field."""
    problems = problems or Problems()
    check_product(problems, request.product)
    why, ticket = why_from(request.why, problems), request.ticket.strip()
    _check_text(problems, "ticket", ticket, LONGEST_TICKET)
    problems.raise_if_any()
    return StepRequest(request.product, caller, why, ticket)


def why_from(text: str, problems: Problems) -> str:
    """The reason of a change; an empty or a long one is noted."""
    why = text.strip()
    if not why:
        problems.add("why", "is empty: every change needs its reason")
    _check_text(problems, "why", why, LONGEST_WHY)
    return why


def track_from(track: str, problems: Problems) -> TrackName | None:
    """The track, None where none is named; another name is noted."""
    if not track:
        return None
    if track in TrackName.__members__.values():
        return TrackName(track)
    problems.add("track", f"must be one of {', '.join(TrackName)}")
    return None


def switched_from(arm: str, problems: Problems) -> Switched:
    """What the kill switch stops, None for the whole product; another name is noted."""
    if not arm:
        return None
    if arm in Arm.__members__.values():
        return Arm(arm)
    problems.add("arm", f"must be one of {', '.join(Arm)}")
    return None


def applicant_from(request: service_pb.ExplainAssignmentRequest) -> Application:
    """The applicant to explain, as if it applied now; raises FieldInvalid."""
    problems = Problems()
    check_product(problems, request.product)
    if request.user_id:
        check_user_id(problems, request.user_id)
    check_reference(problems, "customer_ref", request.customer_ref)
    inputs = inputs_from(request, problems)
    problems.raise_if_any()
    return Application(
        request_id="",
        user_id=request.user_id,
        product=request.product,
        customer_ref=request.customer_ref,
        inputs=inputs,
    )


def question_from(request: service_pb.CompareVersionsRequest, now: datetime) -> ComparisonRequest:
    """What to compare; raises FieldInvalid with every malformed field."""
    problems = Problems()
    check_product(problems, request.product)
    if request.shadow_version < 0:
        problems.add("shadow_version", f"is {request.shadow_version}: it must be a version, or 0")
    if not 0 <= request.most_decisions <= MOST_JUDGED:
        problems.add("most_decisions", f"must be 0 to {MOST_JUDGED:,}")
    window = _window(request, problems)
    params_as_of = _params_as_of(request, problems)
    problems.raise_if_any()
    return ComparisonRequest(
        product=request.product,
        shadow=request.shadow_version,
        since=now - window,
        most=request.most_decisions or DEFAULT_JUDGED,
        now=now,
        params_as_of=params_as_of,
        champion=request.champion,
    )


def _params_as_of(request: service_pb.CompareVersionsRequest, problems: Problems) -> date | None:
    """The day whose parameters to judge by; a shadow has judged, the champion needs one."""
    text = request.params_as_of
    day = problems.date("params_as_of", text) if text else None
    if request.shadow_version and (text or request.champion):
        problems.add("shadow_version", "is set: a shadow is compared by what it left, alone")
    if request.champion and not text:
        problems.add("params_as_of", "must be set: the champion is compared with itself by it")
    return day


def _window(request: service_pb.CompareVersionsRequest, problems: Problems) -> timedelta:
    if not request.HasField("window"):
        return DEFAULT_WINDOW
    seconds = request.window.seconds
    if not 1 <= seconds <= LONGEST_WINDOW.total_seconds():
        problems.add("window", f"must be 1 s to {LONGEST_WINDOW.days} days")
        return DEFAULT_WINDOW
    return timedelta(seconds=seconds)


def _check_text(problems: Problems, field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.isprintable():
        problems.add(field, f"must be one line of at most {longest} printable characters")
