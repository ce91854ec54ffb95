"""Messages read from JSON, the sentences that refuse them, and the service config of clients."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message_factory import GetMessageClass

from decision_service.domain.errors import FieldInvalid
from decision_service.server.transport.grpc import SERVICES
from decision_service.server.transport.json_messages import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

CASES = yaml.safe_load(Path("tests/cases/server/json_messages.yaml").read_text())
PACKAGE = "decision_service.api.v1."

REQUESTS = [
    method.input_type
    for service in SERVICES
    for method in Default().FindServiceByName(service).methods
]

ANY = [1, 1.5, 1e400, -(2**70), True, None, "x", "6", "", [], [1], ["x"], {}, {"x": 1}]


def kind(name: str) -> type[Message]:
    return GetMessageClass(Default().FindMessageTypeByName(PACKAGE + name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["body"][:40])
def test_a_body_is_refused_in_the_words_of_its_sender(case: dict[str, Any]) -> None:
    """Each field as it was sent, what is wanted, and an example; of an enum the names."""
    refused = read_json(case["body"].encode(), kind(case.get("of", "CreateDecisionRequest")))
    assert isinstance(refused, FieldInvalid)
    assert [one.description for one in refused.problems] == case["says"]
    assert str(refused) == "; ".join(case["says"])
    assert [one.field for one in refused.problems] == [one.split()[0] for one in case["says"]]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"userId": "\xff"}', "body is not UTF-8 at byte 13: send JSON in UTF-8"),
        (b"[" * 60_000, "body is nested too deeply for JSON"),
        (b'{"a": ' + b"1" * 9_000 + b"}", "body has a number of more than 4,300 digits"),
    ],
    ids=["bytes", "depth", "digits"],
)
def test_what_is_no_json_is_refused(body: bytes, says: str) -> None:
    """With its place, where it has one."""
    assert says in str(read_json(body, kind("GetDecisionRequest")))


def test_of_much_the_first_twenty_are_named() -> None:
    """A body of thousands of wrong names does not become a longer answer."""
    refused = read_json(
        json.dumps(dict.fromkeys(map(str, range(9_000)))).encode(), kind("GetDecisionRequest")
    )
    assert isinstance(refused, FieldInvalid)
    assert len(refused.problems) == 20


def wrong(request: Descriptor) -> Iterator[dict[str, Any]]:
    """Bodies with one field of any JSON, at the top and one level below."""
    for field in request.fields:
        for value in ANY:
            yield {field.json_name: value}
        if field.message_type is not None:
            for inner in field.message_type.fields:
                for value in ANY:
                    yield {field.json_name: {inner.json_name: value}}


@pytest.mark.parametrize("request_kind", REQUESTS, ids=lambda one: one.name)
def test_json_is_read_as_protobuf_reads_it(request_kind: Descriptor) -> None:
    """The same message, or a refusal where protobuf refuses, in words that are no Python's."""
    message = GetMessageClass(request_kind)
    for body in wrong(request_kind):
        read = read_json(json.dumps(body).encode(), message)
        try:
            expected: Message | None = ParseDict(body, message())
        except (ParseError, OverflowError):
            expected = None
        if isinstance(read, FieldInvalid):
            assert expected is None or _is_lenient(body, request_kind), body
            assert not re.search(r"docs/openapi|'|\(\)|google|argument|NoneType", str(read)), body
        else:
            assert read == expected, body


def _is_lenient(body: dict[str, Any], request_kind: Descriptor) -> bool:
    """Protobuf takes true and 1.5 for an enum's number 1, and "" and [] for an empty message."""
    [(name, value)] = body.items()
    field = request_kind.fields_by_camelcase_name[name]
    if isinstance(value, dict):
        [(name, value)] = value.items()
        inner = field.message_type
        at = "value" if inner.GetOptions().map_entry else name
        field = inner.fields_by_camelcase_name.get(at, field)
    empty = value in ("", []) and field.message_type is not None
    return empty or (field.enum_type is not None and isinstance(value, bool | float))


PROTOS = Path(__file__).resolve().parents[3] / "protos"
CONFIG = json.loads((PROTOS / "decision_service/api/v1/service_config.json").read_text())
NOT_REPEATED = {"AdvanceRollout", "ConfirmRollout", "RollBackRollout"}
"""Each is another step when it is repeated."""


def test_every_service_is_covered() -> None:
    """Each service is named once as a whole, and no other."""
    names = [name for entry in CONFIG["methodConfig"] for name in entry["name"]]
    assert sorted(name["service"] for name in names if "method" not in name) == sorted(SERVICES)


def test_what_may_not_be_repeated_has_no_retry_policy() -> None:
    """The methods are the contract's; gRPC takes the most specific entry."""
    found = set()
    for entry in CONFIG["methodConfig"]:
        for name in entry["name"]:
            service = Default().FindServiceByName(name["service"])
            if "method" in name:
                assert name["method"] in service.methods_by_name
                assert "retryPolicy" not in entry
                found.add(name["method"])
    assert found == NOT_REPEATED
