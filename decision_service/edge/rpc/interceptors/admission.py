"""Bounds on concurrent calls: one for heavy work, another for short reads.

CreateDecision takes its place itself, once it is known that nothing is recorded yet: repeated
requests and reads therefore get their answers however many decisions are in progress.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from decision_service.domain.errors import DeadlineMissed
from decision_service.edge.rpc.access import OPEN, PACKAGE
from decision_service.edge.rpc.call_info import CURRENT, Context
from decision_service.edge.rpc.streams import Behaviour
from decision_service.pipeline.bulkhead import Bulkhead

READS = 32
_BY_ITSELF = f"/{PACKAGE}.DecisionService/CreateDecision"
_HEAVY = frozenset(
    {
        f"/{PACKAGE}.DecisionService/ReplayDecision",
        f"/{PACKAGE}.RulesetService/ValidateRuleset",
        f"/{PACKAGE}.RulesetService/EvaluateRuleset",
    }
)


class ConcurrencyLimits(msgspec.Struct, frozen=True):
    """`work` is for what gathers or computes, `reads` for what only looks something up."""

    work: Bulkhead
    reads: Bulkhead

    @property
    def calls(self) -> int:
        """How many calls may be open before the transport refuses more."""
        return 3 * (self.work.limit + self.reads.limit) + self.work.limit


def admitted(inner: Behaviour, method: str, limits: ConcurrencyLimits) -> Behaviour:
    """Run the method in its bulkhead and within its deadline."""
    if method == _BY_ITSELF or method in OPEN:
        return inner
    bulkhead = limits.work if method in _HEAVY else limits.reads

    async def call(request: Any, context: Context) -> Any:
        try:
            async with asyncio.timeout(CURRENT.get().seconds) as limit, bulkhead:
                return await inner(request, context)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineMissed("the deadline came before there was an answer") from None

    return call
