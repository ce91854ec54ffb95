"""Generates, lints and checks the Python code of the protos: `build.py generate|lint|check`.

Google's files that the protos need lie beside them with their licence, as the package
googleapis-common-protos has them, so that protoc needs nothing else.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
PROJECT = ROOT.parent
GENERATED = PROJECT / "decision_service" / "api" / "v1"
SOURCES = sorted(str(path) for path in (ROOT / "decision_service").rglob("*.proto"))
PACKAGE = metadata.distribution("googleapis-common-protos")
GOOGLE = Path(str(PACKAGE.locate_file("google")))
GOOGLE_FILES = ("type/money.proto", "rpc/error_details.proto", "rpc/status.proto")
LICENCE = PACKAGE.read_text("licenses/LICENSE") or ""
WELL_KNOWN = str(resources.files("grpc_tools") / "_proto")
INCLUDES = [f"-I{ROOT}", f"-I{WELL_KNOWN}"]


def run_protoc(*options: str) -> None:
    """Call protoc on all sources; exits with its code when it fails."""
    code = protoc.main(["protoc", *INCLUDES, *options, *SOURCES])
    if code:
        sys.exit(code)


def copy_google(out: Path) -> None:
    """Write Google's files and their licence below a folder."""
    for name in GOOGLE_FILES:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(GOOGLE / name, out / name)
    (out / "LICENSE").write_text(LICENCE)


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
    """Exit 1 when the committed files differ from what their sources give."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        copy_google(fresh / "google")
        code = fresh / "decision_service" / "api" / "v1"
        names = sorted(path.name for path in code.iterdir())
        outdated = _differing(code, GENERATED, names)
        outdated += _differing(fresh / "google", ROOT / "google", [*GOOGLE_FILES, "LICENSE"])
    if outdated:
        sys.exit(f"generated files are out of date ({', '.join(outdated)}): run `make proto`")


def _differing(fresh: Path, committed: Path, names: Sequence[str]) -> list[str]:
    _, differing, missing = filecmp.cmpfiles(fresh, committed, names, shallow=False)
    return differing + missing


def main(action: str) -> None:
    """Do what the command line says."""
    if action == "generate":
        copy_google(ROOT / "google")
        generate(PROJECT)
    else:
        {"lint": lint, "check": check}[action]()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in {"generate", "lint", "check"}:
        sys.exit("usage: build.py generate|lint|check")
    main(sys.argv[1])
