"""The request context: a call's metadata, read once, and what goes back with its reply."""

from __future__ import annotations

import re
from typing import Any

from decision_service.edge.rpc.call_info import DEFAULT_DEADLINE, CallInfo
from decision_service.edge.rpc.context import Behaviour, RpcContext
from decision_service.edge.rpc.interceptors.base import CallInterceptor
from decision_service.tracing import trace_id

LONGEST_DEADLINE = 3600.0
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)


class RequestContextInterceptor(CallInterceptor):
    """Gives a call its CallInfo, and sends the trailers that belong to it."""

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        """The behaviour, whose context has the call's info."""

        async def call(request: Any, context: RpcContext) -> Any:
            info = context.info = read_call(context, method)
            info.trace_id = info.trace_id or trace_id()
            reply = await inner(request, context)
            if info.trailing:
                context.set_trailing_metadata(tuple(info.trailing))
            return reply

        return call


def read_call(context: RpcContext, method: str) -> CallInfo:
    """Read what a call brings; malformed metadata counts as absent."""
    remaining = context.time_remaining()
    metadata = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    info = CallInfo(
        method,
        DEFAULT_DEADLINE if remaining is None else min(remaining, LONGEST_DEADLINE),
        metadata,
    )
    if "traceparent" in metadata:
        trace = _TRACEPARENT.fullmatch(metadata["traceparent"])
        info.trace_id = trace[1] if trace else ""
    request_id = metadata.get("x-request-id", "")
    if request_id and _REQUEST_ID.fullmatch(request_id):
        info.request_id = request_id
        info.trailing.append(("x-request-id", request_id))
    return info
