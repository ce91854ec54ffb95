"""Admission: bounds on concurrent calls of four kinds, none of which keeps another out.

CreateDecision takes its place itself, once it is known that nothing is recorded yet: repeated
requests and reads therefore get their answers however many decisions are in progress.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from decision_service.domain.errors import DeadlineMissed
from decision_service.edge.rpc.access import HEALTH_METHODS, PACKAGE, REFLECTION, ROLLOUT_STEPS
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.pipeline.decide.bulkhead import Bulkhead

READS = 32
STEPS = 8
DESCRIPTIONS = 4
_BY_ITSELF = f"/{PACKAGE}.DecisionService/CreateDecision"
_HEAVY = frozenset(
    {
        f"/{PACKAGE}.DecisionService/ReplayDecision",
        f"/{PACKAGE}.RulesetService/ValidateRuleset",
        f"/{PACKAGE}.RulesetService/EvaluateRuleset",
    }
)


class ConcurrencyLimits(msgspec.Struct, frozen=True):
    """`work` is for what gathers or computes, `reads` for what only looks something up.

    `steps` is for kill and the other steps of rollouts, `reflection` for streams of descriptions.
    """

    work: Bulkhead
    reads: Bulkhead
    steps: Bulkhead
    reflection: Bulkhead

    @property
    def calls(self) -> int:
        """How many calls may be open before further ones are refused unread."""
        places = self.work.limit + self.reads.limit + self.steps.limit + self.reflection.limit
        return 3 * places + self.work.limit


class AdmissionInterceptor(CallInterceptor):
    """Serves a call when its bulkhead has a place, and within its deadline."""

    def __init__(self, limits: ConcurrencyLimits) -> None:
        super().__init__()
        self._limits = limits

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour in its bulkhead; raises Overloaded or DeadlineMissed."""
        if method == _BY_ITSELF or method in HEALTH_METHODS:
            return inner
        bulkhead = self._bulkhead(method)

        async def call(request: Any, context: RpcContext) -> Any:
            try:
                async with asyncio.timeout(context.info.seconds) as limit, bulkhead:
                    return await inner(request, context)
            except TimeoutError:
                if not limit.expired():
                    raise
                raise DeadlineMissed("the deadline came before there was an answer") from None

        return call

    def _bulkhead(self, method: str) -> Bulkhead:
        if method in ROLLOUT_STEPS:
            return self._limits.steps
        if method.startswith(REFLECTION):
            return self._limits.reflection
        return self._limits.work if method in _HEAVY else self._limits.reads
