"""What an image of the protos says of each name: its descriptor, its file, its comment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

Path = tuple[int, ...]
# Field numbers of descriptor.proto, of which the paths of comments consist.
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _NESTED, _METHODS = 4, 5, 6, 2, 3, 2
_NESTED_ENUMS, _VALUES = 4, 2


class Descriptors:
    """Messages and enums, files and comments of an image, by full names.

    A value of an enum has its name after the enum's.
    """

    def __init__(self, image: FileDescriptorSet) -> None:
        self.types: dict[str, DescriptorProto | EnumDescriptorProto] = {}
        self.files: dict[str, FileDescriptorProto] = {}
        self.comments: dict[str, str] = {}
        for file in image.file:
            comments = _comments(file)
            for name, path, described in _described(file):
                self.comments[name] = comments.get(path, "")
                self.files[name] = file
                if isinstance(described, DescriptorProto | EnumDescriptorProto):
                    self.types[name] = described


def _comments(file: FileDescriptorProto) -> dict[Path, str]:
    return {
        tuple(one.path): " ".join(one.leading_comments.split())
        for one in file.source_code_info.location
    }


def _described(file: FileDescriptorProto) -> Iterator[tuple[str, Path, Any]]:
    yield from _messages(file.package, (_MESSAGES,), file.message_type)
    yield from _enums(file.package, (_ENUMS,), file.enum_type)
    for at, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield name, (_SERVICES, at), service
        for number, method in enumerate(service.method):
            yield f"{name}.{method.name}", (_SERVICES, at, _METHODS, number), method


def _messages(
    outer: str, path: Path, messages: Sequence[DescriptorProto]
) -> Iterator[tuple[str, Path, Any]]:
    for at, message in enumerate(messages):
        name = f"{outer}.{message.name}"
        yield name, (*path, at), message
        for number, field in enumerate(message.field):
            yield f"{name}.{field.name}", (*path, at, _FIELDS, number), field
        yield from _messages(name, (*path, at, _NESTED), message.nested_type)
        yield from _enums(name, (*path, at, _NESTED_ENUMS), message.enum_type)


def _enums(
    outer: str, path: Path, enums: Sequence[EnumDescriptorProto]
) -> Iterator[tuple[str, Path, Any]]:
    for at, enum in enumerate(enums):
        name = f"{outer}.{enum.name}"
        yield name, (*path, at), enum
        for number, value in enumerate(enum.value):
            yield f"{name}.{value.name}", (*path, at, _VALUES, number), value
