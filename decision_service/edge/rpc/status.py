"""Errors as `google.rpc.Status`: one ErrorInfo always, BadRequest or RetryInfo where they help."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from decision_service.domain import errors
from decision_service.edge.rpc.context import CallStatus

DOMAIN = "decision_service.api.v1"

CODES: dict[type[errors.ServiceError], int] = {
    errors.FieldInvalid: code_pb2.INVALID_ARGUMENT,
    errors.InputInvalid: code_pb2.INVALID_ARGUMENT,
    errors.PageTokenInvalid: code_pb2.INVALID_ARGUMENT,
    errors.UserUnknown: code_pb2.NOT_FOUND,
    errors.DecisionUnknown: code_pb2.NOT_FOUND,
    errors.ProductUnknown: code_pb2.NOT_FOUND,
    errors.RulesetUnknown: code_pb2.NOT_FOUND,
    errors.ReviewUnknown: code_pb2.NOT_FOUND,
    errors.RequestIdReused: code_pb2.ALREADY_EXISTS,
    errors.OutcomeContradicted: code_pb2.ALREADY_EXISTS,
    errors.LanguageUnknown: code_pb2.NOT_FOUND,
    errors.RequestInProgress: code_pb2.ABORTED,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.PermissionDenied: code_pb2.PERMISSION_DENIED,
    errors.AuthorityExceeded: code_pb2.PERMISSION_DENIED,
    errors.DataNotReady: code_pb2.FAILED_PRECONDITION,
    errors.SnapshotErased: code_pb2.FAILED_PRECONDITION,
    errors.NoticeNotDue: code_pb2.FAILED_PRECONDITION,
    errors.ClockResetRefused: code_pb2.FAILED_PRECONDITION,
    errors.PlanChanged: code_pb2.FAILED_PRECONDITION,
    errors.RolloutRefused: code_pb2.FAILED_PRECONDITION,
    errors.RolloutMovedOn: code_pb2.FAILED_PRECONDITION,
    errors.ReviewRefused: code_pb2.FAILED_PRECONDITION,
    errors.Overloaded: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamBudgetExhausted: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamUnavailable: code_pb2.UNAVAILABLE,
    errors.StoreUnavailable: code_pb2.UNAVAILABLE,
    errors.StoreBusy: code_pb2.RESOURCE_EXHAUSTED,
    errors.Draining: code_pb2.UNAVAILABLE,
    errors.RulesUnavailable: code_pb2.UNAVAILABLE,
    errors.DeadlineMissed: code_pb2.DEADLINE_EXCEEDED,
}
"""Every error that callers may see; any other is INTERNAL with an incident id.

A kind that is not here counts as the nearest one above it that is.
"""

_RETRY_AFTER = {
    errors.RequestInProgress: 1.0,
    errors.DataNotReady: 5.0,
    errors.Overloaded: 1.0,
    errors.UpstreamBudgetExhausted: 1.0,
    errors.UpstreamUnavailable: 5.0,
    errors.StoreUnavailable: 1.0,
    errors.StoreBusy: 1.0,
    errors.Draining: 1.0,
    errors.RulesUnavailable: 5.0,
}
"""Seconds in RetryInfo where the error itself has none; other errors have no RetryInfo."""

_MOST_METADATA = 200
_LONGEST_MESSAGE = 1_000
_MOST_VIOLATIONS = 20
"""A client takes 8 KiB of trailers at most; with more it would see none of them."""

_LONGEST_VIOLATION = 200


def is_public(error: errors.ServiceError) -> bool:
    """Whether callers may see this error."""
    return any(kind in CODES for kind in type(error).__mro__)


def _kind(error: errors.ServiceError) -> type[errors.ServiceError]:
    """The nearest kind of error in CODES."""
    return next(kind for kind in type(error).__mro__ if kind in CODES)


def status_of(error: errors.ServiceError) -> Status:
    """The status of an error; raises StopIteration for one that callers must not see."""
    kind = _kind(error)
    details: list[Message] = [
        ErrorInfo(
            reason=error.reason,
            domain=DOMAIN,
            metadata={name: _shown(value, _MOST_METADATA) for name, value in error.fields.items()},
        )
    ]
    problems = getattr(error, "problems", ())
    if problems:
        violations = [
            BadRequest.FieldViolation(
                field=_shown(p.field, _LONGEST_VIOLATION),
                description=_shown(p.description, _LONGEST_VIOLATION),
            )
            for p in problems[:_MOST_VIOLATIONS]
        ]
        details.append(BadRequest(field_violations=violations))
    after = error.retry_after or _RETRY_AFTER.get(kind)
    if after is not None:
        delay = Duration(seconds=int(after), nanos=int(after % 1 * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    return _status(CODES[kind], _shown(error.message, _LONGEST_MESSAGE), details)


def _shown(text: str, most: int) -> str:
    """A text of at most so many characters, whose end says where something was left out."""
    return text if len(text) <= most else text[: most - 1] + "…"


def code_name(error: BaseException | None) -> str:
    """The name of the code that a call ends with, for logs and metrics; OK without an error."""
    if error is None:
        return "OK"
    if isinstance(error, errors.ServiceError) and is_public(error):
        return str(code_pb2.Code.Name(CODES[_kind(error)]))
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "INTERNAL"


def reason_of(error: BaseException | None) -> str | None:
    """The reason of a service error; the text of another error may hold anything."""
    return error.reason if isinstance(error, errors.ServiceError) else None


def internal(incident: str) -> Status:
    """The status of a bug: nothing but the id under which the log has it."""
    info = ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
    message = f"the service failed; report incident {incident} to its operator"
    return _status(code_pb2.INTERNAL, message, [info])


def call_status(status: Status, trailing: Iterable[tuple[str, str]] = ()) -> CallStatus:
    """A status with its details as a call ends with it, and trailing metadata besides them."""
    made = rpc_status.to_status(status)
    return CallStatus(made.code, made.details, (*made.trailing_metadata, *trailing))


def _status(code: int, message: str, details: list[Message]) -> Status:
    status = Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
