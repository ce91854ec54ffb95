"""How much is served at a time: heavy work in one room, short reads in another.

CreateDecision takes its place itself, once it is known that nothing is recorded yet: repeated
requests and reads therefore get their answers however many decisions are in progress.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from decision_service.domain.errors import DeadlineMissed
from decision_service.edge.rpc.access import OPEN, PACKAGE
from decision_service.edge.rpc.calls import CURRENT, Context
from decision_service.edge.rpc.layers import Behaviour
from decision_service.pipeline.decide.bulkhead import WorkRoom

READS = 32
_BY_ITSELF = f"/{PACKAGE}.DecisionService/CreateDecision"
_HEAVY = frozenset(
    {
        f"/{PACKAGE}.DecisionService/ReplayDecision",
        f"/{PACKAGE}.RulesetService/ValidateRuleset",
        f"/{PACKAGE}.RulesetService/EvaluateRuleset",
    }
)


class Rooms(msgspec.Struct, frozen=True):
    """`work` is for what gathers or computes, `reads` for what only looks something up."""

    work: WorkRoom
    reads: WorkRoom

    @property
    def calls(self) -> int:
        """How many calls may be open before the transport refuses more."""
        return 3 * (self.work.limit + self.reads.limit) + self.work.limit


def admitted(inner: Behaviour, method: str, rooms: Rooms) -> Behaviour:
    """Run the method in its room and within its deadline."""
    if method == _BY_ITSELF or method in OPEN:
        return inner
    room = rooms.work if method in _HEAVY else rooms.reads

    async def call(request: Any, context: Context) -> Any:
        try:
            async with asyncio.timeout(CURRENT.get().seconds) as limit, room:
                return await inner(request, context)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineMissed("the deadline came before there was an answer") from None

    return call
