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
from decision_service.telemetry import UserHash

log = structlog.get_logger("decision_service.rpc")


class AccessLogInterceptor(CallInterceptor):
    """Logs each call; `user_hash` names its user."""

    def __init__(self, user_hash: UserHash) -> None:
        super().__init__()
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
                self._log(name, request, context.info, started, error)
                raise
            self._log(name, request, context.info, started)
            return reply

        return call

    def _log(
        self,
        name: str,
        request: Any,
        info: CallInfo,
        started: float,
        error: BaseException | None = None,
    ) -> None:
        user = getattr(request, "user_id", "")
        log.info(
            "call",
            method=name,
            code=code_name(error),
            ms=round((perf_counter() - started) * 1000, 1),
            reason=reason_of(error),
            request_id=info.request_id or None,
            trace_id=info.trace_id or None,
            caller=info.caller or None,
            user=self._user_hash(user) if user else None,
        )
