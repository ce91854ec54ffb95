"""The OpenAPI document of the protos: a path for each `google.api.http` option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import (
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from openapi_schemas import Schemas

PACKAGE = "decision_service.api.v1"
STATUS = "google.rpc.Status"
DETAILS = ("google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo")
INFO = {
    "title": "Credit decision service",
    "version": "v1",
    "description": "Decides credit applications from verified income data. The gateway translates"
    " these paths to the gRPC services; docs/gateway.md says how.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_PATH_FIELD = re.compile(r"{(\w+)}")


def document(image: FileDescriptorSet) -> str:
    """The document as YAML, from an image with source info."""
    schemas = Schemas(image)
    paths: dict[str, Any] = {}
    tags = []
    for service, method in _methods(image):
        name = f"{PACKAGE}.{service}"
        verb, path, operation = _operation(schemas, service, f"{name}.{method.name}", method)
        paths.setdefault(path, {})[verb] = operation
        tags.append({"name": service, "description": schemas.comment(name)})
    for detail in DETAILS:
        schemas.reference(detail)
    content = {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "http://127.0.0.1:8080", "description": "the gateway, as it is shipped"}],
        "security": [{}, {"bearer": []}],
        "tags": [one for at, one in enumerate(tags) if one not in tags[:at]],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.components(),
        },
    }
    return yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)


def _methods(image: FileDescriptorSet) -> Iterator[tuple[str, MethodDescriptorProto]]:
    for file in image.file:
        for service in file.service:
            for method in service.method:
                yield service.name, method


def _operation(
    schemas: Schemas, service: str, full_name: str, method: MethodDescriptorProto
) -> tuple[str, str, dict[str, Any]]:
    rule: HttpRule = method.options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    if verb not in {"get", "post"}:
        raise SystemExit(f"{full_name} has no google.api.http option with get or post: add one")
    path = getattr(rule, verb)
    fields = list(schemas.message(method.input_type).field)
    in_path = set(_PATH_FIELD.findall(path))
    operation: dict[str, Any] = {
        "tags": [service],
        "operationId": method.name[0].lower() + method.name[1:],
        "summary": schemas.comment(full_name),
    }
    parameters = [_parameter(schemas, method, one, "path") for one in fields if one.name in in_path]
    if not rule.body:
        query = [one for one in fields if one.name not in in_path]
        parameters += [_parameter(schemas, method, one, "query") for one in query]
    if parameters:
        operation["parameters"] = parameters
    if rule.body:
        operation["requestBody"] = _content(_body(schemas, method, rule.body, in_path))
        operation["requestBody"]["required"] = True
    operation["responses"] = {
        "200": {"description": "OK", **_content(schemas.reference(method.output_type))},
        "default": {"description": "An error", **_content(schemas.reference(STATUS))},
    }
    return verb, _PATH_FIELD.sub(lambda found: f"{{{_camel(found[1])}}}", path), operation


def _body(schemas: Schemas, method: MethodDescriptorProto, body: str, in_path: set[str]) -> Any:
    message = schemas.message(method.input_type)
    if body != "*":
        [field] = [one for one in message.field if one.name == body]
        return schemas.of(field)
    return schemas.object(method.input_type, without=in_path) if in_path else schemas.reference(
        method.input_type
    )


def _parameter(
    schemas: Schemas, method: MethodDescriptorProto, field: FieldDescriptorProto, place: str
) -> dict[str, Any]:
    described: dict[str, Any] = {"name": field.json_name, "in": place}
    comment = schemas.comment(f"{method.input_type.lstrip('.')}.{field.name}")
    if place == "path":
        described["required"] = True
    return described | {"description": comment, "schema": schemas.of(field)}


def _content(schema: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)
