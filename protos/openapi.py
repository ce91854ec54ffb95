"""The OpenAPI document of the protos: a path for each `google.api.http` option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodDescriptorProto

from protos.descriptors import Descriptors
from protos.openapi_schemas import Schemas

PACKAGE = "decision_service.api.v1"
STATUS = "google.rpc.Status"
DETAILS = ("google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo")
SERVER = {"url": "http://127.0.0.1:8080", "description": "the gateway, as it is shipped"}
INFO = {
    "title": "Credit decision service",
    "version": "v1",
    "description": "Decides credit applications from verified income data. A gateway translates"
    " these paths to the gRPC services. The bodies of errors are of google.rpc.Status.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_PATH_FIELD = re.compile(r"{(\w+)}")


def document(image: FileDescriptorSet) -> str:
    """The document as YAML, from an image with source info."""
    schemas = Schemas(Descriptors(image))
    content = {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [SERVER],
        "security": [{}, {"bearer": []}],
        "tags": list(_tags(image, schemas)),
        "paths": _paths(image, schemas),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.components(DETAILS),
        },
    }
    return yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)


def _tags(image: FileDescriptorSet, schemas: Schemas) -> Iterator[dict[str, str]]:
    for file in image.file:
        for service in file.service:
            comment = schemas.known.comments[f"{PACKAGE}.{service.name}"]
            yield {"name": service.name, "description": comment}


def _paths(image: FileDescriptorSet, schemas: Schemas) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for file in image.file:
        for service in file.service:
            for method in service.method:
                verb, path = _verb_and_path(method)
                named = _PATH_FIELD.sub(lambda found: f"{{{_camel(found[1])}}}", path)
                operation = _operation(schemas, service.name, method)
                paths.setdefault(named, {})[verb] = operation
    return paths


def _verb_and_path(method: MethodDescriptorProto) -> tuple[str, str]:
    rule = method.options.Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    if verb not in {"get", "post"}:
        raise SystemExit(f"{method.name} has no google.api.http option with get or post: add one")
    return verb, getattr(rule, verb)


def _operation(schemas: Schemas, service: str, method: MethodDescriptorProto) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [service],
        "operationId": method.name[0].lower() + method.name[1:],
        "summary": schemas.known.comments[f"{PACKAGE}.{service}.{method.name}"],
    }
    if parameters := list(_parameters(schemas, method)):
        operation["parameters"] = parameters
    if method.options.Extensions[annotations_pb2.http].body:
        operation["requestBody"] = {"required": True, **_content(_body(schemas, method))}
    operation["responses"] = {
        "200": {"description": "OK", **_content(schemas.reference(method.output_type))},
        "default": {"description": "An error", **_content(schemas.reference(STATUS))},
    }
    return operation


def _parameters(schemas: Schemas, method: MethodDescriptorProto) -> Iterator[dict[str, Any]]:
    in_path = set(_PATH_FIELD.findall(_verb_and_path(method)[1]))
    in_query = not method.options.Extensions[annotations_pb2.http].body
    for field in schemas.known.message(method.input_type).field:
        if field.name in in_path or in_query:
            place = {"in": "path", "required": True} if field.name in in_path else {"in": "query"}
            comment = schemas.known.comments[f"{method.input_type.lstrip('.')}.{field.name}"]
            described = {"description": comment, "schema": schemas.of(field)}
            yield {"name": field.json_name} | place | described


def _body(schemas: Schemas, method: MethodDescriptorProto) -> dict[str, Any]:
    rule = method.options.Extensions[annotations_pb2.http]
    if rule.body != "*":
        message = schemas.known.message(method.input_type)
        [field] = [one for one in message.field if one.name == rule.body]
        return schemas.of(field)
    in_path = frozenset(_PATH_FIELD.findall(rule.post))
    if in_path:
        return schemas.object(method.input_type, without=in_path)
    return schemas.reference(method.input_type)


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)
