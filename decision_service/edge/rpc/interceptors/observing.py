"""The outermost layer: no exception's words get out, and every call is logged and counted once."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec
import structlog
from google.rpc.status_pb2 import Status

from decision_service.domain.errors import CrossTenant, ServiceError
from decision_service.edge.metrics import MethodMetrics, Metrics
from decision_service.edge.rpc.access import OPEN
from decision_service.edge.rpc.call_info import CURRENT, CallInfo, Context, read_call
from decision_service.edge.rpc.status import (
    code_name,
    ending,
    internal,
    may_be_told,
    reason_of,
    status_of,
)
from decision_service.edge.rpc.streams import Behaviour
from decision_service.telemetry import CallLine, CallLog

_SILENT = (*OPEN, "/grpc.reflection.")

log = structlog.get_logger("decision_service.rpc")


def log_call(line: CallLine) -> None:
    """Log a call as any other event."""
    log.info("call", **line.fields())


class Notes(msgspec.Struct, frozen=True):
    """What is written down of one method's calls: a line for each, counts, and times."""

    name: str
    metrics: Metrics
    of_method: MethodMetrics
    calls: CallLog | None
    user_hash: Callable[[str], str]

    @classmethod
    def of(
        cls,
        method: str,
        metrics: Metrics,
        calls: CallLog | None,
        user_hash: Callable[[str], str],
    ) -> Notes | None:
        """The notes of a method; None for what platforms ask all the time."""
        if method.startswith(_SILENT):
            return None
        name = method.rpartition("/")[2]
        return cls(name, metrics, metrics.of_method(name), calls, user_hash)

    def ended(self, request: Any, info: CallInfo | None, started: float) -> None:
        """A call was answered."""
        self._note(request, info, started, "OK", None)

    def failed(
        self, request: Any, info: CallInfo | None, started: float, error: BaseException
    ) -> None:
        """A call ended with an error."""
        code, reason = code_name(error), reason_of(error)
        self.metrics.failed(code, reason or code)
        self._note(request, info, started, code, reason)

    def _note(
        self, request: Any, info: CallInfo | None, started: float, code: str, reason: str | None
    ) -> None:
        seconds = perf_counter() - started
        self.of_method.ended(code, seconds)
        if self.calls is None or info is None:
            return
        user = getattr(request, "user_id", "")
        self.calls(
            CallLine(
                self.name,
                code,
                round(seconds * 1000, 1),
                reason,
                info.request_id,
                info.trace_id,
                info.caller,
                self.user_hash(user) if user else "",
            )
        )


def observed(
    inner: Behaviour,
    method: str,
    notes: Notes | None,
    leaving: Callable[[Context], None] | None = None,
) -> Behaviour:
    """Read the call's metadata, once, send back what belongs to it, and note how the call ends.

    Every exception becomes a status, so that no exception's text reaches a client. `leaving` hears
    of each reply that is about to be sent.
    """

    async def call(request: Any, context: Context) -> Any:
        started, info = perf_counter(), None
        try:
            info = read_call(context, method)
            CURRENT.set(info)
            reply = await inner(request, context)
            if info.trailing:
                context.set_trailing_metadata(tuple(info.trailing))
        except BaseException as error:
            if notes is not None:
                notes.failed(request, info, started, error)
            if not isinstance(error, Exception):
                raise
            context.ending = ending(_status(error, method, info), info.trailing if info else ())
            return None
        if notes is not None:
            notes.ended(request, info, started)
        if leaving is not None:
            leaving(context)
        return reply

    return call


def _status(error: Exception, method: str, info: CallInfo | None) -> Status:
    if isinstance(error, ServiceError) and may_be_told(error):
        return status_of(error)
    return internal(_incident(error, method, info))


def _incident(error: Exception, method: str, info: CallInfo | None) -> str:
    """Log a bug, by its type and its place alone, and return the id to find it by."""
    incident = secrets.token_hex(8)
    log.error(
        "incident",
        incident=incident,
        method=method,
        alarm="CROSS_TENANT" if isinstance(error, CrossTenant) else None,
        error=type(error).__name__,
        request_id=info.request_id or None if info else None,
        trace_id=info.trace_id or None if info else None,
        frames=[
            f"{frame.filename.rpartition('decision_service/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ],
    )
    return incident
