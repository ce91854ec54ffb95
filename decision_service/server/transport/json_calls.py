"""JSON over HTTP, `POST /<service>/<method>` in Connect's form, through the chain of gRPC calls."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import grpc
import msgspec
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from decision_service.domain.errors import Draining, Overloaded, ServiceError
from decision_service.runtime.address import is_loopback
from decision_service.server.transport.auth import GONE, PACKAGE
from decision_service.server.transport.context import (
    MESSAGE_LIMIT,
    Behaviour,
    Caller,
    CallStatus,
    RpcContext,
)
from decision_service.server.transport.event_loop import CANCELLED, FAILED
from decision_service.server.transport.http import HttpCall, read_body
from decision_service.server.transport.interceptors import (
    Handler,
    Interceptor,
    behaviour_of,
    chained,
)
from decision_service.server.transport.json_messages import read_json, shown

BODY_LIMIT = 2 * MESSAGE_LIMIT  # JSON is about twice as long as the message that it becomes

_TIMEOUT = re.compile(r"[0-9]{1,10}", re.ASCII)
_JSON = re.compile(r'application/json *(; *charset="?utf-8"?)?', re.ASCII | re.I)
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_DETAILS = "grpc-status-details-bin"
_TOO_LARGE = f"the body is larger than {BODY_LIMIT // 1024} KiB, or its message than 64: send less"
_WRONG_HOST = (
    "the Host is {!r}, no name of this service: call it by its address, or have its operator add "
    "the name to DECISION_HTTP_HOSTS"
)
_HTTP = dict.fromkeys(("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"), 400)
_HTTP |= {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ABORTED": 409}
_HTTP |= {"ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499}
_HTTP |= {"UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504}
"""Connect's HTTP status of each code; any other has 500."""

log = structlog.get_logger("decision_service.rpc")


class JsonCalls:
    """Serves methods over HTTP, each behind the interceptors of gRPC calls.

    At most `most` calls are open, and others are refused. `identify` finds the caller of a call; no
    body of an unknown one is waited for. Each names this machine or one of `hosts` as its Host.
    """

    def __init__(
        self,
        most: int,
        identify: Callable[[RpcContext], Caller | None],
        chain: Sequence[Interceptor],
        hosts: Collection[str] = (),
    ) -> None:
        self._hosts = hosts
        self.route = Route(f"/{PACKAGE}.{{rest:path}}", self._call, methods=["POST"])
        self._most = most
        self._identify = identify
        self._chain = chain
        self._methods: dict[str, _Method] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._ended = False

    def add(self, service: ServiceDescriptor, handlers: Mapping[str, Handler]) -> None:
        for name, handler in handlers.items():
            path = f"/{service.full_name}/{name}"
            rpc = service.methods_by_name[name]
            behaviour = chained(self._chain, _unless_refused(behaviour_of(handler)), path)
            kinds = GetMessageClass(rpc.input_type), GetMessageClass(rpc.output_type)
            self._methods[path] = _Method(behaviour, *kinds)

    async def end(self, grace: float) -> None:
        """Take no more calls, and give those in progress `grace` seconds."""
        self._ended = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()

    async def _call(self, request: Request) -> Response:
        path = request.scope["path"]  # the URL of a request holds its Host, which may be none
        method = self._methods.get(path)
        if method is None:
            why = GONE.get(path) or f"there is no method {shown(path[:200])}"
            return _refusal(501, grpc.StatusCode.UNIMPLEMENTED, why)
        if (refused := self._refused_by_head(request)) is not None:
            return refused
        context = RpcContext(HttpCall(request))
        context.caller = self._identify(context)
        if context.late is not None:
            context.caller = await context.late()
        body: Message | ServiceError | None = None
        # Nobody unknown makes the service wait for a body, or parse one.
        if context.caller is not None:
            text = None
            with suppress(ClientDisconnect):
                text = await read_body(request, BODY_LIMIT)
            body = None if text is None else read_json(text, method.asked)
            if body is None or (isinstance(body, Message) and body.ByteSize() > MESSAGE_LIMIT):
                return _refusal(413, grpc.StatusCode.RESOURCE_EXHAUSTED, _TOO_LARGE)
        if self._ended:
            body = Draining("this process is stopping: repeat the call")
        # As gRPC's own bound, which does not count calls over HTTP.
        elif len(self._tasks) >= self._most:
            body = Overloaded("more calls are open than are served: retry")
        try:
            reply = await self._reply(method.behaviour(body, context), request, context)
        finally:
            context.over()
        if context.status is not None:
            return _error(context.status)
        message = reply if isinstance(reply, Message) else method.answer.FromString(reply)
        # A client finds each field where the page says, an empty list too.
        content = MessageToDict(message, always_print_fields_with_no_presence=True)
        return _response(200, content, context.trailing)

    def _refused_by_head(self, request: Request) -> Response | None:
        host = _host_of(request)
        if host not in self._hosts and not is_loopback(host):
            # A foreign page's name may have been made to lead here since its browser loaded it.
            return _refusal(421, _INVALID, _WRONG_HOST.format(shown(host[:80])))
        if not _JSON.fullmatch(request.headers.get("content-type", "")):
            # A form of a foreign page cannot send this type, so that no browser is made to call.
            return _refusal(415, _INVALID, "the content-type is not application/json: send JSON")
        if not _TIMEOUT.fullmatch(request.headers.get("connect-timeout-ms", "0")):
            return _refusal(400, _INVALID, "Connect-Timeout-Ms must be 1 to 10 digits")
        return None

    async def _reply(self, served: Awaitable[Any], request: Request, context: RpcContext) -> Any:
        """The reply, or none and a status; the work ends where the client leaves."""
        work = asyncio.ensure_future(served)
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        # From here on a client who leaves ends the work.
        context.serve(work)
        left = asyncio.ensure_future(_departure(request))
        try:
            await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
        if not work.done() or work.cancelled():
            context.status = CANCELLED
        elif error := work.exception():
            log.critical("call failed outside its interceptors", error=type(error).__name__)
            context.status = FAILED
        else:
            return work.result()
        return None


class _Method(msgspec.Struct, frozen=True):
    behaviour: Behaviour
    asked: type[Message]
    answer: type[Message]


def _host_of(request: Request) -> str:
    """The name by which a client calls, without its port; empty where it sent none to be read."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass  # an unknown caller's body, which nothing reads


def _unless_refused(inner: Behaviour) -> Behaviour:
    """Raises what a call is refused for, once its caller is known to have a role."""

    async def call(request: Any, context: RpcContext) -> Any:
        if isinstance(request, ServiceError):
            raise request
        return await inner(request, context)

    return call


def _refusal(http: int, code: grpc.StatusCode, message: str) -> Response:
    return _error(CallStatus(code, message), http)


def _error(status: CallStatus, http: int | None = None) -> Response:
    """A status as Connect's JSON, and with the HTTP status of its code unless another is given."""
    # The same details as over gRPC, from the one place that makes them.
    packed = [Status.FromString(value) for key, value in status.trailing if key == _DETAILS]
    content = {
        "code": status.code.name.lower().replace("cancelled", "canceled"),
        "message": status.details,
        "details": [_detail(one) for each in packed for one in each.details],
    }
    trailing = tuple(one for one in status.trailing if one[0] != _DETAILS)
    return _response(http or _HTTP.get(status.code.name, 500), content, trailing)


def _detail(packed: AnyMessage) -> Mapping[str, Any]:
    """A detail: its bytes for programs, its fields for people."""
    fields = MessageToDict(packed)
    value = base64.b64encode(packed.value).decode().rstrip("=")
    return {"type": packed.TypeName(), "value": value, "debug": fields}


def _response(http: int, content: Any, trailing: Iterable[tuple[str, str | bytes]]) -> Response:
    """An answer of JSON; what trails a gRPC call are headers that begin with `trailer-`."""
    # UTF-8 as it is: a Filipino letter is text for people, also in a log.
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    headers = {f"trailer-{name}": str(value) for name, value in trailing}
    return Response(text, http, headers, "application/json")
