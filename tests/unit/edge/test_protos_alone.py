"""The protos compile alone, into packages that each language can import."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PROTOS = Path(__file__).resolve().parents[3] / "protos"
PACKAGES = ("CreditDecision.Api.V1", "decision_service/api/v1;decisionv1", "creditdecision.api.v1")


def compiled(folder: Path) -> FileDescriptorSet:
    """What protoc makes of a copy of the shipped folder, with its own files beside it alone."""
    copy, out = folder / "protos", folder / "image.binpb"
    shutil.copytree(PROTOS, copy)
    options = [f"-I{copy}", f"-I{resources.files('grpc_tools') / '_proto'}", f"-o{out}"]
    sources = sorted(str(path) for path in copy.rglob("*.proto"))
    assert protoc.main(["protoc", *options, *sources]) == 0
    return FileDescriptorSet.FromString(out.read_bytes())


def test_the_shipped_folder_is_all_that_protoc_needs(tmp_path: Path) -> None:
    """Google's files are in it, with their licence; C#, Go and Java find one package each."""
    files = compiled(tmp_path).file
    own = [file for file in files if file.package == "decision_service.api.v1"]
    assert len(own) == len(list((PROTOS / "decision_service").rglob("*.proto")))
    for file in own:
        options = file.options
        assert options.java_multiple_files
        found = (options.csharp_namespace, options.go_package, options.java_package)
        assert found == PACKAGES
    assert {file.package for file in files} - {"decision_service.api.v1"} == {
        "google.rpc",
        "google.type",
    }
    assert "Apache License" in (PROTOS / "google" / "LICENSE").read_text()
