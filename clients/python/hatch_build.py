"""Puts the code that is generated from the protos into the wheel, as the package `v1`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "decision_service/api/v1"
PACKAGE = "decision_service_client"
OUTPUTS = ("python", "grpc_python", "mypy", "mypy_grpc")
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


class ClientHook(BuildHookInterface):  # type: ignore[type-arg]
    """Generates on each build; nothing generated stays beside the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the hook's form
        """Name the files to add, and their places."""
        self._folder = TemporaryDirectory()
        protos, out = Path(self.root).parents[1] / "protos", Path(self._folder.name)
        files = _generate(protos, out)
        (out / FOLDER / "__init__.py").write_text("".join(_exports(files)))
        added = {str(path): f"{PACKAGE}/v1/{path.name}" for path in _rewritten(out / FOLDER)}
        added[str(protos / FOLDER / "service_config.json")] = f"{PACKAGE}/service_config.json"
        added[str(protos.parent / "LICENSE")] = f"{PACKAGE}/LICENSE"
        build_data["force_include"] |= added

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's form
        """Remove what was made for the build."""
        self._folder.cleanup()


def _generate(protos: Path, out: Path) -> list[FileDescriptorProto]:
    """Write code and types below a folder, and return what the protos describe."""
    sources = sorted(str(path) for path in (protos / FOLDER).glob("*.proto"))
    known = resources.files("grpc_tools") / "_proto"
    image = out / "image.binpb"
    outputs = [f"--{name}_out={out}" for name in OUTPUTS]
    plugins = [f"--plugin={path.name}={path}" for path in _plugins()]
    options = [f"-I{protos}", f"-I{known}", *plugins, *outputs, f"--descriptor_set_out={image}"]
    if protoc.main(["protoc", *options, *sources]):
        raise RuntimeError("protoc could not generate the client: read its lines above")
    return list(FileDescriptorSet.FromString(image.read_bytes()).file)


def _plugins() -> Iterator[Path]:
    """Where the plugins of protoc lie: an isolated build puts them apart from its Python."""
    for file in metadata.files("mypy-protobuf") or ():
        if file.name in PLUGINS:
            yield Path(str(file.locate())).resolve()


def _exports(files: list[FileDescriptorProto]) -> Iterator[str]:
    """The lines by which `v1` has every message, enum, enum's value and stub."""
    yield '"""Messages, enums and stubs of decision_service.api.v1."""\n\n'
    for file in files:
        module = f"{PACKAGE}.v1.{Path(file.name).stem}_pb2"
        values = [value.name for enum in file.enum_type for value in enum.value]
        names = [*(one.name for one in file.message_type), *(one.name for one in file.enum_type)]
        for name in [*names, *values]:
            yield f"from {module} import {name} as {name}\n"
        for service in file.service:
            yield f"from {module}_grpc import {service.name}Stub as {service.name}Stub\n"


def _rewritten(folder: Path) -> Iterator[Path]:
    """The files to ship, importing each other from where they will be."""
    services = {path.stem.removesuffix("_grpc") for path in folder.glob("*_service_pb2_grpc.py")}
    for path in sorted(folder.iterdir()):
        if path.stem.endswith("_grpc") and path.stem.removesuffix("_grpc") not in services:
            continue
        text = path.read_text()
        old = f"from {FOLDER.replace('/', '.')} import"
        path.write_text(text.replace(old, f"from {PACKAGE}.v1 import"))
        yield path
