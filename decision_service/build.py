"""What this program was built from."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

UNKNOWN = "unknown"
_PACKAGE = "decision_service"
_FILE = "commit.txt"
_SECONDS = 2.0


def commit() -> str:
    """The commit's first twelve digits: as the package's `commit.txt` has it, or as git does.

    `unknown` where there is neither. Never raises.
    """
    written = files(_PACKAGE) / _FILE
    if written.is_file():
        return written.read_text(encoding="ascii").strip() or UNKNOWN
    return _of_checkout(Path(__file__).resolve().parents[1])


def _of_checkout(root: Path) -> str:
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return UNKNOWN
    asked = [git, "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603 - git of the path, fixed words
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN
