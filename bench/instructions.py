"""Counting the instructions of a work in this process, which runs under valgrind's callgrind.

Instructions are the same on a busy machine, where CPU time moves by a fifth. All threads count.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which

Work = Callable[[], object]
_SUMMARY = re.compile(r"^summary: (\d+)", re.MULTILINE)
_PAUSE = 0.02


def missing() -> str:
    """What to install before anything can be counted; empty where all is there."""
    programs = [name for name in ("valgrind", "vgdb") if which(name) is None]
    return f"there is no {programs[0]}: apt-get install valgrind" if programs else ""


def command(folder: Path, module: str, *arguments: str) -> list[str]:
    """A module of Python under callgrind, which counts nothing until it is asked to."""
    return [
        "valgrind",
        "--quiet",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--fair-sched=yes",
        f"--callgrind-out-file={folder}/counted",
        sys.executable,
        "-m",
        module,
        *arguments,
    ]


class Counter:
    """Counts works in turns; `folder` is where callgrind was told to write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rounds(self, ours: Work, yardstick: Work, rounds: int) -> list[tuple[int, int]]:
        """The counts of each round, in which the two works take turns, after one that warms up."""
        for work in (ours, yardstick):
            work()
        gc.collect()
        gc.freeze()
        gc.disable()
        _control("instrumentation", "on")
        found = []
        for number in range(rounds):
            # In changing order, so that neither is always the one that finds the other's leavings
            if number % 2:
                mine = self._once(ours)
                bare = self._once(yardstick)
            else:
                bare = self._once(yardstick)
                mine = self._once(ours)
            found.append((mine, bare))
        _control("instrumentation", "off")
        gc.enable()
        gc.unfreeze()
        return found

    def _once(self, work: Work) -> int:
        _control("zero")
        work()
        _control("dump")
        [dump] = self._folder.glob("counted.*")
        counted = _SUMMARY.search(dump.read_text(encoding="utf-8"))
        dump.unlink()
        if counted is None:
            raise SystemExit(f"callgrind wrote no summary into {dump}")
        return int(counted[1])


def _control(*order: str) -> None:
    asked = ("vgdb", f"--pid={os.getpid()}", *order)
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as asking:
        # Not `wait`: a process that sleeps in the kernel obeys only where it may be traced
        while asking.poll() is None:
            time.sleep(_PAUSE)
        if asking.returncode:
            said = asking.communicate()[0].decode()
            raise SystemExit(f"vgdb {' '.join(order)}: {said}")
