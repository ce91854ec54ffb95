"""What every call passes through, outermost first:

exceptions → request context → access log → metrics → authentication → admission → the method.

They are layers around each method, put there when it is added to the server, instead of gRPC
interceptors, which gRPC would walk anew with each call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.admission import Rooms, admitted
from decision_service.edge.rpc.authentication import Door, authenticated
from decision_service.edge.rpc.layers import Behaviour, streamed
from decision_service.edge.rpc.observing import Notes, observed
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.telemetry import CallLog, UserHash

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class Guard:
    """What the layers need: who may call, how much at a time, and where it is written down.

    `calls` takes the log's line of each call; None where nobody reads them.
    """

    door: Door
    rooms: Rooms
    metrics: Metrics
    user_hash: UserHash
    stalls: StallWatch
    calls: CallLog | None


class Layers:
    """Stands for a server while services are added: puts the layers around every method."""

    def __init__(self, server: grpc.aio.Server, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Nothing to do: generated code adds the same methods by name as well."""

    def add_registered_method_handlers(self, service: str, methods: Mapping[str, Handler]) -> None:
        """Add a service's methods, each in its layers."""
        wrapped = {name: self._wrap(m, f"/{service}/{name}") for name, m in methods.items()}
        self._server.add_registered_method_handlers(service, wrapped)

    def _wrap(self, handler: Any, method: str) -> Handler:
        form = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            leaving = self._guard.stalls.leaving
            behaviour = self._layered(handler.unary_unary, method, leaving)
            return grpc.unary_unary_rpc_method_handler(behaviour, **form)
        if handler.unary_stream is not None:
            behaviour = self._layered(_writing(handler.unary_stream), method)
            return grpc.unary_stream_rpc_method_handler(behaviour, **form)
        behaviour = self._layered(_writing(handler.stream_stream), method)
        return grpc.stream_stream_rpc_method_handler(behaviour, **form)

    def _layered(
        self, behaviour: Behaviour, method: str, leaving: Callable[[], None] | None = None
    ) -> Behaviour:
        guard = self._guard
        behaviour = admitted(behaviour, method, guard.rooms)
        if method not in OPEN:
            behaviour = authenticated(behaviour, method, guard.door)
        notes = Notes.of(method, guard.metrics, guard.calls, guard.user_hash)
        return observed(behaviour, method, notes, leaving)


def _writing(behaviour: Callable[..., Any]) -> Behaviour:
    return streamed(behaviour) if inspect.isasyncgenfunction(behaviour) else behaviour
