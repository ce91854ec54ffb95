"""The release installed by its hashes in a fresh environment, and what is found there."""

from __future__ import annotations

import hashlib
import json
import sys
import venv
from pathlib import Path

from decision_service import __version__
from deploy.release.archives import ROOT, run
from deploy.release.closure import PACKAGE, entries, needed
from deploy.release.sources import Refused

PROGRAMS = Path(sys.executable).parent
SHOWN = "Recorded 4 decisions; replaying each gives the same answer."


def requirements(wheel: bytes) -> str:
    """The package and all that it needs, each with its version and hashes."""
    digest = hashlib.sha256(wheel).hexdigest()
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    head = "# pip install --find-links . --require-hashes -r requirements.txt"
    own = f"{PACKAGE}=={__version__} \\\n    --hash=sha256:{digest}"
    return "\n".join([head, own, *entries(lock, needed())]) + "\n"


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
