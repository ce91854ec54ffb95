"""The layers of a call that is answered without a task of its own.

They are those of `interceptors` for the call that goes well. One that does not, in whatever way, is
left to the other layers, which begin anew and say what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

import structlog

from decision_service.domain.errors import DeadlineMissed, ServiceError
from decision_service.edge.rpc.authentication import Gate
from decision_service.edge.rpc.calls import CallInfo, Context, read_call
from decision_service.edge.rpc.observing import Notes
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.edge.rpc.status import end, status_of

log = structlog.get_logger("decision_service.rpc")

Start = Callable[[Any, Context], bool]
"""Takes a call over; False, and nothing has happened, where it does not."""


class Quick(Protocol):
    """A method that may answer at once."""

    def __call__(
        self,
        request: Any,
        info: CallInfo,
        answer: Callable[[bytes], None],
        otherwise: Callable[[], None],
    ) -> bool:
        """Whether one of `answer` and `otherwise` will be called, later and once."""


def started_at_once(inner: Quick, gate: Gate, notes: Notes | None, watch: StallWatch) -> Start:
    """The method in its layers."""

    def start(request: Any, call: Context) -> bool:
        started = perf_counter()
        try:
            info = read_call(call, gate.method)
            gate.let_in(info, call)
            answered = _Answered(request, call, info, notes, watch, started)
            if not inner(request, info, answered.answer, answered.otherwise):
                return False
            if call.time_remaining() is None:  # gRPC ends those that have a deadline
                answered.hurry(info.seconds)
            return True
        except ServiceError:
            return False
        except Exception as error:  # noqa: BLE001 - the long way tells it, and gives it an incident
            log.warning("not at once", method=gate.method, error=type(error).__name__)
            return False

    return start


class _Answered:
    """What is done when a call has its answer."""

    __slots__ = ("_call", "_info", "_notes", "_request", "_started", "_timer", "_watch")

    def __init__(
        self,
        request: Any,
        call: Context,
        info: CallInfo,
        notes: Notes | None,
        watch: StallWatch,
        started: float,
    ) -> None:
        self._request, self._call, self._info = request, call, info
        self._notes, self._watch, self._started = notes, watch, started
        self._timer: asyncio.TimerHandle | None = None

    def hurry(self, seconds: float) -> None:
        """Tell a client without a deadline when the service's own has come."""
        self._timer = asyncio.get_running_loop().call_later(seconds, self._late)

    def _late(self) -> None:
        """The decision goes on; asking again with its request id finds it."""
        self._failed(DeadlineMissed("the deadline came before the decision was recorded"))

    def _failed(self, error: ServiceError) -> None:
        end(self._call, status_of(error), self._info.trailing)
        if self._notes is not None:
            self._notes.failed(self._request, self._info, self._started, error)

    def answer(self, reply: bytes) -> None:
        """Send it, unless its client has left."""
        call, notes = self._call, self._notes
        if self._timer is not None:
            self._timer.cancel()
        if call.ended:
            return
        if call.gone:
            if notes is not None:
                left = asyncio.CancelledError()
                notes.failed(self._request, self._info, self._started, left)
            return
        call.reply(reply, self._info.trailing)
        self._watch.leaving(call)
        if notes is not None:
            notes.ended(self._request, self._info, self._started)

    def otherwise(self) -> None:
        """Serve it on a task of its own, with all its layers."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._call.gone and not self._call.ended:
            self._call.serve(self._request)
