"""The access log: one line for each call that ended, without its user."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import structlog

from decision_service.edge.rpc.access import UNOBSERVED
from decision_service.edge.rpc.call_info import CallInfo
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.edge.rpc.status import code_name, reason_of
from decision_service.telemetry import CallLine, CallLog, UserHash

log = structlog.get_logger("decision_service.rpc")


def log_call(line: CallLine) -> None:
    """Log a call as any other event."""
    log.info("call", **line.fields())


class AccessLogInterceptor(CallInterceptor):
    """Gives `calls` a line for each call; `user_hash` names its user."""

    def __init__(self, calls: CallLog, user_hash: UserHash) -> None:
        super().__init__()
        self._calls = calls
        self._user_hash = user_hash

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose calls are logged unless platforms make them all the time."""
        if method.startswith(UNOBSERVED):
            return inner
        name = method.rpartition("/")[2]

        async def call(request: Any, context: RpcContext) -> Any:
            started = perf_counter()
            try:
                reply = await inner(request, context)
            except BaseException as error:
                self._calls(self._line(name, request, context.info, started, error))
                raise
            self._calls(self._line(name, request, context.info, started))
            return reply

        return call

    def _line(
        self,
        name: str,
        request: Any,
        info: CallInfo,
        started: float,
        error: BaseException | None = None,
    ) -> CallLine:
        user = getattr(request, "user_id", "")
        return CallLine(
            name,
            code_name(error),
            round((perf_counter() - started) * 1000, 1),
            reason_of(error),
            info.request_id,
            info.trace_id,
            info.caller,
            self._user_hash(user) if user else "",
        )
