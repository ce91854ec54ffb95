"""The filter of a request to list decisions."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.domain.verdict import Outcome
from decision_service.edge.rpc.mapping.problems import Problems, check_page_size
from decision_service.pipeline.ports import Filter

_LONGEST = 200


def filter_from(request: service_pb.ListDecisionsRequest) -> Filter:
    """The filter of a request; raises FieldInvalid with every malformed field."""
    problems = Problems()
    for field in ("user_id", "application_id", "customer_ref", "product"):
        if len(getattr(request, field)) > _LONGEST:
            problems.add(field, f"is longer than {_LONGEST} characters")
    check_page_size(problems, request.page_size)
    outcome = _outcome(request.outcome, problems)
    created_from = _instant(request, "create_time_from", problems)
    created_before = _instant(request, "create_time_before", problems)
    problems.raise_if_any()
    return Filter(
        user_id=request.user_id,
        application_id=request.application_id,
        customer_ref=request.customer_ref,
        product=request.product,
        outcome=outcome,
        created_from=created_from,
        created_before=created_before,
        unreported=request.unreported,
    )


def _outcome(value: int, problems: Problems) -> Outcome | None:
    if value == pb.OUTCOME_UNSPECIFIED:
        return None
    if value not in pb.Outcome.values():
        problems.add("outcome", f"is {value}, which is no Outcome")
        return None
    return Outcome(pb.Outcome.Name(value).removeprefix("OUTCOME_"))


def _instant(
    request: service_pb.ListDecisionsRequest, field: str, problems: Problems
) -> datetime | None:
    if not request.HasField(field):
        return None
    message: Timestamp = getattr(request, field)
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        problems.add(field, "is not an instant between the years 1 and 9999")
        return None
