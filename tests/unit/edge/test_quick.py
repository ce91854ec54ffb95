"""Calls that are answered at once: every end of one, and everything that is left to a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from decision_service.api.v1.decision_service_pb2 import CreateDecisionRequest
from decision_service.domain.errors import ProductUnknown
from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.authentication import Door, Gate
from decision_service.edge.rpc.calls import CallInfo
from decision_service.edge.rpc.observing import Notes
from decision_service.edge.rpc.quick import Quick, started_at_once
from decision_service.edge.rpc.stalls import StallWatch
from decision_service.telemetry import CallLine

METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"
REQUEST = CreateDecisionRequest(user_id="u-1")


@dataclass
class FakeCall:
    """A call by hand: what was done with it."""

    remaining: float | None = 5.0
    ended: bool = False
    done: bool = False
    sent: list[tuple[Any, ...]] = field(default_factory=list)

    def time_remaining(self) -> float | None:
        return self.remaining

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-request-id", "mine"),)

    def reply(self, message: bytes, trailing: Any) -> None:
        self.ended = True
        self.sent.append(("reply", message, tuple(trailing)))

    def end(self, code: int, details: str, trailing: Any) -> None:
        self.ended = True
        self.sent.append(("end", code, dict(trailing)))

    def serve(self, request: Any) -> None:
        self.sent.append(("task", request))

    def cancel(self) -> None:
        self.sent.append(("cancel",))


@dataclass
class Desk:
    """A method that takes every call over, and is told by the test what to say."""

    lines: list[CallLine] = field(default_factory=list)
    answer: Callable[[bytes], None] | None = None
    otherwise: Callable[[], None] | None = None
    info: CallInfo | None = None
    watch: StallWatch = field(default_factory=lambda: StallWatch(lambda: 0.0))

    def start(self, call: FakeCall, inner: Quick | None = None) -> bool:
        return self.starter(inner)(REQUEST, call)

    def starter(self, inner: Quick | None = None) -> Callable[[Any, Any], bool]:
        notes = Notes.of(METHOD, Metrics(), self.lines.append, lambda user: f"hash of {user}")
        return started_at_once(inner or self.take, Gate(METHOD, Door()), notes, self.watch)

    def take(self, _: Any, info: CallInfo, answer: Any, otherwise: Any) -> bool:
        self.info, self.answer, self.otherwise = info, answer, otherwise
        return True


async def test_an_answer_is_sent_noted_and_watched() -> None:
    """With the call's trailers; its line names the caller and the user's hash."""
    desk, call = Desk(), FakeCall()
    assert desk.start(call)
    assert desk.answer is not None
    assert desk.info is not None
    assert desk.info.seconds == 5.0
    assert not call.sent
    desk.answer(b"yes")
    assert call.sent == [("reply", b"yes", (("x-request-id", "mine"),))]
    assert [(one.code, one.caller, one.user) for one in desk.lines] == [
        ("OK", "anonymous", "hash of u-1")
    ]
    assert desk.watch.under_way == 1


async def test_an_answer_after_the_clients_deadline_counts_as_none() -> None:
    """It is handed to gRPC, which ends the call without it; the call's line tells the truth."""
    desk, call = Desk(), FakeCall(remaining=0.0)
    assert desk.start(call)
    assert desk.answer is not None
    desk.answer(b"yes")
    assert [one[0] for one in call.sent] == ["reply"]
    assert [one.code for one in desk.lines] == ["DEADLINE_EXCEEDED"]


async def test_one_timer_serves_all_calls_without_a_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that were answered are left alone, and the next that is not has its turn."""
    monkeypatch.setattr("decision_service.edge.rpc.calls.DEFAULT_DEADLINE", 0.01)
    desk, calls, answers = Desk(), [FakeCall(remaining=None) for _ in range(3)], []
    begin = desk.starter()
    for call in calls:
        assert begin(REQUEST, call)
        answers.append(desk.answer)
    answers[1](b"yes")
    while not calls[2].sent:
        await asyncio.sleep(0.001)
    assert [call.sent[0][0] for call in calls] == ["end", "reply", "end"]
    assert all(len(call.sent) == 1 for call in calls)


async def test_what_cannot_be_settled_goes_on_as_a_task() -> None:
    """The request is served from its beginning, and nobody notes the call twice."""
    desk, call = Desk(), FakeCall()
    assert desk.start(call)
    assert desk.otherwise is not None
    desk.otherwise()
    assert call.sent == [("task", REQUEST)]
    assert not desk.lines


async def test_the_services_own_deadline_ends_a_call_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told DEADLINE_EXCEEDED once; an answer that comes later changes nothing."""
    monkeypatch.setattr("decision_service.edge.rpc.calls.DEFAULT_DEADLINE", 0.0)
    desk, call = Desk(), FakeCall(remaining=None)
    assert desk.start(call)
    while not call.sent:
        await asyncio.sleep(0)
    [(kind, code, trailing)] = call.sent
    info = ErrorInfo()
    status = Status.FromString(trailing["grpc-status-details-bin"])
    assert status.details[0].Unpack(info)
    assert (kind, code, info.reason) == ("end", 4, "DEADLINE_EXCEEDED")
    assert desk.answer is not None
    assert desk.otherwise is not None
    desk.answer(b"late")
    desk.otherwise()
    assert len(call.sent) == 1
    assert [one.code for one in desk.lines] == ["DEADLINE_EXCEEDED"]


@pytest.mark.parametrize("error", [ProductUnknown("there is none"), ValueError("a bug")])
async def test_an_error_is_left_to_the_layers_that_tell_it(error: Exception) -> None:
    """Nothing is sent or noted; the call is served as any other."""

    def failing(*_: Any) -> bool:
        raise error

    desk, call = Desk(), FakeCall()
    assert not desk.start(call, failing)
    assert not call.sent
    assert not desk.lines


async def test_what_is_not_taken_over_is_left_as_it_was() -> None:
    """No timer runs for it, and nothing is noted."""
    desk, call = Desk(), FakeCall(remaining=None)
    assert not desk.start(call, lambda *_: False)
    assert not call.sent
    assert not desk.lines
