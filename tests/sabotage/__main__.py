"""`make sabotage`: plant each fault in a copy of the checkout, and see that its tests fail.

Arguments are names of faults, or parts of names; none means all of them.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.sabotage.faults import ROOT, Fault, faults, planted

_LONGEST = 300
"""Seconds for the tests of one fault."""

_PASSED, _FAILED = 0, 1
"""Of pytest's exit codes: all tests passed, some failed. Any other one ran no test to its end."""


def main(wanted: list[str]) -> int:
    """Print a line for each fault; 1 where one was not caught."""
    chosen = [fault for fault in faults() if not wanted or any(w in fault.name for w in wanted)]
    if not chosen:
        print(f"no fault is named {' or '.join(wanted)}: see tests/sabotage/faults.yaml")
        return 2
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy_checkout(copy)
        for number, fault in enumerate(chosen, 1):
            said = _tried(fault, copy)
            missed += said != "caught"
            print(f"{number:>3}/{len(chosen)}  {said:<8} {fault.name}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} faults caught")
    return 1 if missed else 0


def _copy_checkout(folder: Path) -> None:
    """What is committed, with the installed packages of this checkout."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    (folder / ".venv").symlink_to(ROOT / ".venv")


def _tried(fault: Fault, copy: Path) -> str:
    """`caught`, `MISSED` where its tests pass, `BROKEN` where they could not run."""
    file = copy / fault.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(planted(fault, copy), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    # The copy's own program, also in the processes that a test starts
    env = {**os.environ, "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(
            [*command, *fault.caught_by],
            cwd=copy,
            env=env,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "caught"
    finally:
        file.write_text(whole, encoding="utf-8")
    if done.returncode == _FAILED:
        return "caught"
    if done.returncode == _PASSED:
        return "MISSED"
    print(done.stdout[-2000:])
    return "BROKEN"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
