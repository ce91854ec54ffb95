"""What is made of the protos: `python -m protos.build` with an action.

`generate` writes the server's Python code, docs/openapi.yaml and the comments that are the help of
commands; `check` says whether they are what the protos give. `lint` checks style, and that no
client of the last release breaks; `release` makes the protos of today the last release.

Google's files that the protos need lie beside them with their licence, as the package
googleapis-common-protos has them, so that protoc needs nothing else.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from protos.compiling import ROOT, image, run_protoc, write_image
from protos.descriptors import Descriptors
from protos.openapi import PACKAGE as OWN
from protos.openapi import document

PROJECT = ROOT.parent
GENERATED = PROJECT / "decision_service" / "api" / "v1"
PACKAGE = metadata.distribution("googleapis-common-protos")
GOOGLE = Path(str(PACKAGE.locate_file("google")))
GOOGLE_FILES = (
    "rpc/error_details.proto",
    "rpc/status.proto",
    "type/money.proto",
)
RELEASED = PROJECT / "clients" / "released.binpb"
OPENAPI = PROJECT / "docs" / "openapi.yaml"
COMMENTS = PROJECT / "decision_service" / "api" / "comments.json"
LICENCE = PACKAGE.read_text("licenses/LICENSE") or ""


def copy_google(out: Path) -> None:
    """Write Google's files and their licence below a folder."""
    for name in GOOGLE_FILES:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(GOOGLE / name, out / name)
    (out / "LICENSE").write_text(LICENCE)


def generate(out: Path) -> None:
    """Write messages, their stubs and the gRPC code below a folder."""
    run_protoc(f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}")


def openapi() -> str:
    """The OpenAPI document of the protos."""
    return document(image("--include_source_info"))


def comments() -> str:
    """What the protos say of methods and of fields of messages, by names without the package."""
    known, own = Descriptors(image("--include_source_info")), f"{OWN}."
    said = {
        name.removeprefix(own): comment
        for name, comment in known.comments.items()
        if name.startswith(own) and name.removeprefix(own).count(".") == 1
    }
    return json.dumps(said, indent=0, ensure_ascii=False, sort_keys=True) + "\n"


def lint() -> None:
    """Check the protos with buf, on images, so that no network is needed."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "image.binpb"
        write_image(fresh, "--include_source_info")
        buf("lint", str(fresh))
        buf("breaking", str(fresh), "--against", str(RELEASED))


def buf(*arguments: str) -> None:
    """Call buf with the project's rules; exits with its code when it finds something."""
    program = shutil.which("buf", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("buf is not in the virtual environment: run `make setup`")
    command = [program, *arguments, "--config", str(PROJECT / "buf.yaml")]
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - fixed arguments
    if code:
        sys.exit(code)


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
    outdated += [
        path.name
        for path, content in ((OPENAPI, openapi()), (COMMENTS, comments()))
        if path.read_text(encoding="utf-8") != content
    ]
    if outdated:
        sys.exit(f"generated files are out of date ({', '.join(outdated)}): run `make proto`")


def _differing(fresh: Path, committed: Path, names: Sequence[str]) -> list[str]:
    _, differing, missing = filecmp.cmpfiles(fresh, committed, names, shallow=False)
    return differing + missing


def main(action: str) -> None:
    """Do what the command line says."""
    match action:
        case "generate":
            copy_google(ROOT / "google")
            generate(PROJECT)
            OPENAPI.write_text(openapi(), encoding="utf-8")
            COMMENTS.write_text(comments(), encoding="utf-8")
        case "lint":
            lint()
        case "check":
            check()
        case "release":
            write_image(RELEASED)
        case _:
            sys.exit("usage: python -m protos.build generate|lint|check|release")


if __name__ == "__main__":
    main(*(sys.argv[1:] or [""]))
