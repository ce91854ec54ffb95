"""Calls of a running server, with errors that a developer can act on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.clock_service_pb2_grpc import ClockServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.api.v1.rollout_service_pb2_grpc import RolloutServiceStub
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.cli.client.options import ServerOptions
from decision_service.cli.client.unreachable import unreachable
from decision_service.cli.errors import CommandError, Exit

Reply = TypeVar("Reply")
Service = TypeVar("Service")
Stub = DecisionServiceStub


@contextmanager
def _stub(server: ServerOptions, make: Callable[[grpc.Channel], Service]) -> Iterator[Service]:
    with server.open() as opened:
        yield make(opened)


def decisions(server: ServerOptions) -> AbstractContextManager[Stub]:
    return _stub(server, Stub)


def outcomes(
    server: ServerOptions,
) -> AbstractContextManager[OutcomeServiceStub]:
    return _stub(server, OutcomeServiceStub)


def notices(server: ServerOptions) -> AbstractContextManager[NoticeServiceStub]:
    return _stub(server, NoticeServiceStub)


def reviews(server: ServerOptions) -> AbstractContextManager[ReviewServiceStub]:
    return _stub(server, ReviewServiceStub)


def clock_service(
    server: ServerOptions,
) -> AbstractContextManager[ClockServiceStub]:
    return _stub(server, ClockServiceStub)


def rollouts(
    server: ServerOptions,
) -> AbstractContextManager[RolloutServiceStub]:
    return _stub(server, RolloutServiceStub)


def rulesets(
    server: ServerOptions,
) -> AbstractContextManager[RulesetServiceStub]:
    return _stub(server, RulesetServiceStub)


def call(
    method: Callable[..., Reply],
    request: Any,
    server: ServerOptions,
    timeout: float = 10.0,
    findings: frozenset[str] = frozenset(),
) -> Reply:
    """Call a method; raises CommandError on every status but OK.

    Its exit code is 3, or 1 where the error's reason is one of `findings`: an answer, not a fault.
    """
    metadata = server.metadata()
    try:
        return method(request, timeout=timeout, metadata=metadata)
    except grpc.RpcError as error:
        if not answered(error):
            raise CommandError(unreachable(server), Exit.SERVER) from None
        raise described(error, findings) from None


def answered(error: grpc.RpcError) -> bool:
    """Whether a server has answered, or let the time pass."""
    call_error: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    unavailable = call_error.code() is grpc.StatusCode.UNAVAILABLE
    return not unavailable or rpc_status.from_call(call_error) is not None


def described(error: grpc.RpcError, findings: frozenset[str] = frozenset()) -> CommandError:
    """The error as a person should read it: code, sentence, and the details that came with it."""
    call_error: Any = error  # every RpcError that a stub raises is a grpc.Call as well
    status, code = rpc_status.from_call(call_error), call_error.code()
    message = f"{code.name}: {call_error.details() or 'no further words'}"
    exit_code = Exit.FINDINGS if _reason(status) in findings else Exit.SERVER
    return CommandError(message, exit_code, tuple(_detail_lines(status)))


def _reason(status: Status | None) -> str:
    info = ErrorInfo()
    found = any(detail.Unpack(info) for detail in status.details) if status else False
    return str(info.reason) if found else ""


def _detail_lines(status: Status | None) -> Iterator[str]:
    for detail in status.details if status else ():
        info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
        if detail.Unpack(info):
            values = [f"{name} {value}" for name, value in sorted(info.metadata.items())]
            words = [f"reason {info.reason}", f"domain {info.domain}", *values]
            yield f"  ErrorInfo    {' · '.join(words)}"
        elif detail.Unpack(bad):
            for violation in bad.field_violations:
                yield f"  BadRequest   {violation.description}"
        elif detail.Unpack(retry):
            yield f"  RetryInfo    in {retry.retry_delay.ToTimedelta().total_seconds():g} s"


def read_review(stub: Any, review_id: str, server: ServerOptions) -> review_pb.Review:
    """A review with all of its steps, read page by page."""
    request = review_pb.GetReviewRequest(review_id=review_id, page_size=100)
    reply = call(stub.GetReview, request, server)
    review: review_pb.Review = reply.review
    while reply.next_page_token:
        request.page_token = reply.next_page_token
        reply = call(stub.GetReview, request, server)
        review.events.extend(reply.review.events)
    return review
