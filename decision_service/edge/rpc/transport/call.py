"""One call: what it brought, and what is sent back on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol, TypeAlias

import grpc
import msgspec

from decision_service.edge.rpc.transport.core import (
    NO_FLAGS,
    NO_METADATA,
    Event,
    ReceiveClose,
    ReceiveMessage,
    SendHead,
    SendMessage,
    SendStatus,
    auth_context,
)

NEVER = 1e12
"""Seconds since 1970 from which a deadline is none."""

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]


class CallEnded(Exception):
    """The call was ended with a status; nothing more is to be done for it."""


class Method(msgspec.Struct, frozen=True):
    """How calls of one method are served.

    `quick` may take a call over at once, in which case it ends it; where it gives False the
    `behaviour` serves the call on a task of its own. `always` says that no load holds it back.
    """

    name: str
    behaviour: Callable[[Any, Call], Any]
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    requests: bool = False
    replies: bool = False
    always: bool = False
    quick: Callable[[Any, Call], bool] | None = None


class Owner(Protocol):
    """The server, as its calls know it."""

    def post(self, work: Callable[[Any], None], given: Any) -> None:
        """Have the event loop do something; for the thread that waits for gRPC."""

    def left(self, call: Call) -> None:
        """A call is over: its status was sent, or its client is gone."""

    def serve(self, call: Call, request: Any) -> None:
        """Serve a call by its method's behaviour, on a task of its own."""

    def leaving(self, call: Call, message: bytes, trailing: Metadata) -> None:
        """Have a call's reply sent, soon."""


class Call:
    """A call that is served, as its behaviour sees it (the parts of a ServicerContext in use).

    It belongs to the event loop, except for what the names of the tags below say: those run on the
    thread that waits for gRPC.

    It lets go of gRPC's call as soon as that is over. gRPC counts a stream for as long as anybody
    holds its call, and takes no further ones on a connection that has as many as it may: whoever
    remembers this call for longer, as an error's traceback does, would keep others out.
    """

    __slots__ = (
        "_core",
        "_details",
        "_headed",
        "_metadata",
        "_owner",
        "_trailing",
        "_watched",
        "counted",
        "done",
        "ended",
        "gone",
        "method",
        "task",
    )

    def __init__(self, event: Event, method: Method, owner: Owner) -> None:
        self.method = method
        self.task: asyncio.Task[None] | None = None
        self.counted = True
        self.ended = self.done = self.gone = False
        self._core: Any = event.call
        self._details = event.call_details
        self._metadata: Metadata = event.invocation_metadata
        self._owner = owner
        self._headed = self._watched = False
        self._trailing: Metadata = ()

    def begin(self) -> None:
        """Wait for its first message, and for its end where it may take a while.

        A call that is taken over at once has its end in the batch of its reply: its client that
        leaves before is not noticed, which spares an operation and an event of each call.
        """
        if self.method.quick is None:
            self._watch()
        self._begin((ReceiveMessage(NO_FLAGS),), self.tag_message)

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one."""
        deadline: float = self._details.deadline
        now = time.time()  # noqa: TID251 - gRPC's core gives the deadline by this clock
        return None if deadline > NEVER else max(deadline - now, 0)

    def invocation_metadata(self) -> Metadata:
        """What the client sent beside its message."""
        return self._metadata

    def set_trailing_metadata(self, trailing: Metadata) -> None:
        """What leaves with an OK."""
        self._trailing = trailing

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What TLS knows of the client."""
        found = auth_context(self._core) or {}
        return {k.decode() if isinstance(k, bytes) else k: v for k, v in found.items()}

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing: Metadata = ()
    ) -> NoReturn:
        """End the call with an error; always raises CallEnded."""
        self.end(code.value[0], details, trailing)
        raise CallEnded

    def reply(self, message: bytes, trailing: Metadata) -> None:
        """End a call of one reply with it, together with others that leave now."""
        if not self.gone and not self.ended:
            self.ended = True
            self._owner.leaving(self, message, trailing)

    def send_reply(self, message: bytes, trailing: Metadata) -> None:
        """Hand the reply of `reply` to gRPC."""
        self._send_last(0, b"", trailing, SendMessage(message, NO_FLAGS))

    def end(self, code: int, details: str, trailing: Metadata) -> None:
        """End the call without a further message."""
        if not self.gone and not self.ended:
            self.ended = True
            self._send_last(code, details.encode(), trailing)

    def refuse(self, code: int, details: str, trailing: Metadata) -> None:
        """End a call of which nothing was looked at; it does not count as open."""
        status = SendStatus(trailing, code, details.encode(), NO_FLAGS)
        self._begin((ReceiveClose(NO_FLAGS), status, *self._head()), _nothing)

    def finish(self, reply: Any) -> None:
        """What its behaviour came to: the one reply, or the end of a stream."""
        if self.method.replies:
            self.end(0, "", self._trailing)
        else:
            self.reply(self.method.write(reply), self._trailing)

    def serve(self, request: Any) -> None:
        """Have its behaviour serve it, on a task of its own."""
        self._watch()
        self._owner.serve(self, request)

    def cancel(self) -> None:
        """Break the call off, unless it is over; its client learns no more than that."""
        core = self._core
        if core is not None:
            core.cancel()

    def served(self) -> None:
        """Its behaviour is over: where its client is gone too, nothing more is to be sent."""
        if self.gone:
            self._core = None

    async def write(self, message: Any) -> None:
        """Send one message of a stream; returns when gRPC has taken it."""
        if self.gone or self.ended:
            raise asyncio.CancelledError
        sent = asyncio.get_running_loop().create_future()
        operations = (*self._head(), SendMessage(self.method.write(message), NO_FLAGS))
        self._begin(operations, lambda _: self._owner.post(_settle, (sent, None)))
        await sent

    async def messages(self, first: bytes) -> AsyncIterator[Any]:
        """The client's messages, of which the first came, until it has no more."""
        message: bytes | None = first
        while message is not None:
            yield self.method.read(message)
            came = asyncio.get_running_loop().create_future()
            self._begin((ReceiveMessage(NO_FLAGS),), partial(self._tag_next, came))
            message = await came

    def tag_message(self, event: Event) -> None:
        """The first message of a call came, or its end without one.

        Streams too are served from their first message on: a client that is still sending it does
        not notice that it was refused.
        """
        if not self.gone:
            self._owner.post(self._take, event.batch_operations[0].message())

    def _tag_next(self, came: asyncio.Future[bytes | None], event: Event) -> None:
        self._owner.post(_settle, (came, event.batch_operations[0].message()))

    def tag_closed(self, event: Event) -> None:
        """The call is closed: by us, or because its client or its deadline broke it off."""
        if event.batch_operations[0].cancelled() and not self.done:
            self.gone = self.done = True
            self._owner.left(self)
            if self.task is not None:
                self._owner.post(self._leave, self.task)

    def tag_sent(self, _: Event) -> None:
        """The status, and all before it, was handed to the connection."""
        self.done = True
        self._core = None
        self._owner.left(self)

    def _take(self, message: bytes | None) -> None:
        if message is None or self.gone:
            if not self.gone:
                self.end(12, f"{self.method.name} takes one message", ())
            return
        if self.method.requests:
            self.serve(self.messages(message))
            return
        try:
            request = self.method.read(message)
        except Exception:  # noqa: BLE001 - whatever a parser raises, the message is none of ours
            self.end(13, f"the message cannot be read as a request of {self.method.name}", ())
            return
        quick = self.method.quick
        if quick is None or not quick(request, self):
            self.serve(request)

    def _leave(self, task: asyncio.Task[None]) -> None:
        task.cancel()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._begin((ReceiveClose(NO_FLAGS),), self.tag_closed)

    def _send_last(self, code: int, details: bytes, trailing: Metadata, *message: Any) -> None:
        status = SendStatus(trailing, code, details, NO_FLAGS)
        close = () if self._watched else (ReceiveClose(NO_FLAGS),)
        self._begin((status, *self._head(), *message, *close), self.tag_sent)

    def _head(self) -> tuple[Any, ...]:
        if self._headed:
            return ()
        self._headed = True
        return (SendHead(NO_METADATA, NO_FLAGS),)

    def _begin(self, operations: tuple[Any, ...], tag: Callable[[Event], None]) -> None:
        self._core.start_server_batch(operations, tag)


def _nothing(_: Event) -> None:
    """A refused call is over."""


def _settle(given: tuple[asyncio.Future[Any], Any]) -> None:
    future, result = given
    if not future.done():
        future.set_result(result)
