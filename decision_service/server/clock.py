"""The ClockService: what the clock is judged by, and its reset."""

from __future__ import annotations

import msgspec
from google.protobuf.duration_pb2 import Duration

from decision_service.api.v1 import clock_service_pb2 as pb
from decision_service.decide.clock_guard import ClockStatus, OperateClock
from decision_service.decide.decide import ANSWER_MARGIN
from decision_service.domain.ports import Clock
from decision_service.server.context import RpcContext
from decision_service.server.rollouts import why_from
from decision_service.server.wire import Problems, optional_time, same, timestamp

SERVICE = pb.DESCRIPTOR.services_by_name["ClockService"]


class ClockUseCases(msgspec.Struct, frozen=True):
    operate: OperateClock
    clock: Clock


class ClockServicer:
    def __init__(self, use_cases: ClockUseCases) -> None:
        self._use_cases = use_cases

    async def get_clock(
        self, request: pb.GetClockRequest, context: RpcContext
    ) -> pb.GetClockResponse:
        """The clock as it is now."""
        del request, context
        return pb.GetClockResponse(clock=_clock(await self._use_cases.operate.show()))

    async def reset_clock(
        self, request: pb.ResetClockRequest, context: RpcContext
    ) -> pb.ResetClockResponse:
        """Reset the guard, with a reason."""
        with Problems() as problems:
            why, who = why_from(request.why, problems), context.info.caller
        stop_at = self._use_cases.clock.monotonic() + context.info.seconds - ANSWER_MARGIN
        after = await self._use_cases.operate.reset(who, why, stop_at)
        return pb.ResetClockResponse(clock=_clock(after))


def _clock(shown: ClockStatus) -> pb.Clock:
    message = pb.Clock(
        now=timestamp(shown.now),
        doubted=shown.doubted,
        resets=[
            pb.ClockReset(
                **same(one, "who", "why"),
                reset_time=timestamp(one.at),
                first_decision_time=timestamp(one.first),
                last_decision_time=timestamp(one.last),
            )
            for one in shown.resets
        ],
        newest_decision_time=optional_time(shown.newest),
    )
    if shown.drift is not None:
        drift = Duration()
        drift.FromTimedelta(shown.drift)
        message.ahead_of_vendor.CopyFrom(drift)
    return message
