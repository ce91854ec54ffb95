"""The names of fields of every request with a body, as a table for deploy/gateway/strict.lua."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet, MethodDescriptorProto

_PATH_FIELD = re.compile(r"{(\w+)}")
_SPECIAL = re.compile(r"([-.+*?^$()%\[\]])")


def requests(image: FileDescriptorSet) -> str:
    """The statement that sets `requests`."""
    messages = {
        f".{file.package}.{one.name}": one for file in image.file for one in file.message_type
    }
    lines = [
        f"  {{path = '^{_pattern(path)}$', fields = {fields}}},"
        for file in image.file
        for service in file.service
        for method in service.method
        for path, fields in _body(messages, method)
    ]
    return "\n".join(["requests = {", *lines, "}", ""])


def _body(
    messages: dict[str, DescriptorProto], method: MethodDescriptorProto
) -> Iterator[tuple[str, str]]:
    rule = method.options.Extensions[annotations_pb2.http]
    if not rule.body:
        return
    message, in_path = messages[method.input_type], _PATH_FIELD.findall(rule.post)
    if rule.body != "*":
        [field] = [one for one in message.field if one.name == rule.body]
        message = messages[field.type_name]
    yield rule.post, _fields(messages, message, in_path)


def _fields(
    messages: dict[str, DescriptorProto], message: DescriptorProto, in_path: Sequence[str] = ()
) -> str:
    entries = {f".{entry.name}": entry for entry in message.nested_type}
    pairs = []
    for field in (one for one in message.field if one.name not in in_path):
        entry = entries.get(f".{field.type_name.rpartition('.')[2]}")
        if entry is not None:
            inner = f"{{['*'] = {_of(messages, entry.field[1].type_name)}}}"
        else:
            inner = _of(messages, field.type_name)
        pairs += [f"['{name}'] = {inner}" for name in sorted({field.name, field.json_name})]
    return "{" + ", ".join(pairs) + "}"


def _of(messages: dict[str, DescriptorProto], type_name: str) -> str:
    """A message's tree; of what JSON has as one value, `true`."""
    known = type_name in messages and not type_name.startswith(".google.protobuf.")
    return _fields(messages, messages[type_name]) if known else "true"


def _pattern(path: str) -> str:
    return "[^/:]+".join(_SPECIAL.sub(r"%\1", part) for part in re.split(r"{\w+}", path))
