"""A process that has imported the service and forks one that serves whenever it is asked.

Most of a start is imports; a kill loop that pays for them each time kills the machine instead.
What is forked has nothing of the service running yet: no event loop, no thread, no gRPC.
Run as `python -m bench.reliability.nursery`: a line in says what to fork, a line out is its pid.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.reliability import child
from bench.reliability.forked import Forked
from tests.e2e.service import ROOT

_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


@dataclass(frozen=True, slots=True)
class Nursery:
    """The bench's end of it."""

    _process: Process
    _one_at_a_time: asyncio.Lock

    async def fork(self, arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> Forked:
        """A server with these arguments and this environment and no other, logging there."""
        asked = {"arguments": arguments, "environ": dict(environ), "log": str(log)}
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        async with self._one_at_a_time:
            writer.write(json.dumps(asked).encode() + b"\n")
            return Forked(int(await reader.readline()))


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Start one, and end it; what it forked is ended by whoever asked for it."""
    command = (sys.executable, "-m", "bench.reliability.nursery")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    try:
        yield Nursery(process, asyncio.Lock())
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def main() -> None:
    """Import everything, then fork for every line."""
    import_module("decision_service.cli.serve")  # this is what takes the time
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever dies is gone at once
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        raise SystemExit("an import started a thread: what is forked would miss it")
    gc.collect()
    gc.freeze()
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            be_born(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def be_born(asked: dict[str, Any]) -> None:
    """Become the server that was asked for; never returns."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # a bench that ends leaves nobody
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor, to in enumerate((nowhere, nowhere, log)):
        os.dup2(to, descriptor)
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv[1:] = asked["arguments"]
    code = 1
    try:
        code = child.main()
    except BaseException:  # noqa: BLE001 - nobody above this may go on as the parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
