"""The ClockService: what the clock is judged by, and its reset."""

from __future__ import annotations

import msgspec

from decision_service.api.v1 import clock_service_pb2 as pb
from decision_service.decide.clock_guard import OperateClock
from decision_service.decide.decide import ANSWER_MARGIN
from decision_service.domain.ports import Clock
from decision_service.server.context import RpcContext
from decision_service.server.rollouts import why_from
from decision_service.server.wire import Mapper, Problems

SERVICE = pb.DESCRIPTOR.services_by_name["ClockService"]
_CLOCK = Mapper(
    {
        pb.Clock: {"ahead_of_vendor": "drift", "newest_decision_time": "newest"},
        pb.ClockReset: {
            "reset_time": "at",
            "first_decision_time": "first",
            "last_decision_time": "last",
        },
    }
)


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
        return pb.GetClockResponse(
            clock=_CLOCK.message(pb.Clock, await self._use_cases.operate.show())
        )

    async def reset_clock(
        self, request: pb.ResetClockRequest, context: RpcContext
    ) -> pb.ResetClockResponse:
        """Reset the guard, with a reason."""
        with Problems() as problems:
            why, who = why_from(request.why, problems), context.info.caller
        stop_at = self._use_cases.clock.monotonic() + context.info.seconds - ANSWER_MARGIN
        after = await self._use_cases.operate.reset(who, why, stop_at)
        return pb.ResetClockResponse(clock=_CLOCK.message(pb.Clock, after))
