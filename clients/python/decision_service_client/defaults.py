"""What a call gets that its caller does not say: a deadline, and a request id."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import grpc

from decision_service_client.v1 import CreateDecisionRequest

Request = TypeVar("Request")
Call = TypeVar("Call")


class CallDetails(NamedTuple):
    """How a call is made, with the fields that gRPC reads."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class Defaults(grpc.UnaryUnaryClientInterceptor):
    """Gives calls a deadline, and applications a request id."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Request], Call],
        client_call_details: Any,
        request: Request,
    ) -> Call:
        """Go on with the call."""
        given = client_call_details
        details = CallDetails(
            given.method,
            timeout_of(given.timeout, self._timeout, request),
            given.metadata,
            given.credentials,
            given.wait_for_ready,
            given.compression,
        )
        return continuation(details, identified(request))


class AsyncDefaults(grpc.aio.UnaryUnaryClientInterceptor):
    """The same for asyncio."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Go on with the call."""
        given = client_call_details
        details = grpc.aio.ClientCallDetails(
            given.method,
            timeout_of(given.timeout, self._timeout, request),
            given.metadata,
            given.credentials,
            given.wait_for_ready,
        )
        return await continuation(details, identified(request))


def timeout_of(given: float | None, default: float, request: object) -> float:
    """The seconds that a call may take; an application that may wait for data gets these on top."""
    if given is not None:
        return given
    if isinstance(request, CreateDecisionRequest):
        return default + request.wait_timeout.ToTimedelta().total_seconds()
    return default


def identified(request: Request) -> Request:
    """The request itself; an application without a request id has got one."""
    if isinstance(request, CreateDecisionRequest) and not request.request_id:
        request.request_id = str(uuid.uuid4())
    return request
