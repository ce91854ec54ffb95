"""Every exception becomes a status, so that no exception's text reaches a client."""

from __future__ import annotations

import secrets
import traceback
from typing import Any

import structlog
from google.rpc.status_pb2 import Status

from decision_service.alarms import Alarm, raised
from decision_service.domain.errors import CrossTenant, ServiceError
from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.edge.rpc.status import call_status, internal, is_public, status_of

log = structlog.get_logger("decision_service.rpc")


class ErrorMapInterceptor(CallInterceptor):
    """Ends a call with the status of its error; a bug's is INTERNAL with an incident id."""

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose exceptions end the call; a cancelled one stays cancelled."""

        async def call(request: Any, context: RpcContext) -> Any:
            try:
                return await inner(request, context)
            except Exception as error:  # noqa: BLE001 - none may reach the client
                info = context.info
                context.status = call_status(_status(error, method, info), info.trailing)

        return call


def _status(error: Exception, method: str, info: CallInfo) -> Status:
    if isinstance(error, ServiceError) and is_public(error):
        return status_of(error)
    return internal(_incident(error, method, info))


def _incident(error: Exception, method: str, info: CallInfo) -> str:
    """Log a bug, by its type and its place alone, and return the id to find it by."""
    incident = secrets.token_hex(8)
    log.error(
        "incident",
        incident=incident,
        method=method,
        alarm=raised(Alarm.CROSS_TENANT) if isinstance(error, CrossTenant) else None,
        error=type(error).__name__,
        request_id=info.request_id or None,
        trace_id=info.trace_id or None,
        frames=[
            f"{frame.filename.rpartition('decision_service/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ],
    )
    return incident
