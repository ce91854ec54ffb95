"""docs/openapi.yaml is valid, complete, and what the gateway answers."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from openapi_spec_validator import validate

from decision_service.server.grpc import SERVICES
from decision_service.standin.sandbox import sandbox_people
from deploy.gateway.envoy import Gateway, settings
from deploy.gateway.openapi import DOCUMENT, OPERATIONS, answer_of, differences, filled

METHODS = {
    method.name[0].lower() + method.name[1:]: method
    for service in SERVICES
    for method in Default().FindServiceByName(service).methods
}
operations = pytest.mark.parametrize(
    ("verb", "path", "operation"), OPERATIONS, ids=[one["operationId"] for *_, one in OPERATIONS]
)


def test_the_document_is_valid_and_has_every_call() -> None:
    """By the rules of OpenAPI 3.1; the gateway translates the same services."""
    validate(DOCUMENT)
    assert sorted(one["operationId"] for *_, one in OPERATIONS) == sorted(METHODS)
    [chain] = settings()["static_resources"]["listeners"][0]["filter_chains"]
    _, transcoder, _ = chain["filters"][0]["typed_config"]["http_filters"]
    assert transcoder["typed_config"]["services"] == sorted(SERVICES)


@operations
def test_the_service_answers_every_call(
    shared: Gateway, verb: str, path: str, operation: dict[str, Any]
) -> None:
    """With what the document says: an answer, or an error of the service's own."""
    status, answer = shared.call(verb, filled(path), {} if verb == "post" else None)
    assert differences(answer_of(operation, status), answer) == []
    assert status == 200 or answer["details"][0]["domain"] == "decision_service.api.v1"


@operations
def test_every_field_of_a_request_is_known(
    shared: Gateway, verb: str, path: str, operation: dict[str, Any]
) -> None:
    """To the document and to the gateway, in a body and in a query, by both of its names."""
    request = GetMessageClass(METHODS[operation["operationId"]].input_type)()
    _fill(request)
    for proto_names in (False, True):
        fields = MessageToDict(request, preserving_proto_field_name=proto_names)
        for one in operation.get("parameters", ()):
            if one["in"] == "path":
                del fields[_snake(one["name"]) if proto_names else one["name"]]
        if verb == "get":
            query = "&".join(f"{name}={value}" for name, value in fields.items())
            _, answer = shared.call(verb, f"{filled(path)}?{query}")
        else:
            body = fields["outcome"] if path == "/v1/outcomes" else fields
            _, answer = shared.call(verb, filled(path), body)
            content = operation["requestBody"]["content"]["application/json"]
            assert proto_names or differences(content["schema"], body) == []
        assert "field" not in answer.get("message", "") or answer["details"], answer


READ_ALONE = {"recourse", "review"}


@pytest.mark.parametrize("person", sandbox_people(), ids=lambda person: person.name)
def test_decisions_are_as_the_document_says(shared: Gateway, person: Any) -> None:
    """With all factors and traces; read again and replayed they are the same.

    What became of a decision, and what would change it, is told when it is read alone.
    """
    amount = {"currencyCode": "PHP", "units": "20000"}
    body = {
        "userId": person.user_id,
        "product": "personal-loan-ph",
        "requestedAmount": amount,
        "requestedTermMonths": 6,
        "view": "DECISION_VIEW_FULL",
    }
    status, made = shared.call("post", "/v1/decisions", body)
    assert status == 200
    path = f"/v1/decisions/{made['decision']['decisionId']}"
    _, read = shared.call("get", f"{path}?view=DECISION_VIEW_FULL")
    _, replayed = shared.call("post", f"{path}:replay", {"view": "DECISION_VIEW_FULL"})
    assert made["decision"] == {
        name: value for name, value in read["decision"].items() if name not in READ_ALONE
    }
    assert replayed["differingFields"] == []
    for name, answer in (
        ("CreateDecisionResponse", made),
        ("GetDecisionResponse", read),
        ("ReplayDecisionResponse", replayed),
    ):
        assert differences({"$ref": f"#/components/schemas/{name}"}, answer) == []


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)


def _fill(message: Message) -> None:
    """Set every field; of alternatives the last one."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            entries = getattr(message, field.name)
            if value.message_type:
                _fill(entries["key"])
            else:
                entries["key"] = "1"
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            _fill(inner.add() if field.is_repeated else inner)
        else:
            value = "1" if field.type == FieldDescriptor.TYPE_STRING else 1
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
