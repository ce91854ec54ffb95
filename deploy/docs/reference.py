"""The reference of the protos as Markdown, a page for each file, from their own comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from protos.descriptors import Descriptors

PACKAGE = "decision_service.api.v1"
REPEATED = FieldDescriptorProto.LABEL_REPEATED


def pages(image: FileDescriptorSet) -> dict[str, str]:
    """The text of each page by its name, such as `decision.md`, from an image with source info."""
    known = Descriptors(image)
    return {_page(file): "\n".join(_Reference(file, known).lines()) + "\n" for file in files(image)}


def files(image: FileDescriptorSet) -> list[FileDescriptorProto]:
    """The project's own files."""
    return [one for one in image.file if one.package == PACKAGE]


def kinds(file: FileDescriptorProto, known: Descriptors) -> list[str]:
    """The full names of a file's messages and enums, sorted."""
    declared = (name for name in known.types if known.files[name].name == file.name)
    return sorted(name for name in declared if _map_entry(known, name) is None)


def short(name: str) -> str:
    """A full name without the package."""
    return name.removeprefix(f"{PACKAGE}.")


def _map_entry(known: Descriptors, name: str) -> DescriptorProto | None:
    """The message that a map's field repeats; None where the name is of anything else."""
    found = known.types.get(name)
    return found if isinstance(found, DescriptorProto) and found.options.map_entry else None


def _page(file: FileDescriptorProto) -> str:
    return f"{Path(file.name).stem}.md"


class _Reference:
    """One file's page."""

    def __init__(self, file: FileDescriptorProto, known: Descriptors) -> None:
        self._file, self._known = file, known

    def lines(self) -> Iterator[str]:
        """The whole page."""
        source = Path(self._file.name).name
        yield f"# {source}"
        yield f"\nWhat [`{source}`](decision_service/api/v1/{source}) of `{PACKAGE}` declares."
        for service in self._file.service:
            name = f"{PACKAGE}.{service.name}"
            yield f"\n## {service.name}\n\n{self._known.comments[name]}"
            for method in service.method:
                yield from self._method(method, f"{name}.{method.name}")
        yield "\n## Messages and enums"
        for name in kinds(self._file, self._known):
            yield f"\n### {short(name)}\n\n{self._known.comments[name]}\n"
            yield from self._rows(name)

    def _method(self, method: MethodDescriptorProto, name: str) -> Iterator[str]:
        asked, given = self._linked(method.input_type), self._linked(method.output_type)
        many = "a stream of " if method.server_streaming else ""
        comment = self._known.comments[name]
        yield f"\n### {method.name}\n\n{comment}\n\n{asked} → {many}{given}"

    def _rows(self, name: str) -> Iterator[str]:
        kind = self._known.types[name]
        if isinstance(kind, EnumDescriptorProto):
            yield "| value | number | meaning |\n|---|---|---|"
            for value in kind.value:
                yield f"| `{value.name}` | {value.number} | {self._cell(f'{name}.{value.name}')} |"
        elif kind.field:
            yield "| field | type | number | meaning |\n|---|---|---|---|"
            for field in kind.field:
                comment = self._cell(f"{name}.{field.name}")
                yield f"| `{field.name}` | {self._type(field)} | {field.number} | {comment} |"
        else:
            yield "It has no fields."

    def _cell(self, name: str) -> str:
        return self._known.comments[name].replace("|", r"\|")

    def _type(self, field: FieldDescriptorProto) -> str:
        name = field.type_name.lstrip(".")
        if (entry := _map_entry(self._known, name)) is not None:
            return "map of " + " to ".join(map(self._type, entry.field))
        alone = self._linked(name) if name else _scalar(field)
        before = "repeated " if field.label == REPEATED else ""
        return f"{'optional ' if field.proto3_optional else before}{alone}"

    def _linked(self, full: str) -> str:
        name = full.lstrip(".")
        file = self._known.files[name]
        if file.package != PACKAGE:
            return f"`{name}`"
        return f"[{short(name)}]({_page(file)}#{short(name).replace('.', '').lower()})"


def _scalar(field: FieldDescriptorProto) -> str:
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
