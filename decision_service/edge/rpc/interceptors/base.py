"""Interceptors of `grpc.server` whose handlers' behaviours are coroutines, as in `grpc.aio`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc

from decision_service.edge.rpc.context import Behaviour

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Handler | None]"

_MAKERS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class MethodInterceptor(grpc.ServerInterceptor, ABC):
    """Wraps the handler of each method, once; an unknown method has no handler."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """The method's handler, from the second call on as it was made for the first."""
        method = handler_call_details.method
        made = self._handlers.get(method)
        if made is None and (handler := continuation(handler_call_details)) is not None:
            made = self._handlers.setdefault(method, self.wrap(handler, method))
        return made

    @abstractmethod
    def wrap(self, handler: Handler, method: str) -> Handler:
        """The handler of a method with what this interceptor adds."""


class CallInterceptor(MethodInterceptor):
    """Wraps a method's behaviour in another one, which runs on the event loop."""

    def wrap(self, handler: Handler, method: str) -> Handler:
        """A handler like this one with the other behaviour."""
        make = _MAKERS[handler.request_streaming, handler.response_streaming]
        return make(
            self.around(behaviour_of(handler), method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    @abstractmethod
    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """A behaviour that awaits the inner one, or the inner one itself."""


def behaviour_of(handler: Handler) -> Behaviour:
    """What serves the calls of a handler, of whichever kind it is."""
    found: Any = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    return found  # type: ignore[no-any-return]  # services give coroutines, which the stubs lack
