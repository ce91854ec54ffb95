"""What every call passes through, outermost first: exception map, then access log."""

from __future__ import annotations

import asyncio
import secrets
import traceback
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeAlias

import grpc
import structlog

from decision_service.domain.errors import CrossTenant, ServiceError
from decision_service.edge.rpc.calls import Context, call_info
from decision_service.edge.rpc.status import abort, internal, may_be_told, status_of

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Behaviour = Callable[..., Any]
_SILENT = "/grpc.health.v1.Health/", "/grpc.reflection."

log = structlog.get_logger("decision_service.rpc")


class ExceptionMap(grpc.aio.ServerInterceptor):
    """Turns every exception into a status, so that no exception's text reaches a client."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Wrap a unary method; streams (health, reflection) carry no words of ours."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _guarded(handler.unary_unary, handler_call_details.method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _guarded(behaviour: Behaviour, method: str) -> Behaviour:
    async def call(request: Any, context: Context) -> Any:
        started = perf_counter()
        try:
            reply = await behaviour(request, context)
        except ServiceError as error:
            await _refuse(error, context, method, started)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the wall behind which every bug stays
            await _bug(error, context, method)
        else:
            _access(context, method, "OK", started)
            return reply

    return call


async def _refuse(error: ServiceError, context: Context, method: str, started: float) -> None:
    if not may_be_told(error):
        await _bug(error, context, method)
    status = status_of(error)
    _access(context, method, error.reason, started)
    await abort(context, status)


async def _bug(error: BaseException, context: Context, method: str) -> None:
    incident = secrets.token_hex(8)
    log.error(
        "incident",
        incident=incident,
        method=method,
        alarm="CROSS_TENANT" if isinstance(error, CrossTenant) else None,
        error=type(error).__name__,
        frames=[
            f"{frame.filename.rpartition('decision_service/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ],
    )
    await abort(context, internal(incident))


def _access(context: Context, method: str, result: str, started: float) -> None:
    if method.startswith(_SILENT):
        return
    log.info(
        "call",
        method=method.rpartition("/")[2],
        result=result,
        ms=round((perf_counter() - started) * 1000, 1),
        request_id=call_info(context).request_id or None,
    )
