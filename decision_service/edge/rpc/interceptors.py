"""What every call passes through, outermost first:

exceptions → request context → access log → metrics → authentication → admission → the method.

They are layers around each method, put there when it is added to the server, instead of gRPC
interceptors, which gRPC would walk anew with each call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import grpc
import msgspec

from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.admission import Rooms, admitted
from decision_service.edge.rpc.authentication import Door, Gate, authenticated
from decision_service.edge.rpc.calls import Context
from decision_service.edge.rpc.layers import Behaviour, streamed
from decision_service.edge.rpc.observing import Notes, observed
from decision_service.edge.rpc.quick import Quick, Start, started_at_once
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.edge.rpc.transport.call import Method
from decision_service.edge.rpc.transport.server import Server
from decision_service.telemetry import CallLog, UserHash

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
NONE: Mapping[str, Quick] = {}


class Guard(msgspec.Struct, frozen=True):
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

    def __init__(self, server: Server, guard: Guard) -> None:
        self._server = server
        self._guard = guard

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Nothing to do: generated code adds the same methods by name as well."""

    def add_registered_method_handlers(
        self, service: str, methods: Mapping[str, Handler], quick: Mapping[str, Quick] = NONE
    ) -> None:
        """Add a service's methods, each in its layers; some have a way to answer at once."""
        paths = {f"/{service}/{name}": handler for name, handler in methods.items()}
        starts = {f"/{service}/{name}": one for name, one in quick.items()}
        wrapped = {path: self._wrap(one, path, starts.get(path)) for path, one in paths.items()}
        self._server.add(wrapped)

    def _wrap(self, handler: Any, method: str, quick: Quick | None) -> Method:
        unary, watch = handler.unary_unary is not None, self._guard.stalls.leaving
        inner = handler.unary_unary or _writing(handler.unary_stream or handler.stream_stream)
        return Method(
            name=method.rpartition("/")[2],
            behaviour=self._layered(inner, method, watch if unary else None),
            read=handler.request_deserializer,
            write=handler.response_serializer,
            requests=handler.request_streaming,
            replies=handler.response_streaming,
            always=method in OPEN,
            quick=None if quick is None else self._at_once(quick, method),
        )

    def _at_once(self, quick: Quick, method: str) -> Start:
        guard = self._guard
        notes = Notes.of(method, guard.metrics, guard.calls, guard.user_hash)
        return started_at_once(quick, Gate(method, guard.door), notes, guard.stalls)

    def _layered(
        self, behaviour: Behaviour, method: str, leaving: Callable[[Context], None] | None = None
    ) -> Behaviour:
        guard = self._guard
        behaviour = admitted(behaviour, method, guard.rooms)
        if method not in OPEN:
            behaviour = authenticated(behaviour, Gate(method, guard.door))
        notes = Notes.of(method, guard.metrics, guard.calls, guard.user_hash)
        return observed(behaviour, method, notes, leaving)


def _writing(behaviour: Callable[..., Any]) -> Behaviour:
    return streamed(behaviour) if inspect.isasyncgenfunction(behaviour) else behaviour
