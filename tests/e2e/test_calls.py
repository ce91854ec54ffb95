"""What a call may send and what it is answered: once for an id, refused by name, bounded."""

from __future__ import annotations

import asyncio
import struct
import uuid
from contextlib import asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from google.type.money_pb2 import Money as MoneyMessage
from grpc_health.v1 import health_pb2

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import values_pb2
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e import wire
from tests.e2e.service import (
    Refusal,
    Running,
    as_recorded,
    create,
    refused,
    running,
)
from tests.e2e.wire import Wire, frame
from tests.kits.cases import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from google.protobuf.message import Message

GEORGE = sandbox_people()[0].user_id

BASIC, FULL = pb.DECISION_VIEW_BASIC, pb.DECISION_VIEW_FULL

METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"


def raw(live: Running) -> Callable[..., Any]:
    """CreateDecision with the reply left as bytes."""
    return live.channel.unary_unary(
        METHOD, request_serializer=service_pb.CreateDecisionRequest.SerializeToString
    )


def applied(**changes: Any) -> service_pb.CreateDecisionRequest:
    """A good application of George's, of which there is no other."""
    return create(GEORGE, application_id=f"A-{uuid.uuid4()}", **changes)


async def listed(live: Running, request: service_pb.CreateDecisionRequest) -> int:
    """How many decisions there are on an application."""
    asked = service_pb.ListDecisionsRequest(application_id=request.application_id, page_size=500)
    return len((await live.stub.ListDecisions(asked)).decisions)


async def test_the_same_request_gets_the_same_bytes(shared: Running) -> None:
    """A repetition is answered byte for byte, and decides nothing anew."""
    request = applied()
    first = await raw(shared)(request)
    request.wait_timeout.seconds = 5
    assert await raw(shared)(request) == first
    assert await listed(shared, request) == 1


async def test_a_uuid_is_one_id_however_it_is_written(live: Running) -> None:
    """In capitals and in braces it gets the same bytes; other ids are taken as they are."""
    request = applied()
    own = request.request_id
    first = await raw(live)(request)
    for request.request_id in (own.upper(), f"{{{own}}}", f"{{{own.upper()}}}"):
        assert await raw(live)(request) == first
    for request.request_id in (f"{{{own}", own.replace("-", ""), "R-1", "r-1"):
        decision = (await live.stub.CreateDecision(request)).decision
        assert decision.request_id == request.request_id
    assert await listed(live, request) == 5


async def test_another_view_is_the_same_request(shared: Running) -> None:
    """One decision, in the view that each call asks for: first or later, BASIC or FULL."""
    for first, second in ((BASIC, FULL), (FULL, BASIC)):
        request = applied(view=first)
        decided = (await shared.stub.CreateDecision(request)).decision
        request.view = second
        again = (await shared.stub.CreateDecision(request)).decision
        assert again.decision_id == decided.decision_id
        for view, answered in ((first, decided), (second, again)):
            asked = service_pb.GetDecisionRequest(decision_id=decided.decision_id, view=view)
            found = (await shared.stub.GetDecision(asked)).decision
            assert answered == as_recorded(found)
            assert bool(answered.rule_traces) == (view == FULL)
        assert await listed(shared, request) == 1


async def test_another_content_is_refused_and_learns_nothing(shared: Running) -> None:
    """ALREADY_EXISTS names neither the first user nor its decision."""
    request = applied()
    reply = await shared.stub.CreateDecision(request)
    request.user_id = sandbox_people()[1].user_id
    refusal = await refused(shared.stub.CreateDecision(request))
    assert (refusal.code, refusal.info.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
    )
    everything = refusal.message + str(refusal.info)
    assert GEORGE not in everything
    assert reply.decision.decision_id not in everything


async def test_concurrent_duplicates_are_decided_once(shared: Running) -> None:
    """Fifty callers at once get fifty equal replies from one evaluation and one gathering."""
    request = applied()
    replies = await asyncio.gather(*(raw(shared)(request) for _ in range(50)))
    assert len(set(replies)) == 1
    assert await listed(shared, request) == 1
    reply = service_pb.CreateDecisionResponse.FromString(replies[0])
    assert reply.decision.data_quality.upstream_calls == 7


async def test_a_caller_who_gives_up_leaves_nothing_half_done(shared: Running) -> None:
    """After a cancelled call the same id is decided as if it were the first time."""
    request = applied()
    call = shared.stub.CreateDecision(request)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    reply = await shared.stub.CreateDecision(request)
    assert reply.decision.request_id == request.request_id
    assert await listed(shared, request) == 1


async def test_too_little_time_is_refused_before_any_call(shared: Running) -> None:
    """With less than 300 ms left nothing is begun or recorded."""
    request = applied()
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.CreateDecision(request, timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await listed(shared, request) == 0


SERVICES = [f"decision_service.api.v1.{name}Service" for name in (
    "Applicant", "Decision", "Notice", "Outcome", "Review", "Rollout",
    "Ruleset",
)]  # fmt: skip


async def unrecorded(live: Running, request: service_pb.CreateDecisionRequest) -> Refusal:
    """The refusal of a request, after checking that nothing was recorded."""
    before = await recorded(live)
    refusal = await refused(live.stub.CreateDecision(request))
    assert await recorded(live) == before
    return refusal


async def recorded(live: Running) -> list[str]:
    """The ids of the newest decisions; other tests may have some made."""
    reply = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
    return [one.decision_id for one in reply.decisions]


MISTAKES: list[tuple[str, dict[str, Any], grpc.StatusCode, str, set[str], str]] = [
    (
        "../x",
        {"product": "No Such", "view": 7},
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        {"user_id", "product", "view"},
        "",
    ),
    (
        GEORGE,
        {
            "requested_term_months": 0,
            "requested_amount": None,
            "inputs": {
                "declared_monthly_debt": values_pb2.InputValue(text="a lot"),
                "customer_type": values_pb2.InputValue(text="friend"),
                "nonsense": values_pb2.InputValue(number="1"),
            },
        },
        grpc.StatusCode.INVALID_ARGUMENT,
        "INPUT_INVALID",
        {
            "requested_amount",
            "requested_term_months",
            "inputs.declared_monthly_debt",
            "inputs.customer_type",
            "inputs.nonsense",
        },
        "",
    ),
    (
        GEORGE,
        {"requested_amount": MoneyMessage(currency_code="USD", units=100)},
        grpc.StatusCode.INVALID_ARGUMENT,
        "INPUT_INVALID",
        {"requested_amount"},
        "",
    ),
    (
        GEORGE,
        {"product": "car-loan-xx"},
        grpc.StatusCode.NOT_FOUND,
        "PRODUCT_UNKNOWN",
        set(),
        "personal-loan-ph",
    ),
    (
        "tenantId-00000000000000000000000000000000",
        {},
        grpc.StatusCode.NOT_FOUND,
        "USER_UNKNOWN",
        set(),
        "",
    ),
]


@pytest.mark.parametrize(("user_id", "changes", "code", "reason", "fields", "words"), MISTAKES)
async def test_what_is_wrong_is_named(
    shared: Running,
    user_id: str,
    changes: dict[str, Any],
    code: grpc.StatusCode,
    reason: str,
    fields: set[str],
    words: str,
) -> None:
    """Each malformed field and input, the products that there are, and no id that is unknown."""
    refusal = await unrecorded(shared, create(user_id, **changes))
    assert (refusal.code, refusal.info.reason, set(refusal.fields)) == (code, reason, fields)
    assert words in refusal.message
    assert user_id not in refusal.message


FORBIDDEN = cycle(("a\x1b[2J", "\0", "a\u202eb", "a\rb", "\x9b31m"))


def _with_text(
    message: type[Message], texts: Iterator[str], path: str = ""
) -> Iterator[tuple[Message, str]]:
    """A request for each text of it, however deep, which has the next text there, and its path."""
    for field, text in zip(message.DESCRIPTOR.fields, texts, strict=False):
        name, inner = path + field.name, field.message_type
        if field.type == field.TYPE_STRING:
            yield message(**{field.name: [text] if field.is_repeated else text}), name
        elif inner is None or inner.full_name.startswith("google.protobuf."):
            continue
        elif inner.GetOptions().map_entry:
            value = inner.fields_by_name["value"]
            kept = text if value.message_type is None else values_pb2.InputValue(text=text)
            yield message(**{field.name: {"a": kept}}), f"{name}.a"
            yield message(**{field.name: {text: kept}}), name
        else:
            for one, at in _with_text(GetMessageClass(inner), texts, f"{name}."):
                yield message(**{field.name: [one] if field.is_repeated else one}), at


@pytest.mark.parametrize("name", SERVICES)
async def test_no_text_of_any_request_may_rule_a_screen(shared: Running, name: str) -> None:
    """Control and bidirectional characters are refused by field, in every text of every call."""
    described = Default().FindServiceByName(name)
    tried = 0
    for method in described.methods:
        path = f"/{name}/{method.name}"
        call = shared.channel.unary_unary(path, lambda sent: sent.SerializeToString())
        for request, field in _with_text(GetMessageClass(method.input_type), FORBIDDEN):
            refusal = await refused(call(request))
            assert refusal.info.reason == "FIELD_INVALID", (method.name, field)
            assert field in refusal.fields, (method.name, field, refusal.fields)
            tried += 1
    assert tried


async def test_an_invalid_input_carries_its_value_and_bounds(shared: Running) -> None:
    """ErrorInfo has the values of the sentence, so that a program can show its own."""
    refusal = await unrecorded(shared, create(GEORGE, requested_term_months=0))
    assert refusal.info.metadata == {
        "field": "requested_term_months",
        "value": "0",
        "min": "2",
        "max": "36",
    }
    money = MoneyMessage(currency_code="PHP", units=999, nanos=500_000_000)
    refusal = await unrecorded(shared, create(GEORGE, requested_amount=money))
    assert refusal.info.metadata == {
        "field": "requested_amount",
        "value": "999.50",
        "min": "1000",
        "max": "500000",
        "currency": "PHP",
    }
    chosen = {"customer_type": values_pb2.InputValue(text="friend")}
    refusal = await unrecorded(shared, create(GEORGE, inputs=chosen))
    assert refusal.info.metadata == {"field": "inputs.customer_type", "one_of": "new, existing"}


async def test_an_oversized_message_is_refused_by_the_transport(shared: Running) -> None:
    """More than 64 KiB never reaches the service."""
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.CreateDecision(create(GEORGE, application_id="x" * 66_000))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_unknown_decisions_are_not_found(shared: Running) -> None:
    """Reading and replaying a decision that is not there say so."""
    unknown = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for call in (
        shared.stub.GetDecision(service_pb.GetDecisionRequest(decision_id=unknown)),
        shared.stub.ReplayDecision(service_pb.ReplayDecisionRequest(decision_id=unknown)),
    ):
        assert (await refused(call)).info.reason == "DECISION_UNKNOWN"


async def test_wrong_keys_are_unavailable_and_the_secret_is_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Keys that the vendor refuses make UNAVAILABLE; neither status nor log holds the secret."""
    async with (
        serve(build_app(api_key="right", api_secret="right")) as base_url,
        running(
            tmp_path,
            smile_mode="sandbox",
            smile_base_url=base_url,
            smile_api_key="key-canary",
            smile_api_secret="secret-canary",
            drain_delay="0s",
        ) as live,
    ):
        refusal = await unrecorded(live, create(GEORGE))
    assert (refusal.code, refusal.info.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "UPSTREAM_UNAVAILABLE",
    )
    assert refusal.retry is not None
    captured = capfd.readouterr()
    assert "canary" not in captured.out + captured.err + refusal.message + str(refusal.info)


LIST = "/decision_service.api.v1.DecisionService/ListDecisions"

WATCH = "/grpc.health.v1.Health/Watch"

LISTING = service_pb.ListDecisionsRequest()

CANCEL = struct.pack(">I", 8)


@asynccontextmanager
async def wired(live: Running, window: int = 65_535) -> AsyncIterator[Wire]:
    """A connection by hand."""
    async with wire.connected(live.service.address, window) as opened:
        yield opened


async def dialled(live: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which nothing is said by itself."""
    host, _, port = live.service.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def served(live: Running) -> None:
    """Another client gets its answer."""
    await live.stub.ListDecisions(LISTING, timeout=10)


async def test_too_much_metadata_is_refused_by_the_transport(shared: Running) -> None:
    """More than 16 KiB of metadata never reaches the service; less does."""
    await shared.stub.ListDecisions(LISTING, metadata=(("x-small", "x" * 12_000),))
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.ListDecisions(LISTING, metadata=(("x-large", "x" * 17_000),))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 99,
    ],
    ids=["http1", "tls", "zeros"],
)
async def test_what_is_no_http2_is_closed(shared: Running, garbage: bytes) -> None:
    """A connection that begins otherwise ends, and nobody else notices."""
    reader, writer = await dialled(shared)
    writer.write(garbage)
    await served(shared)
    while await reader.read(4096):
        pass
    writer.close()


async def test_rapid_resets_leave_nothing_behind(shared: Running) -> None:
    """A thousand calls begun and cancelled at once leave no call in progress."""
    limits = shared.service.core.deps.limits
    async with wired(shared) as resetting:
        for stream in range(1, 2_001, 2):
            resetting.open(stream, LIST, b"")
            resetting.send(frame(wire.RST_STREAM, 0, stream, CANCEL))
        await served(shared)
    await until(lambda: not (limits.reads.working or limits.reads.waiting))
    await served(shared)


async def test_a_watch_ends_before_the_stop(live: Running) -> None:
    """It says so first."""
    watch = live.channel.unary_stream(
        WATCH, response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    first = watch(b"")
    assert (await first.read()).status == health_pb2.HealthCheckResponse.SERVING
    await live.service.stop()
    assert (await first.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await first.read() is grpc.aio.EOF
