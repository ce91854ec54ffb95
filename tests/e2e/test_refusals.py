"""Bad input gets a clear error and nothing is recorded."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import values_pb2
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.service import Refusal, Running, create, refused, running

SERVICES = [f"decision_service.api.v1.{name}Service" for name in (
    "Applicant", "Decision", "Notice", "Outcome", "Review", "Rollout",
    "Ruleset",
)]  # fmt: skip
GEORGE = sandbox_people()[0].user_id


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
