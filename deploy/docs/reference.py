"""The reference of the protos as Markdown, a page for each file, from their own comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
)

from protos.compiling import image

PACKAGE = "decision_service.api.v1"
REPEATED = FieldDescriptorProto.LABEL_REPEATED
Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A message or an enum of a file: its name with those around it, and where it stands."""

    name: str
    place: Place
    told: DescriptorProto | EnumDescriptorProto


def files() -> list[FileDescriptorProto]:
    """The project's own files with their comments, as protoc reads them."""
    return [one for one in image("--include_source_info").file if one.package == PACKAGE]


def pages(found: Sequence[FileDescriptorProto]) -> dict[str, str]:
    """The text of each page by its name, such as `decision.md`."""
    homes = {
        f".{PACKAGE}.{kind.name}": (_page(file), kind.name)
        for file in found
        for kind in kinds(file)
    }
    return {_page(file): "\n".join(_Reference(file, homes).lines()) + "\n" for file in found}


def kinds(file: FileDescriptorProto) -> Iterator[Kind]:
    """The messages of a file, each followed by what stands inside it, then its enums."""
    for at, message in enumerate(file.message_type):
        yield from _inside(message, message.name, (4, at))
    for at, enum in enumerate(file.enum_type):
        yield Kind(enum.name, (5, at), enum)


def _inside(message: DescriptorProto, name: str, place: Place) -> Iterator[Kind]:
    if message.options.map_entry:
        return
    yield Kind(name, place, message)
    for at, nested in enumerate(message.nested_type):
        yield from _inside(nested, f"{name}.{nested.name}", (*place, 3, at))
    for at, enum in enumerate(message.enum_type):
        yield Kind(f"{name}.{enum.name}", (*place, 4, at), enum)


def _page(file: FileDescriptorProto) -> str:
    return f"{Path(file.name).stem}.md"


class _Reference:
    """One file's page; `homes` are the page and the name of each type."""

    def __init__(self, file: FileDescriptorProto, homes: Mapping[str, tuple[str, str]]) -> None:
        self._file, self._homes = file, homes
        self._told = {
            tuple(one.path): " ".join(one.leading_comments.split())
            for one in file.source_code_info.location
        }

    def lines(self) -> Iterator[str]:
        """The whole page."""
        source = Path(self._file.name).name
        yield f"# {source}"
        yield f"\nWhat [`{source}`](decision_service/api/v1/{source}) of `{PACKAGE}` declares."
        for at, service in enumerate(self._file.service):
            yield f"\n## {service.name}\n\n{self._told[6, at]}"
            for number, method in enumerate(service.method):
                yield from self._method(method, (6, at, 2, number))
        yield "\n## Messages and enums"
        for kind in sorted(kinds(self._file), key=lambda one: one.name):
            yield f"\n### {kind.name}\n\n{self._told.get(kind.place, '')}\n"
            yield from self._rows(kind)

    def _method(self, method: MethodDescriptorProto, place: Place) -> Iterator[str]:
        asked, given = self._linked(method.input_type), self._linked(method.output_type)
        many = "a stream of " if method.server_streaming else ""
        yield f"\n### {method.name}\n\n{self._told[place]}\n\n{asked} → {many}{given}"

    def _rows(self, kind: Kind) -> Iterator[str]:
        if isinstance(kind.told, EnumDescriptorProto):
            yield "| value | number | meaning |\n|---|---|---|"
            for at, value in enumerate(kind.told.value):
                yield f"| `{value.name}` | {value.number} | {self._cell((*kind.place, 2, at))} |"
        elif kind.told.field:
            yield "| field | type | number | meaning |\n|---|---|---|---|"
            for at, field in enumerate(kind.told.field):
                name, type_ = f"`{field.name}`", self._type(kind.told, field)
                yield f"| {name} | {type_} | {field.number} | {self._cell((*kind.place, 2, at))} |"
        else:
            yield "It has no fields."

    def _cell(self, place: Place) -> str:
        return self._told.get(place, "").replace("|", r"\|")

    def _type(self, message: DescriptorProto, field: FieldDescriptorProto) -> str:
        nested = {one.name: one for one in message.nested_type if one.options.map_entry}
        if entry := nested.get(field.type_name.rpartition(".")[2]):
            return "map of " + " to ".join(self._type(message, one) for one in entry.field)
        alone = self._linked(field.type_name) if field.type_name else _scalar(field)
        before = "repeated " if field.label == REPEATED else ""
        return f"{'optional ' if field.proto3_optional else before}{alone}"

    def _linked(self, full: str) -> str:
        if full not in self._homes:
            return f"`{full.removeprefix('.')}`"
        page, name = self._homes[full]
        return f"[{name}]({page}#{name.replace('.', '').lower()})"


def _scalar(field: FieldDescriptorProto) -> str:
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
