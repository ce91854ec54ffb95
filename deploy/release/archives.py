"""Wheel and source archive, the same in two builds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.release.sources import Refused, committed_at, copy

ROOT = Path(__file__).resolve().parents[2]
_NOT_THEIRS = ("DECISION_", "PYTHONPATH")


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Run a program to its end, without settings or a way to the checkout; its output.

    Raises Refused with what it said where it fails.
    """
    theirs = {name: one for name, one in os.environ.items() if not name.startswith(_NOT_THEIRS)}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=theirs | environ, capture_output=True, text=True
    )
    if done.returncode:
        raise Refused(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def built(folder: Path) -> dict[str, bytes]:
    """Wheel and source archive, made in this folder of a copy of the checkout."""
    tree, out = copy(ROOT, folder / "tree"), folder / "out"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", out]
    run(*build, cwd=tree, SOURCE_DATE_EPOCH=committed_at(ROOT))
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


def archives(folder: Path) -> dict[str, bytes]:
    """What two builds in two folders give alike; raises Refused where they differ."""
    first, second = built(folder / "one"), built(folder / "another" / "folder")
    if differing := [name for name in first if first[name] != second.get(name)]:
        raise Refused(f"two builds of the same files differ: {', '.join(differing)}")
    return first
