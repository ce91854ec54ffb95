"""The layers of a call that is answered without a task of its own.

They are those of `interceptors` for the call that goes well. One that does not, in whatever way, is
left to the other layers, which begin anew and say what is wrong.
"""

from __future__ import annotations

import asyncio
from collections import deque
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
    patience = _Patience()

    def start(request: Any, call: Context) -> bool:
        started = perf_counter()
        try:
            info = read_call(call, gate.method)
            gate.let_in(info, call)
            answered = _Answered(request, call, info, notes, watch, started)
            if not inner(request, info, answered.answer, answered.otherwise):
                return False
            if info.own_deadline:  # gRPC ends those that have the client's
                patience.ends(answered, started + info.seconds)
            return True
        except ServiceError:
            return False
        except Exception as error:  # noqa: BLE001 - the long way tells it, and gives it an incident
            log.warning("not at once", method=gate.method, error=type(error).__name__)
            return False

    return start


class _Patience:
    """The calls to which the service's own deadline applies, in the order in which it comes.

    One timer serves all of them; those that have ended are forgotten as later ones come.
    """

    def __init__(self) -> None:
        self._calls: deque[tuple[float, _Answered]] = deque()
        self._armed = False

    def ends(self, call: _Answered, when: float) -> None:
        """Tell a call's client at this instant of `perf_counter`, unless it has ended."""
        calls = self._calls
        while calls and calls[0][1].ended:
            calls.popleft()
        calls.append((when, call))
        if not self._armed:
            self._arm()

    def _arm(self) -> None:
        self._armed = True
        left = max(0.0, self._calls[0][0] - perf_counter())
        asyncio.get_running_loop().call_later(left, self._look)

    def _look(self) -> None:
        calls, now = self._calls, perf_counter()
        while calls and (calls[0][1].ended or calls[0][0] <= now):
            _, call = calls.popleft()
            if not call.ended:
                call.late()
        self._armed = False
        if calls:
            self._arm()


class _Answered:
    """What is done when a call has its answer; `ended` says that it has one."""

    __slots__ = ("_call", "_info", "_notes", "_request", "_started", "_watch", "ended")

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
        self.ended = False

    def late(self) -> None:
        """The decision goes on; asking again with its request id finds it."""
        self.ended = True
        self._failed(DeadlineMissed.unrecorded())

    def _failed(self, error: ServiceError) -> None:
        end(self._call, status_of(error), self._info.trailing)
        if self._notes is not None:
            self._notes.failed(self._request, self._info, self._started, error)

    def answer(self, reply: bytes) -> None:
        """Send it; gRPC does not, where the client's deadline has come meanwhile."""
        call, notes = self._call, self._notes
        self.ended = True
        if call.ended:
            return
        call.reply(reply, self._info.trailing)
        self._watch.leaving(call)
        if notes is None:
            return
        if perf_counter() - self._started < self._info.seconds:
            notes.ended(self._request, self._info, self._started)
        else:
            notes.failed(self._request, self._info, self._started, DeadlineMissed.unrecorded())

    def otherwise(self) -> None:
        """Serve it on a task of its own, with all its layers."""
        self.ended = True
        if not self._call.ended:
            self._call.serve(self._request)
