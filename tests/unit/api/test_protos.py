"""The protos: they compile alone, and a change that breaks clients is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[3]
PROTOS = ROOT / "protos"
FIELD = "  string application_id = 4;\n"
OTHERS = ("  string request_id = 1;\n", "  string user_id = 2;\n")


def linted(folder: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What lint says of a copy of the protos, in which fields of an application are replaced."""
    shutil.copytree(PROTOS, folder / "protos")
    (folder / "clients").mkdir()
    for name in ("buf.yaml", "clients/released.binpb"):
        shutil.copy(ROOT / name, folder / name)
    proto = folder / "protos/decision_service/api/v1/decision_service.proto"
    text = proto.read_text()
    for field, replacement in changes.items():
        assert field in text
        text = text.replace(field, replacement, 1)
    proto.write_text(text)
    command = [sys.executable, "-m", "protos.build", "lint"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_breaking_change_is_found(tmp_path: Path) -> None:
    """A field that is removed, of another type, or renamed."""
    retyped, renamed = OTHERS
    changes = {
        FIELD: "",
        retyped: retyped.replace("string", "int64"),
        renamed: renamed.replace("user_id", "who_applies"),
    }
    found = linted(tmp_path, changes)
    assert found.returncode != 0
    for finding in (
        'Previously present field "4" with name "application_id"',
        "changed type",
        "changed name",
    ):
        assert finding in found.stdout + found.stderr


def test_a_further_field_breaks_nobody(tmp_path: Path) -> None:
    """Within v1 the contract grows."""
    found = linted(tmp_path, {FIELD: f"{FIELD}  // Of no use.\n  string further = 99;\n"})
    assert found.returncode == 0, found.stdout


def test_a_generated_file_that_is_not_committed_is_out_of_date(tmp_path: Path) -> None:
    for name in ("protos", "decision_service/api"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/openapi.yaml", tmp_path / "docs")
    (tmp_path / "decision_service/api/v1/values_pb2.pyi").unlink()
    command = [sys.executable, "-m", "protos.build", "check"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "out of date (values_pb2.pyi): run `make proto`" in found.stderr


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
