"""The protos compiled by protoc: to code, or to an image, which is their descriptors."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
SOURCES = sorted(str(path) for path in (ROOT / "decision_service").rglob("*.proto"))
WELL_KNOWN = str(resources.files("grpc_tools") / "_proto")
INCLUDES = [f"-I{ROOT}", f"-I{WELL_KNOWN}"]
ERRORS = [str(ROOT / "google" / "rpc" / name) for name in ("error_details.proto", "status.proto")]


def run_protoc(*options: str, sources: Sequence[str] = SOURCES) -> None:
    """Call protoc on sources; exits with its code when it fails."""
    code = protoc.main(["protoc", *INCLUDES, *options, *sources])
    if code:
        sys.exit(code)


def write_image(out: Path, *options: str) -> None:
    """Write the descriptors of the protos and of all that they and errors need."""
    options = (*options, "--include_imports", f"--descriptor_set_out={out}")
    run_protoc(*options, sources=[*SOURCES, *ERRORS])


def image(*options: str) -> FileDescriptorSet:
    """The image as a message."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "image.binpb"
        write_image(written, *options)
        return FileDescriptorSet.FromString(written.read_bytes())
