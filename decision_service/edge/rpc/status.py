"""Errors as `google.rpc.Status`: one ErrorInfo always, BadRequest or RetryInfo where they help."""

from __future__ import annotations

from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from decision_service.domain import errors

DOMAIN = "decision_service.api.v1"

CODES: dict[type[errors.ServiceError], int] = {
    errors.FieldInvalid: code_pb2.INVALID_ARGUMENT,
    errors.InputInvalid: code_pb2.INVALID_ARGUMENT,
    errors.PageTokenInvalid: code_pb2.INVALID_ARGUMENT,
    errors.UserUnknown: code_pb2.NOT_FOUND,
    errors.DecisionUnknown: code_pb2.NOT_FOUND,
    errors.ProductUnknown: code_pb2.NOT_FOUND,
    errors.RulesetUnknown: code_pb2.NOT_FOUND,
    errors.RequestIdReused: code_pb2.ALREADY_EXISTS,
    errors.RequestInProgress: code_pb2.ABORTED,
    errors.DataNotReady: code_pb2.FAILED_PRECONDITION,
    errors.SnapshotErased: code_pb2.FAILED_PRECONDITION,
    errors.PlanChanged: code_pb2.FAILED_PRECONDITION,
    errors.RolloutRefused: code_pb2.FAILED_PRECONDITION,
    errors.RolloutMovedOn: code_pb2.FAILED_PRECONDITION,
    errors.Overloaded: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamBudgetExhausted: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamUnavailable: code_pb2.UNAVAILABLE,
    errors.StoreUnavailable: code_pb2.UNAVAILABLE,
    errors.Draining: code_pb2.UNAVAILABLE,
    errors.RulesUnavailable: code_pb2.UNAVAILABLE,
    errors.DeadlineMissed: code_pb2.DEADLINE_EXCEEDED,
}
"""Every error that a caller may be told of; anything else is INTERNAL with an incident id."""

_RETRY_AFTER = {
    errors.RequestInProgress: 1.0,
    errors.DataNotReady: 5.0,
    errors.Overloaded: 1.0,
    errors.UpstreamBudgetExhausted: 1.0,
    errors.UpstreamUnavailable: 5.0,
    errors.StoreUnavailable: 1.0,
    errors.Draining: 1.0,
    errors.RulesUnavailable: 5.0,
}
"""Seconds told where the error itself names none; what is not here is told no time."""

_MOST_METADATA = 200


def status_of(error: errors.ServiceError) -> Status:
    """The status of an error; raises KeyError for one that callers must not be told of."""
    details: list[Message] = [
        ErrorInfo(
            reason=error.reason,
            domain=DOMAIN,
            metadata={name: value[:_MOST_METADATA] for name, value in error.fields.items()},
        )
    ]
    problems = getattr(error, "problems", ())
    if problems:
        violations = [
            BadRequest.FieldViolation(field=p.field, description=p.description) for p in problems
        ]
        details.append(BadRequest(field_violations=violations))
    after = error.retry_after or _RETRY_AFTER.get(type(error))
    if after is not None:
        delay = Duration(seconds=int(after), nanos=int(after % 1 * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    return _status(CODES[type(error)], error.message, details)


def internal(incident: str) -> Status:
    """The status of a bug: nothing but the id under which the log has it."""
    info = ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
    message = f"the service failed; report incident {incident} to its operator"
    return _status(code_pb2.INTERNAL, message, [info])


async def abort(context: grpc.aio.ServicerContext[Message, Message], status: Status) -> NoReturn:
    """End the call with a status and its details."""
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort returned")  # pragma: no cover - it always raises


def _status(code: int, message: str, details: list[Message]) -> Status:
    status = Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
