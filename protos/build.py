"""Generates, lints and checks the Python code of the protos: `build.py generate|lint|check`."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import google.type
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
PROJECT = ROOT.parent
GENERATED = PROJECT / "decision_service" / "api" / "v1"
SOURCES = sorted(str(path) for path in (ROOT / "decision_service").rglob("*.proto"))
GOOGLE = str(Path(next(iter(google.type.__path__))).parent.parent)
WELL_KNOWN = str(resources.files("grpc_tools") / "_proto")
INCLUDES = [f"-I{ROOT}", f"-I{GOOGLE}", f"-I{WELL_KNOWN}"]


def run_protoc(*options: str) -> None:
    """Call protoc on all sources; exits with its code when it fails."""
    code = protoc.main(["protoc", *INCLUDES, *options, *SOURCES])
    if code:
        sys.exit(code)


def generate(out: Path) -> None:
    """Write messages, their stubs and the gRPC code below a folder."""
    run_protoc(f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}")


def lint() -> None:
    """Check the protos with buf, on an image, so that no network is needed."""
    with tempfile.TemporaryDirectory() as folder:
        image = str(Path(folder) / "image.binpb")
        run_protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={image}")
        buf = shutil.which("buf", path=str(Path(sys.executable).parent))
        if buf is None:
            sys.exit("buf is not in the virtual environment: run `make setup`")
        command = [buf, "lint", image, "--config", str(PROJECT / "buf.yaml")]
        sys.exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - fixed arguments


def check() -> None:
    """Exit 1 when the committed code differs from what the protos give."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "decision_service" / "api" / "v1"
        names = sorted(path.name for path in fresh.iterdir())
        _, differing, missing = filecmp.cmpfiles(fresh, GENERATED, names, shallow=False)
    if differing or missing:
        sys.exit(
            f"generated code is out of date ({', '.join(differing + missing)}): run `make proto`"
        )


if __name__ == "__main__":
    actions = {"generate": lambda: generate(PROJECT), "lint": lint, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit("usage: build.py generate|lint|check")
    actions[sys.argv[1]]()
