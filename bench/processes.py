"""Processes that are measured, and which cores they and their surroundings may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.service import ROOT

PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Cores:
    """The core of what is measured, and those of everything else."""

    measured: int
    others: frozenset[int]

    def __str__(self) -> str:
        rest = ", ".join(map(str, sorted(self.others)))
        return f"measured on core {self.measured}, everything else on {rest}"

    def only(self, command: Sequence[str]) -> list[str]:
        """The command line that keeps a command on the measured core."""
        return ["taskset", "-c", str(self.measured), *command]


def pinning_is_missing() -> str:
    """Why processes cannot be pinned here; empty where they can."""
    if shutil.which("taskset") is None or not hasattr(os, "sched_setaffinity"):
        return "processes are pinned with `taskset` of util-linux, which this machine has not"
    return ""


@contextmanager
def split_cores() -> Iterator[Cores]:
    """Leave one core to what is measured: this process and what it starts keep to the others."""
    every = os.sched_getaffinity(0)
    measured = min(every)
    others = frozenset(every - {measured}) or frozenset(every)
    os.sched_setaffinity(0, others)
    try:
        yield Cores(measured, others)
    finally:
        os.sched_setaffinity(0, every)


@dataclass(slots=True)
class Started:
    """A process and what it has printed so far, by the first word of each line."""

    popen: subprocess.Popen[str]
    log: Path
    _printed: dict[str, list[str]] = field(default_factory=dict)

    def printed(self, word: str) -> list[str]:
        """The words of the line that begins with this word, waiting for it.

        Raises RuntimeError with the process's last line where it ended before.
        """
        assert self.popen.stdout is not None
        while word not in self._printed:
            line = self.popen.stdout.readline()
            if not line:
                raise RuntimeError(f"{self.popen.args} ended: {self._last_words()}")
            words = line.split()
            self._printed[words[0] if words else ""] = words
        return self._printed[word]

    def _last_words(self) -> str:
        lines = self.log.read_text().splitlines()
        return lines[-1] if lines else "without a word"


def module(name: str, *arguments: str) -> list[str]:
    """The command line of a Python module."""
    return [sys.executable, "-m", name, *arguments]


@contextmanager
def started(
    command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """Start a process, and end it whatever happens; what it logs goes to a file."""
    with (
        log.open("w") as lines,
        subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=lines, text=True
        ) as popen,
    ):
        try:
            yield Started(popen, log)
        finally:
            end(popen)


def end(popen: subprocess.Popen[str]) -> None:
    """Ask a process to stop, and make it stop where it does not listen."""
    popen.terminate()
    try:
        popen.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        popen.kill()
