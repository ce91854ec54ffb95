"""Metrics of calls: their number by code, their errors by reason, and their times."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from decision_service.edge.metrics import Metrics
from decision_service.edge.rpc.access import UNOBSERVED
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.edge.rpc.status import code_name, reason_of


class MetricsInterceptor(CallInterceptor):
    """Counts every call once, as it ends."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose calls are counted unless platforms make them all the time."""
        if method.startswith(UNOBSERVED):
            return inner
        of_method = self._metrics.of_method(method.rpartition("/")[2])

        async def call(request: Any, context: RpcContext) -> Any:
            started = perf_counter()
            try:
                reply = await inner(request, context)
            except BaseException as error:
                code = code_name(error)
                self._metrics.failed(code, reason_of(error) or code)
                of_method.ended(code, perf_counter() - started)
                raise
            of_method.ended("OK", perf_counter() - started)
            return reply

        return call
