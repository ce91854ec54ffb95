"""A store's real database: counted and held up by a test, or its system calls failing by strace."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from decision_service.store.engine import Database

T = TypeVar("T")

LINGER = 0.05

"""Long enough for whatever is asked in one turn of the loop to meet in one group."""


class WatchedDatabase:
    """Counts groups of commits; holds back the news of a finished one while `go` is not set."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.split_batches = database.split_batches
        self.shared = False
        self.commits = 0
        self.written = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read(work)

    async def read_together(self, work: Callable[[Connection], T]) -> T:
        return await self._database.read_together(work)

    async def look_up(self, work: Callable[[Connection], T]) -> T:
        return await self._database.look_up(work)

    async def write(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        return await self._database.write(work, repeatable=repeatable)

    async def commit(self, work: Callable[[Connection], T]) -> T:
        self.commits += 1
        result = await self._database.commit(work)
        self.written.set()
        await self.go.wait()
        return result

    async def note(self, work: Callable[[Connection], T]) -> T:
        return await self._database.note(work)

    async def scrub(self) -> None:
        await self._database.scrub()

    async def aclose(self) -> None:
        await self._database.aclose()


def rows_on_disk(path: Path) -> set[str]:
    """The decisions that another program finds in a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT decision_id FROM decisions")}


SCRIPT = """
import asyncio, sys
from msgspec.structs import replace
from decision_service.domain.errors import StoreUnavailable
from decision_service.store.store import Store
from tests.kits.decision_log import numbered

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
