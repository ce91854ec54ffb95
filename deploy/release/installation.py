"""The release installed by its hashes in a fresh environment, and what is found there."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
import venv
from pathlib import Path

from decision_service import __version__
from deploy.release.archives import ROOT, run
from deploy.release.closure import PACKAGE, entries, needed
from deploy.release.sources import Refused

PROGRAMS = Path(sys.executable).parent
SHOWN = "Recorded 4 decisions; replaying each gives the same answer."


EXTRAS = ("console", "otel", "ray", "workbench")


def requirements(wheel: bytes) -> dict[str, str]:
    """The lock files of a release by name: the package and all that it needs, each by its hashes.

    The one without an extra has only what the package itself needs.
    """
    digest = hashlib.sha256(wheel).hexdigest()
    own = f"{PACKAGE}=={__version__} \\\n    --hash=sha256:{digest}"
    plain = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {"requirements.txt": [*entries(plain, needed())]}
    for extra in EXTRAS:
        lock = (ROOT / "requirements" / f"{extra}.txt").read_text(encoding="utf-8")
        locked[f"requirements-{extra}.txt"] = [*entries(lock)]
    files = {}
    for name, packages in locked.items():
        head = f"# pip install --find-links . --require-hashes -r {name}"
        files[name] = "\n".join([head, own, *packages]) + "\n"
    return files


def install(release: Path, folder: Path) -> Path:
    """The programs of a fresh environment with the release in it, and nothing else."""
    venv.create(folder)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    run(*pip, "--require-hashes", "--find-links", release, "-r", release / "requirements.txt")
    return folder / "bin"


def demonstrate(programs: Path, folder: Path) -> None:
    """Run the demo in an empty folder; raises Refused unless it decides and leaves nothing."""
    folder.mkdir()
    told = run(programs / PACKAGE, "sandbox", "demo", cwd=folder)
    if SHOWN not in told or [*folder.iterdir()]:
        raise Refused("the installed package's demo did not decide as the checkout's does")


def complete(programs: Path, folder: Path) -> None:
    """Ask for a part whose extra is missing, and run what is printed; raises Refused."""
    run(programs / "python", "-m", "ensurepip")
    missing = subprocess.run(
        [programs / PACKAGE, "console"], cwd=folder, capture_output=True, text=True
    )
    _, _, printed = missing.stderr.partition("which is not installed: ")
    if missing.returncode == 0 or not printed:
        raise Refused(f"without its extra the console says no command: {missing.stderr.strip()}")
    run(*shlex.split(printed), cwd=folder)
    run(programs / PACKAGE, "console", "--help", cwd=folder)


def bill_of_materials(python: Path) -> str:
    """The packages of an environment as CycloneDX; the release itself is what they are for."""
    words = ["environment", "--output-reproducible", "--spec-version", "1.6", "--pyproject"]
    told = run(PROGRAMS / "cyclonedx-py", *words, ROOT / "pyproject.toml", python)
    bill = json.loads(told)
    bill["metadata"]["component"] |= {
        "version": __version__,
        "purl": f"pkg:pypi/{PACKAGE}@{__version__}",
    }
    return json.dumps(bill, indent=1, sort_keys=True) + "\n"
