"""The outer layers: no exception's words get out, and every call is logged and counted once."""

from __future__ import annotations

import asyncio
import secrets
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import Any

import grpc
import structlog
from google.rpc.status_pb2 import Status

from decision_service.domain.errors import CrossTenant, ServiceError
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.calls import CURRENT, CallInfo, Context, read_call
from decision_service.edge.rpc.layers import Behaviour
from decision_service.edge.rpc.status import (
    abort,
    code_name,
    internal,
    may_be_told,
    reason_of,
    status_of,
)

_SILENT = (*OPEN, "/grpc.reflection.")

log = structlog.get_logger("decision_service.rpc")


def exceptions_mapped(inner: Behaviour, method: str) -> Behaviour:
    """Turn every exception into a status, so that no exception's text reaches a client."""

    async def call(request: Any, context: Context) -> Any:
        try:
            return await inner(request, context)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the wall behind which every bug stays
            info = CURRENT.get(None)
            await abort(context, _status(error, method, info), info.trailing if info else ())

    return call


def _status(error: Exception, method: str, info: CallInfo | None) -> Status:
    if isinstance(error, ServiceError) and may_be_told(error):
        return status_of(error)
    return internal(_incident(error, method, info))


def with_context(inner: Behaviour, method: str) -> Behaviour:
    """Read the call's metadata, once, and send back what belongs to it."""

    async def call(request: Any, context: Context) -> Any:
        info = read_call(context, method)
        CURRENT.set(info)
        reply = await inner(request, context)
        if info.trailing:
            context.set_trailing_metadata(tuple(info.trailing))
        return reply

    return call


def logged(inner: Behaviour, method: str, user_hash: Callable[[str], str]) -> Behaviour:
    """Write one line per call; a user appears as a keyed hash."""
    if method.startswith(_SILENT):
        return inner
    name = method.rpartition("/")[2]

    def line(request: Any, started: float, code: str, reason: str | None) -> None:
        info, user = CURRENT.get(), getattr(request, "user_id", "")
        log.info(
            "call",
            method=name,
            code=code,
            reason=reason,
            ms=round((perf_counter() - started) * 1000, 1),
            request_id=info.request_id or None,
            trace_id=info.trace_id or None,
            caller=info.caller or None,
            user=user_hash(user) if user else None,
        )

    async def call(request: Any, context: Context) -> Any:
        started = perf_counter()
        try:
            reply = await inner(request, context)
        except BaseException as error:
            line(request, started, code_name(error), reason_of(error))
            raise
        line(request, started, "OK", None)
        return reply

    return call


def counted(inner: Behaviour, method: str, metrics: Metrics) -> Behaviour:
    """Count the call, time it, and count what went wrong by code and reason."""
    if method.startswith(_SILENT):
        return inner
    of_method = metrics.of_method(method.rpartition("/")[2])

    async def call(request: Any, context: Context) -> Any:
        started = perf_counter()
        code = "OK"
        try:
            return await inner(request, context)
        except BaseException as error:
            code = code_name(error)
            metrics.failed(code, reason_of(error) or code)
            raise
        finally:
            of_method.ended(code, perf_counter() - started)

    return call


def _incident(error: Exception, method: str, info: CallInfo | None) -> str:
    """Log a bug, by its type and its place alone, and return the id to find it by."""
    incident = secrets.token_hex(8)
    log.error(
        "incident",
        incident=incident,
        method=method,
        alarm="CROSS_TENANT" if isinstance(error, CrossTenant) else None,
        error=type(error).__name__,
        request_id=info.request_id or None if info else None,
        trace_id=info.trace_id or None if info else None,
        frames=[
            f"{frame.filename.rpartition('decision_service/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ],
    )
    return incident
