"""`make sabotage`: plant each fault in a copy of the checkout, and see that its tests fail.

Arguments are names of faults, or parts of names; none means all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.sabotage.faults import ROOT, Fault, faults, planted

_LONGEST, _LONGEST_OF_ALL = 300, 1_800
"""Seconds for the tests of one fault, and for all tests without one."""

_PASSED, _FAILED, _HUNG = 0, 1, -1
"""Of pytest's exit codes: all tests passed, some failed; any other one ran no test to its end."""

_CAUGHT = "caught"
_SAID = {_FAILED: _CAUGHT, _PASSED: "MISSED", _HUNG: "HUNG"}


def main(wanted: list[str]) -> int:
    """Print a line for each fault; 1 where one was not caught."""
    chosen = [fault for fault in faults() if not wanted or any(w in fault.name for w in wanted)]
    if not chosen:
        print(f"no fault is named {' or '.join(wanted)}: see tests/sabotage/faults.yaml")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        _cloned(copy)
        named = sorted({test for fault in chosen for test in fault.caught_by})
        # A test that fails without a fault would catch every one of them
        if _ran(named, copy) != _PASSED:
            return 2
        missed = 0
        for number, fault in enumerate(chosen, 1):
            said = _tried(fault, copy)
            missed += said != _CAUGHT
            print(f"{number:>3}/{len(chosen)}  {said:<8} {fault.name}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} faults caught")
    return 1 if missed else 0


def _cloned(folder: Path) -> None:
    """What is committed, as a checkout, with the installed packages of this one."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def _tried(fault: Fault, copy: Path) -> str:
    """What became of a fault: see `_SAID`."""
    file = copy / fault.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(planted(fault, copy), encoding="utf-8")
    try:
        return _SAID.get(_ran(fault.caught_by, copy, quiet=True), "BROKEN")
    finally:
        file.write_text(whole, encoding="utf-8")


def _ran(tests: Sequence[str], copy: Path, *, quiet: bool = False) -> int:
    """pytest's exit code, or _HUNG; what failed is printed unless `quiet`."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    # The copy's own program, also in the processes that a test starts
    env = {**os.environ, "PYTHONPATH": str(copy)}
    longest = _LONGEST if quiet else _LONGEST_OF_ALL
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=env,
            capture_output=True,
            text=True,
            timeout=longest,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _HUNG
    if done.returncode != _PASSED and not quiet:
        print(f"These fail without any fault:\n{done.stdout[-4000:]}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
