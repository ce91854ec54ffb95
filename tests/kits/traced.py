"""A committing process whose system calls fail or dawdle, by strace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, sys
from msgspec.structs import replace
from decision_service.domain.errors import StoreUnavailable
from decision_service.store.store import Store
from tests.kits.decision_entries import numbered

async def commit(url, count):
    store = await Store.open(url)
    for number in range(count):
        try:
            await store.commit(numbered(number))
        except StoreUnavailable as error:
            print("refused", number, error.message, flush=True)
            try:
                await store.check()
            except StoreUnavailable:
                print("unwell", number, flush=True)
        else:
            print("told", number, flush=True)
    await store.aclose()

asyncio.run(commit(sys.argv[1], int(sys.argv[2])))
"""
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the process said, by number, and the calls that strace saw, one a line."""

    told: list[int]
    refused: list[int]
    unwell: list[int]
    calls: list[str]


def committing_under(fault: str, url: str, folder: Path, count: int) -> Outcome:
    """Commit `count` decisions one by one while `fdatasync` does as strace's `inject` says.

    Skips the test, saying why, where nothing can be traced.
    """
    if shutil.which("strace") is None:
        pytest.skip("there is no strace: apt-get install strace")
    trace = folder / "trace"
    sync = ["-e", "trace=fdatasync", "-e", f"inject=fdatasync:{fault}"]
    done = subprocess.run(
        [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-o",
            str(trace),
            *sync,
            sys.executable,
            "-c",
            SCRIPT,
            url,
            str(count),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("this machine lets nobody trace: the system's faults cannot be injected")
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    numbers = {
        word: [int(line[1]) for line in said if line[0] == word]
        for word in ("told", "refused", "unwell")
    }
    return Outcome(**numbers, calls=trace.read_text().splitlines())
