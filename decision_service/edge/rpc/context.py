"""The context of one call, as its behaviour on the event loop has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

import grpc
import msgspec

from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.callers import Caller
from decision_service.edge.rpc.peers import address_of

NEVER = 1e12
"""Seconds from which what is left of a deadline means that there is none."""

CLIENT_SECONDS = 10.0
"""How long a client may keep a call waiting for its message, or leave its reply unread."""

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]


class CallStatus(msgspec.Struct, frozen=True):
    """A status other than OK, and the metadata that leaves with it."""

    code: grpc.StatusCode
    details: str
    trailing: Metadata = ()


class RpcContext:
    """The parts of a ServicerContext that behaviours use, and the call's `info`.

    `address` is the client's, and `caller` who it is, None where that is not known.
    `receiving_since` and `sending_since` are when the client's message was first waited for, and
    when the reply was handed to gRPC; None otherwise.

    It lets go of gRPC's context as soon as the call is over. gRPC counts a stream for as long as
    its call is held, and takes no further ones on a connection that has as many as it may: who
    remembers this call for longer, as an error's traceback does, would keep others out.
    """

    __slots__ = (
        "_context",
        "_metadata",
        "_send",
        "_work",
        "address",
        "caller",
        "done",
        "info",
        "receiving_since",
        "sending_since",
        "status",
        "trailing",
    )

    def __init__(
        self,
        context: grpc.ServicerContext,
        send: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        self.info = CallInfo()
        self.address = address_of(context.peer())
        self.caller: Caller | None = None
        self.done = False
        self.receiving_since: float | None = None
        self.sending_since: float | None = None
        self.status: CallStatus | None = None
        self.trailing: Metadata = ()
        self._context: grpc.ServicerContext | None = context
        self._metadata: Metadata = tuple(context.invocation_metadata())
        self._send = send
        self._work: Future[Any] | None = None

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one, 0 when the call is over."""
        context = self._context
        left = 0.0 if context is None else context.time_remaining()
        return None if left is None or left > NEVER else left

    def invocation_metadata(self) -> Metadata:
        """What the client sent beside its message."""
        return self._metadata

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Properties of the client's TLS certificate."""
        context = self._context
        return {} if context is None else context.auth_context()  # type: ignore[return-value]  # lists of bytes, whatever the stubs say

    def set_trailing_metadata(self, trailing: Metadata) -> None:
        """What leaves with an OK."""
        self.trailing = trailing

    def end(self, code: grpc.StatusCode, details: str, trailing: Metadata = ()) -> None:
        """Have the call end with an error, whatever its behaviour returns."""
        self.status = CallStatus(code, details, trailing)

    async def write(self, message: Any) -> None:
        """Send one message of a stream; returns when gRPC has taken it."""
        if self._send is None:
            raise TypeError("a call with one reply has no stream")
        await self._send(message)

    def cancel(self) -> None:
        """Break the call off, unless it is over; its client gets CANCELLED."""
        context = self._context
        if context is not None:
            context.cancel()

    def serve(self, work: Future[Any]) -> None:
        """Have this work cancelled when the call is over."""
        self._work = work
        if self.done:  # since before there was work to be cancelled
            work.cancel()

    def over(self) -> None:
        """The status was handed to the connection, or the client is gone."""
        self.done, self._context = True, None
        if self._work is not None:
            self._work.cancel()


Behaviour: TypeAlias = Callable[[Any, RpcContext], Awaitable[Any]]
"""Serves a call: takes its request, or an iterator of them, and returns the reply; a stream's
behaviour writes its replies and returns None."""
