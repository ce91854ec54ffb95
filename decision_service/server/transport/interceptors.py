"""What every call passes through before its method: errors, context, record, caller, admission."""

from __future__ import annotations

import asyncio
import re
import secrets
import traceback
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, TypeAlias, TypeGuard

import grpc
import msgspec
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from decision_service.decide.flow import Bulkhead
from decision_service.domain import errors
from decision_service.runtime.telemetry import Alarm, UserHash, raised, trace_id
from decision_service.server.transport.auth import (
    HEALTH_METHODS,
    METHODS,
    PACKAGE,
    REFLECTION,
    ROLLOUT_STEPS,
    UNOBSERVED,
    FailedAuthentications,
)
from decision_service.server.transport.context import (
    DEFAULT_DEADLINE,
    Behaviour,
    CallInfo,
    CallStatus,
    Role,
    RpcContext,
)
from decision_service.server.transport.metrics import Metrics

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Interceptor: TypeAlias = Callable[[Behaviour, str], Behaviour]
"""Gives a behaviour that awaits that of a method, or the method's own."""

DOMAIN = "decision_service.api.v1"

CODES: dict[type[errors.ServiceError], int] = {
    errors.FieldInvalid: code_pb2.INVALID_ARGUMENT,
    errors.InputInvalid: code_pb2.INVALID_ARGUMENT,
    errors.PageTokenInvalid: code_pb2.INVALID_ARGUMENT,
    errors.UserUnknown: code_pb2.NOT_FOUND,
    errors.DecisionUnknown: code_pb2.NOT_FOUND,
    errors.ProductUnknown: code_pb2.NOT_FOUND,
    errors.RulesetUnknown: code_pb2.NOT_FOUND,
    errors.ReviewUnknown: code_pb2.NOT_FOUND,
    errors.RequestIdReused: code_pb2.ALREADY_EXISTS,
    errors.OutcomeContradicted: code_pb2.ALREADY_EXISTS,
    errors.LanguageUnknown: code_pb2.NOT_FOUND,
    errors.NoticeUnknown: code_pb2.NOT_FOUND,
    errors.RequestInProgress: code_pb2.ABORTED,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.PermissionDenied: code_pb2.PERMISSION_DENIED,
    errors.AuthorityExceeded: code_pb2.PERMISSION_DENIED,
    errors.DataNotReady: code_pb2.FAILED_PRECONDITION,
    errors.SnapshotErased: code_pb2.FAILED_PRECONDITION,
    errors.NoticeNotDue: code_pb2.FAILED_PRECONDITION,
    errors.PlanChanged: code_pb2.FAILED_PRECONDITION,
    errors.RolloutRefused: code_pb2.FAILED_PRECONDITION,
    errors.ReleaseRefused: code_pb2.FAILED_PRECONDITION,
    errors.RolloutMovedOn: code_pb2.FAILED_PRECONDITION,
    errors.ReviewRefused: code_pb2.FAILED_PRECONDITION,
    errors.ResultNotFinal: code_pb2.FAILED_PRECONDITION,
    errors.Overloaded: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamBudgetExhausted: code_pb2.RESOURCE_EXHAUSTED,
    errors.UpstreamUnavailable: code_pb2.UNAVAILABLE,
    errors.StoreUnavailable: code_pb2.UNAVAILABLE,
    errors.StoreBusy: code_pb2.RESOURCE_EXHAUSTED,
    errors.Draining: code_pb2.UNAVAILABLE,
    errors.RulesUnavailable: code_pb2.UNAVAILABLE,
    errors.DeadlineMissed: code_pb2.DEADLINE_EXCEEDED,
}
"""Every error that callers may see; any other is INTERNAL with an incident id.

A kind that is not here counts as the nearest one above it that is.
"""

_RETRY_AFTER = {
    errors.RequestInProgress: 1.0,
    # A first sync takes minutes: sooner would only ask again what has not arrived.
    errors.DataNotReady: 5.0,
    errors.Overloaded: 1.0,
    errors.UpstreamBudgetExhausted: 1.0,
    # The circuit sends a probe each five seconds, so that sooner finds it open.
    errors.UpstreamUnavailable: 5.0,
    errors.StoreUnavailable: 1.0,
    errors.StoreBusy: 1.0,
    errors.Draining: 1.0,
    errors.RulesUnavailable: 5.0,
}
"""Seconds in RetryInfo where the error itself has none; other errors have no RetryInfo."""

_MOST_METADATA = 200
_LONGEST_MESSAGE = 1_000
_MOST_VIOLATIONS = 20
"""A client takes 8 KiB of trailers at most; with more it would see none of them."""

_LONGEST_VIOLATION = 200
log = structlog.get_logger("decision_service.rpc")
# Reads take one of four connections of the store: more at a time would only wait there.
READS = 32
# A caller who waits for events keeps its place meanwhile, and would use up those of reads.
WAITS = 64
# Few, and of their own: a kill has to come through whatever else is asked.
STEPS = 8
# A stream of reflection stays open for as long as its client likes.
DESCRIPTIONS = 4
# It takes its place itself, after the look for a known request id, which needs none.
_BY_ITSELF = f"/{PACKAGE}.DecisionService/CreateDecision"
_WAITING = f"/{PACKAGE}.EventService/ListEvents"
# They compute as a decision does, and so share its places.
_HEAVY = frozenset(
    {
        f"/{PACKAGE}.DecisionService/ReplayDecision",
        f"/{PACKAGE}.RulesetService/ValidateRuleset",
        f"/{PACKAGE}.RulesetService/EvaluateRuleset",
    }
)
# A client that names a day would hold its place for one.
LONGEST_DEADLINE = 3600.0
# Printable ASCII alone: it goes into logs and back into a header.
_CALL_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_LOGGED_IDS = {
    "decision_id": re.compile("dec_[0-9A-Z]{26}", re.ASCII),
    "request_id": re.compile(r"[\x20-\x7e]{1,200}", re.ASCII),
}
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)


def chained(interceptors: Sequence[Interceptor], behaviour: Behaviour, method: str) -> Behaviour:
    """The behaviour of a method behind interceptors, of which the first is outermost."""
    # The last one wraps the method first, so that the first of the list is outermost.
    for interceptor in reversed(interceptors):
        behaviour = interceptor(behaviour, method)
    return behaviour


def behaviour_of(handler: Handler) -> Behaviour:
    found: Any = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    return found  # type: ignore[no-any-return]  # services give coroutines, which the stubs lack


def is_public(error: BaseException) -> TypeGuard[errors.ServiceError]:
    return any(kind in CODES for kind in type(error).__mro__)


def _kind(error: errors.ServiceError) -> type[errors.ServiceError]:
    return next(kind for kind in type(error).__mro__ if kind in CODES)


def status_of(error: errors.ServiceError) -> Status:
    """The status of an error; raises StopIteration for one that callers must not see."""
    kind = _kind(error)
    details: list[Message] = [
        ErrorInfo(
            reason=error.reason,
            domain=DOMAIN,
            metadata={name: _shown(value, _MOST_METADATA) for name, value in error.fields.items()},
        )
    ]
    problems = getattr(error, "problems", ())
    if problems:
        violations = [
            BadRequest.FieldViolation(
                field=_shown(p.field, _LONGEST_VIOLATION),
                description=_shown(p.description, _LONGEST_VIOLATION),
            )
            for p in problems[:_MOST_VIOLATIONS]
        ]
        details.append(BadRequest(field_violations=violations))
    after = error.retry_after or _RETRY_AFTER.get(kind)
    if after is not None:
        delay = Duration(seconds=int(after), nanos=int(after % 1 * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    return _status(CODES[kind], _shown(error.message, _LONGEST_MESSAGE), details)


def _shown(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def code_name(error: BaseException) -> str:
    """The name of the code that a call ends with, for logs and metrics."""
    if is_public(error):
        return str(code_pb2.Code.Name(CODES[_kind(error)]))
    return "CANCELLED" if isinstance(error, asyncio.CancelledError) else "INTERNAL"


def internal(incident: str) -> Status:
    """The status of a bug: nothing but the id under which the log has it."""
    info = ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})
    message = f"the service failed; report incident {incident} to its operator"
    return _status(code_pb2.INTERNAL, message, [info])


def call_status(status: Status, trailing: Iterable[tuple[str, str]] = ()) -> CallStatus:
    """A status with its details as a call ends with it, with more trailing metadata."""
    made = rpc_status.to_status(status)
    return CallStatus(made.code, made.details, (*made.trailing_metadata, *trailing))


def _status(code: int, message: str, details: list[Message]) -> Status:
    status = Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def recording(user_hash: UserHash, metrics: Metrics) -> Interceptor:
    """Logs and counts each call once, as it ends; `user_hash` names its user in the log.

    Calls that platforms make all the time are neither logged nor counted.
    """

    def around(inner: Behaviour, method: str) -> Behaviour:
        # Probes come each second from every platform: they would drown the calls of callers.
        if method.startswith(UNOBSERVED):
            return inner
        name = method.rpartition("/")[2]
        of_method = metrics.of_method(name)

        async def call(request: Any, context: RpcContext) -> Any:
            # A monotonic clock: a step of the machine's would give a call a negative time.
            started = perf_counter()
            code = "OK"
            reason = None
            try:
                return await inner(request, context)
            except BaseException as error:
                code = code_name(error)
                reason = error.reason if isinstance(error, errors.ServiceError) else None
                metrics.failed(code, reason or code)
                raise
            finally:
                seconds = perf_counter() - started
                of_method.ended(code, seconds)
                info = context.info
                user = getattr(request, "user_id", "")
                log.info(
                    "call",
                    method=name,
                    code=code,
                    ms=round(seconds * 1000, 1),
                    reason=reason,
                    **_ids(request, info),
                    caller=info.caller or None,
                    address=context.address,
                    # Never the id itself: a log is read by more people than the store.
                    user=user_hash(user) if user else None,
                )

        return call

    return around


def authenticating(failures: FailedAuthentications) -> Interceptor:
    """Refuses calls of unknown callers, and of callers without a role for the method.

    Who calls was found out before the call had a place (`Authenticator`).
    """

    def around(inner: Behaviour, method: str) -> Behaviour:
        if method in HEALTH_METHODS:
            return inner
        # A method without a row is refused to all: a forgotten row opens nothing.
        allowed = METHODS.get(method, frozenset())

        async def call(request: Any, context: RpcContext) -> Any:
            caller = context.caller
            info = context.info
            if caller is None:
                # By the network that one client has, since an address of IPv6 is one of billions.
                failures.count(context.address)
                raise errors.Unauthenticated(
                    "the caller is not known: send one `authorization: Bearer <token>` with a "
                    "token in use"
                )
            info.caller = caller.name
            info.person = caller.person
            info.signed_in = caller.signed_in
            info.means = caller.means
            info.roles = caller.roles
            # Set here alone, so that no service can forget to narrow what a caller sees.
            info.scope = "" if Role.READ in caller.roles else caller.name
            info.applicant_scope = "" if Role.ONBOARD_ALL in caller.roles else caller.name
            # After the caller's name is in the record, so that the log says who was refused.
            if allowed.isdisjoint(caller.roles):
                needed = " or ".join(f"`{role}`" for role in sorted(allowed)) or "of no caller"
                name = method.rpartition("/")[2]
                raise errors.PermissionDenied(
                    f"{caller.name} may not call {name}: it needs the role {needed}"
                )
            return await inner(request, context)

        return call

    return around


class ConcurrencyLimits(msgspec.Struct, frozen=True):
    """`work` is for what gathers or computes, `reads` for what only looks something up.

    `waits` is for callers who wait for events, `steps` for kill and the other steps of rollouts,
    `reflection` for streams of descriptions.
    """

    work: Bulkhead
    reads: Bulkhead
    waits: Bulkhead
    steps: Bulkhead
    reflection: Bulkhead

    @property
    def calls(self) -> int:
        """How many calls may be open before further ones are refused unread."""
        places: int = sum(one.limit for one in msgspec.structs.astuple(self))
        # Places, twice as many that wait, and decisions that repeat a request and need no place.
        return 3 * places + self.work.limit

    def of(self, method: str) -> Bulkhead:
        if method in ROLLOUT_STEPS:
            return self.steps
        if method.startswith(REFLECTION):
            return self.reflection
        if method == _WAITING:
            return self.waits
        return self.work if method in _HEAVY else self.reads


def admitting(limits: ConcurrencyLimits) -> Interceptor:
    """Serves a call when its bulkhead has a place, and within its deadline."""

    def around(inner: Behaviour, method: str) -> Behaviour:
        if method == _BY_ITSELF or method in HEALTH_METHODS:
            return inner
        bulkhead = limits.of(method)

        async def call(request: Any, context: RpcContext) -> Any:
            try:
                # The timeout is outside: nobody waits for a place longer than its caller waits.
                async with asyncio.timeout(context.info.seconds) as limit, bulkhead:
                    return await inner(request, context)
            except TimeoutError:
                # A timeout of something within, which is a bug and no deadline of the caller.
                if not limit.expired():
                    raise
                raise errors.DeadlineMissed(
                    "the deadline came before there was an answer"
                ) from None

        return call

    return around


def mapping_errors(inner: Behaviour, method: str) -> Behaviour:
    """Ends a call with the status of its error; a bug's is INTERNAL with an incident id."""

    async def call(request: Any, context: RpcContext) -> Any:
        try:
            return await inner(request, context)
        # A cancelled call is no Exception: it goes on to gRPC, which ends it.
        except Exception as error:  # noqa: BLE001 - none may reach the client
            info = context.info
            public = status_of(error) if is_public(error) else None
            status = public or internal(_incident(error, method, request, info=info))
            context.status = call_status(status, info.trailing)

    return call


def _incident(error: Exception, method: str, request: Any, info: CallInfo) -> str:
    """Log a bug, by its type and its place alone, and return the id to find it by."""
    incident = secrets.token_hex(8)
    log.error(
        "incident",
        incident=incident,
        method=method,
        alarm=raised(Alarm.CROSS_TENANT) if isinstance(error, errors.CrossTenant) else None,
        error=type(error).__name__,
        **_ids(request, info),
        frames=[
            f"{frame.filename.rpartition('decision_service/')[2]}:{frame.lineno} {frame.name}"
            # Places alone: the error's text and the values of its frames may be a person's data.
            for frame in traceback.extract_tb(error.__traceback__)[-12:]
        ],
    )
    return incident


def reading_context(inner: Behaviour, method: str) -> Behaviour:
    """Gives a call its CallInfo, and sends the trailers that belong to it."""

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
    # Keys that end with -bin have bytes, which nothing here reads.
    metadata = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    seconds = DEFAULT_DEADLINE if remaining is None else min(remaining, LONGEST_DEADLINE)
    info = CallInfo(method, seconds, metadata)
    if "traceparent" in metadata:
        trace = _TRACEPARENT.fullmatch(metadata["traceparent"])
        # A traceparent that is malformed counts as absent (W3C Trace Context).
        info.trace_id = trace[1] if trace else ""
    call_id = metadata.get("x-request-id", "")
    if _CALL_ID.fullmatch(call_id):
        info.call_id = call_id
        info.trailing.append(("x-request-id", call_id))
    return info


def _ids(request: Any, info: CallInfo) -> dict[str, str | None]:
    """The ids of a call for the log; of its request those that have the form of one."""
    own = {name: getattr(request, name, "") for name in _LOGGED_IDS}
    ids = {name: text if _LOGGED_IDS[name].fullmatch(text) else "" for name, text in own.items()}
    ids["decision_id"] = info.decision_id or ids["decision_id"]
    ids |= {"call_id": info.call_id, "trace_id": info.trace_id}
    return {name: text or None for name, text in ids.items()}
