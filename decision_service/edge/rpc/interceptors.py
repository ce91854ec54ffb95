"""What every call passes through, outermost first:

exceptions → request context → access log → metrics → authentication → admission → the method.

They are layers around each method, made once per method, instead of one gRPC interceptor each:
gRPC would walk its chain and make every handler anew with each call.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.admission import Rooms, admitted
from decision_service.edge.rpc.authentication import Door, authenticated
from decision_service.edge.rpc.calls import Context
from decision_service.edge.rpc.layers import Behaviour, streamed
from decision_service.edge.rpc.observing import counted, exceptions_mapped, logged, with_context
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.telemetry import UserHash

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


@dataclass(frozen=True, slots=True)
class Guard:
    """What the layers need: who may call, how much at a time, and where it is written down."""

    door: Door
    rooms: Rooms
    metrics: Metrics
    user_hash: UserHash
    stalls: StallWatch


class Layers(grpc.aio.ServerInterceptor):
    """Puts the layers around every method of every service."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The method with its layers; None, which is UNIMPLEMENTED, where there is none."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrap(handler, method)
        return wrapped

    def _wrap(self, handler: Any, method: str) -> Handler:
        form = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            behaviour = self._ending(self._layered(handler.unary_unary, method))
            return grpc.unary_unary_rpc_method_handler(behaviour, **form)
        if handler.unary_stream is not None:
            behaviour = self._layered(_writing(handler.unary_stream), method)
            return grpc.unary_stream_rpc_method_handler(behaviour, **form)
        behaviour = self._layered(_writing(handler.stream_stream), method)
        return grpc.stream_stream_rpc_method_handler(behaviour, **form)

    def _layered(self, behaviour: Behaviour, method: str) -> Behaviour:
        guard = self._guard
        behaviour = admitted(behaviour, method, guard.rooms)
        if method not in OPEN:
            behaviour = authenticated(behaviour, method, guard.door)
        behaviour = counted(behaviour, method, guard.metrics)
        behaviour = logged(behaviour, method, guard.user_hash)
        behaviour = with_context(behaviour, method)
        return exceptions_mapped(behaviour, method)

    def _ending(self, behaviour: Behaviour) -> Behaviour:
        leaving = self._guard.stalls.leaving

        async def call(request: Any, context: Context) -> Any:
            reply = await behaviour(request, context)
            leaving(context)
            return reply

        return call


def _writing(behaviour: Callable[..., Any]) -> Behaviour:
    return streamed(behaviour) if inspect.isasyncgenfunction(behaviour) else behaviour
