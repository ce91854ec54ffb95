"""What every call passes through, outermost first:

exceptions → request context → access log → metrics → authentication → admission → the method.

They are layers around each method, put there when it is added to the server. What is known of a
call lives on the event loop, where an interceptor of `grpc.server`, called by gRPC's threads, does
not come; those of other packages stand around them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
import msgspec

from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.authentication import Authenticator, Authorizer, authenticated
from decision_service.edge.rpc.call_info import Context
from decision_service.edge.rpc.interceptors.admission import ConcurrencyLimits, admitted
from decision_service.edge.rpc.interceptors.event_loop import Handler, LoopHandlers
from decision_service.edge.rpc.interceptors.observing import Notes, observed
from decision_service.edge.rpc.interceptors.slow_readers import SlowReaders
from decision_service.edge.rpc.streams import Behaviour, streamed
from decision_service.telemetry import CallLog, UserHash


class ServerDeps(msgspec.Struct, frozen=True):
    """What the layers need: who may call, how much at a time, and where it is written down.

    `calls` takes the log's line of each call; None where nobody reads them.
    """

    authenticator: Authenticator
    limits: ConcurrencyLimits
    metrics: Metrics
    user_hash: UserHash
    slow_readers: SlowReaders
    calls: CallLog | None


class Layers:
    """Stands for a server while services are added: puts the layers around every method."""

    def __init__(self, server: grpc.Server, deps: ServerDeps, handlers: LoopHandlers) -> None:
        self._server = server
        self._deps = deps
        self._handlers = handlers

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Nothing to do: generated code adds the same methods by name as well."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Add a service's methods, each in its layers."""
        handlers = {
            name: self._wrap(handler, f"/{service_name}/{name}")
            for name, handler in method_handlers.items()
        }
        self._server.add_registered_method_handlers(service_name, handlers)

    def _wrap(self, handler: Any, method: str) -> Handler:
        unary, watch = handler.unary_unary is not None, self._deps.slow_readers.track
        inner = handler.unary_unary or _writing(handler.unary_stream or handler.stream_stream)
        behaviour = self._layered(inner, method, watch if unary else None)
        return self._handlers.handler(handler, behaviour, always=method in OPEN)

    def _layered(
        self, behaviour: Behaviour, method: str, leaving: Callable[[Context], None] | None = None
    ) -> Behaviour:
        deps = self._deps
        behaviour = admitted(behaviour, method, deps.limits)
        if method not in OPEN:
            behaviour = authenticated(behaviour, Authorizer(method, deps.authenticator))
        notes = Notes.of(method, deps.metrics, deps.calls, deps.user_hash)
        return observed(behaviour, method, notes, leaving)


def _writing(behaviour: Callable[..., Any]) -> Behaviour:
    return streamed(behaviour) if inspect.isasyncgenfunction(behaviour) else behaviour
