"""Messages and enums as JSON Schema, in the JSON form that protobuf prescribes."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
)

from protos.descriptors import Descriptors

Schema = dict[str, Any]
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
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
}


class Schemas:
    """The schemas of an image; those that were referred to are the document's components."""

    def __init__(self, known: Descriptors) -> None:
        self.known = known
        self._used: dict[str, Schema] = {}

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
        key = full.removeprefix(f"{self.known.files[full].package}.")
        if key not in self._used:
            self._used[key] = {}
            self._used[key] = {"description": self.known.comments[full]} | self._schema(full)
        return {"$ref": f"#/components/schemas/{key}"}

    def object(self, name: str, without: Set[str] = frozenset()) -> Schema:
        """The schema of a message's JSON, without some fields."""
        full = name.lstrip(".")
        properties = {
            field.json_name: self.of(field)
            | {"description": self.known.comments[f"{full}.{field.name}"]}
            for field in self.known.message(full).field
            if field.name not in without
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def of(self, field: FieldDescriptorProto) -> Schema:
        """The schema of a field's value."""
        entry = self.known.types.get(field.type_name.lstrip("."))
        if isinstance(entry, DescriptorProto) and entry.options.map_entry:
            return {"type": "object", "additionalProperties": self.of(entry.field[1])}
        named = self.reference(field.type_name) if field.type_name else dict(SCALARS[field.type])
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return {"type": "array", "items": named}
        return named

    def _schema(self, full: str) -> Schema:
        described = self.known.types[full]
        if isinstance(described, EnumDescriptorProto):
            return {"type": "string", "enum": [one.name for one in described.value]}
        return self.object(full)
