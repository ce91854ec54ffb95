"""The OpenAPI document of the protos: `POST /<service>/<method>` with protobuf's JSON and Connect's
errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from protos.descriptors import Descriptors

Schema = dict[str, Any]
PACKAGE = "decision_service.api.v1"
DETAILS = ("google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo")
INFO = {
    "title": "Credit decision service",
    "version": "v1",
    "description": "Decides credit applications from verified income data. Each call of the gRPC"
    " services is a POST of JSON; errors are those of the Connect protocol.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
SERVER = {"url": "http://127.0.0.1:8080", "description": "DECISION_HTTP_ADDRESS, as it is shipped"}
DEADLINE: Schema = {
    "name": "Connect-Timeout-Ms",
    "in": "header",
    "description": "Milliseconds until the caller gives up; 10,000 without it.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 9_999_999_999},
}
ERROR: Schema = {
    "description": "An error, with the HTTP status of its code.",
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "The code of gRPC in small letters."},
        "message": {
            "type": "string",
            "description": "What happened and what to do, in a sentence.",
        },
        "details": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/ErrorDetail"},
            "description": "Why, for programs; none where no method was reached.",
        },
    },
    "required": ["code", "message"],
    "additionalProperties": False,
}
ERROR_DETAIL: Schema = {
    "description": "One of ErrorInfo, BadRequest and RetryInfo; ErrorInfo has the reason.",
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "enum": [*DETAILS],
            "description": "The message's full name.",
        },
        "value": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "The message in protobuf's binary form, in base64 without padding.",
        },
        "debug": {
            "type": "object",
            "description": "The message as JSON, for people: programs read `value`.",
            "additionalProperties": True,
        },
    },
    "required": ["type", "value"],
    "additionalProperties": False,
}
SCALARS: dict[int, Schema] = {
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptorProto.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptorProto.TYPE_INT64: {"type": "string", "format": "int64"},
}
WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
}


def document(image: FileDescriptorSet) -> str:
    """The document as YAML, from an image with source info."""
    schemas = Schemas(Descriptors(image))
    services = [one for file in image.file for one in file.service]
    content = {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [SERVER],
        "security": [{}, {"bearer": []}],
        "tags": [
            {"name": one.name, "description": schemas.comment(f"{PACKAGE}.{one.name}")}
            for one in services
        ],
        "paths": {
            f"/{PACKAGE}.{service.name}/{method.name}": {
                "post": _operation(schemas, service.name, method)
            }
            for service in services
            for method in service.method
        },
        "components": {
            "parameters": {"ConnectTimeoutMs": DEADLINE},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.components(DETAILS),
        },
    }
    return yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)


def _operation(schemas: Schemas, service: str, method: MethodDescriptorProto) -> Schema:
    error = {"$ref": "#/components/schemas/Error"}
    return {
        "tags": [service],
        "operationId": f"{service}_{method.name}",
        "summary": schemas.comment(f"{PACKAGE}.{service}.{method.name}"),
        "parameters": [{"$ref": "#/components/parameters/ConnectTimeoutMs"}],
        "requestBody": {"required": True, **_content(schemas.reference(method.input_type))},
        "responses": {
            "200": {"description": "OK", **_content(schemas.reference(method.output_type))},
            "default": {"description": "An error", **_content(error)},
        },
    }


def _content(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


class Schemas:
    """The schemas of an image; those that were referred to are the document's components."""

    def __init__(self, known: Descriptors) -> None:
        self._known = known
        self._used: dict[str, Schema] = {"Error": ERROR, "ErrorDetail": ERROR_DETAIL}

    def comment(self, name: str) -> str:
        """What the protos say of a name."""
        return self._known.comments[name]

    def components(self, further: Iterable[str]) -> dict[str, Schema]:
        """Every schema that was referred to, and further ones, sorted by name."""
        for name in further:
            self.reference(name)
        return dict(sorted(self._used.items()))

    def reference(self, name: str) -> Schema:
        """A reference to the schema of a message or an enum."""
        full = name.lstrip(".")
        if full in WELL_KNOWN:
            return dict(WELL_KNOWN[full])
        key = full.removeprefix(f"{self._known.files[full].package}.")
        if key not in self._used:
            self._used[key] = {}
            self._used[key] = {"description": self.comment(full)} | self._schema(full)
        return {"$ref": f"#/components/schemas/{key}"}

    def _schema(self, full: str) -> Schema:
        described = self._known.types[full]
        if isinstance(described, EnumDescriptorProto):
            return {"type": "string", "enum": [one.name for one in described.value]}
        properties = dict(self._properties(full, described))
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _properties(self, full: str, message: DescriptorProto) -> Iterator[tuple[str, Schema]]:
        for field in message.field:
            comment = self.comment(f"{full}.{field.name}")
            yield field.json_name, self._of(field) | {"description": comment}

    def _of(self, field: FieldDescriptorProto) -> Schema:
        entry = self._known.types.get(field.type_name.lstrip("."))
        if isinstance(entry, DescriptorProto) and entry.options.map_entry:
            return {"type": "object", "additionalProperties": self._of(entry.field[1])}
        named = self.reference(field.type_name) if field.type_name else dict(SCALARS[field.type])
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return {"type": "array", "items": named}
        return named
