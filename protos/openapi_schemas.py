"""Messages and enums as JSON Schema, in the JSON form that protobuf prescribes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

Field = FieldDescriptorProto
SCALARS: dict[int, dict[str, Any]] = {
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    Field.TYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.TYPE_INT32: {"type": "integer", "format": "int32"},
    Field.TYPE_UINT32: {"type": "integer", "minimum": 0},
    Field.TYPE_INT64: {"type": "string", "format": "int64"},
    Field.TYPE_UINT64: {"type": "string", "format": "uint64"},
}
WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$"},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
}
# Field numbers of descriptor.proto, of which the paths of comments consist.
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _NESTED, _METHODS = 4, 5, 6, 2, 3, 2


class Schemas:
    """The schemas of an image, of which `components` has those that were referred to."""

    def __init__(self, image: FileDescriptorSet) -> None:
        self._types: dict[str, DescriptorProto | EnumDescriptorProto] = {}
        self._packages: dict[str, str] = {}
        self._comments: dict[str, str] = {}
        self._used: dict[str, Any] = {}
        for file in image.file:
            for name, path, described in _described(file):
                if isinstance(described, DescriptorProto | EnumDescriptorProto):
                    self._types[name] = described
                    self._packages[name] = file.package
                self._comments[name] = _comment(file, path)

    def message(self, name: str) -> DescriptorProto:
        """A message by its full name."""
        found = self._types[name.lstrip(".")]
        assert isinstance(found, DescriptorProto)
        return found

    def comment(self, name: str) -> str:
        """What the proto says of a name, in one line."""
        return self._comments[name]

    def components(self) -> dict[str, Any]:
        """Every schema that was referred to, sorted by name."""
        return dict(sorted(self._used.items()))

    def reference(self, name: str) -> dict[str, Any]:
        """A reference to the schema of a message or an enum."""
        full = name.lstrip(".")
        if full in WELL_KNOWN:
            return WELL_KNOWN[full]
        key = full.removeprefix(f"{self._packages[full]}.")
        if key not in self._used:
            self._used[key] = {}
            self._used[key] = self._schema(full)
        return {"$ref": f"#/components/schemas/{key}"}

    def object(self, name: str, without: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
        """The schema of a message's JSON, without some fields."""
        full = name.lstrip(".")
        properties = {}
        for field in self.message(full).field:
            if field.name not in without:
                schema = self.of(field)
                properties[field.json_name] = schema | {
                    "description": self._comments[f"{full}.{field.name}"]
                }
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def of(self, field: FieldDescriptorProto) -> dict[str, Any]:
        """The schema of a field's value."""
        entry = self._types.get(field.type_name.lstrip("."))
        if isinstance(entry, DescriptorProto) and entry.options.map_entry:
            return {"type": "object", "additionalProperties": self.of(entry.field[1])}
        one = SCALARS[field.type] if not field.type_name else self.reference(field.type_name)
        return {"type": "array", "items": one} if field.label == Field.LABEL_REPEATED else dict(one)

    def _schema(self, full: str) -> dict[str, Any]:
        described = self._types[full]
        if isinstance(described, EnumDescriptorProto):
            schema: dict[str, Any] = {"type": "string", "enum": [one.name for one in described.value]}
        else:
            schema = self.object(full)
        return {"description": self._comments[full]} | schema


def _described(file: FileDescriptorProto) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    yield from _messages(file.package, (_MESSAGES,), file.message_type)
    for at, enum in enumerate(file.enum_type):
        yield f"{file.package}.{enum.name}", (_ENUMS, at), enum
    for at, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield name, (_SERVICES, at), service
        for number, method in enumerate(service.method):
            yield f"{name}.{method.name}", (_SERVICES, at, _METHODS, number), method


def _messages(
    outer: str, path: tuple[int, ...], messages: Sequence[DescriptorProto]
) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    for at, message in enumerate(messages):
        name = f"{outer}.{message.name}"
        yield name, (*path, at), message
        for number, field in enumerate(message.field):
            yield f"{name}.{field.name}", (*path, at, _FIELDS, number), field
        yield from _messages(name, (*path, at, _NESTED), message.nested_type)


def _comment(file: FileDescriptorProto, path: tuple[int, ...]) -> str:
    for location in file.source_code_info.location:
        if tuple(location.path) == path:
            return " ".join(location.leading_comments.split())
    return ""
