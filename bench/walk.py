"""The files and functions that one cold and one warm decision pass in the running service, in order.

The stand-in, generated code and what runs in the background anyway are left out. A file is listed
apart where fewer than six of its lines run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import decision_service
from bench.service import raw_calls, request
from decision_service.app.wiring import start
from decision_service.runtime.config import load
from decision_service.standin.sandbox import sandbox_people

ROOT = Path(decision_service.__file__).parent
LEFT_OUT = ("api", "standin")
IDLE_SECONDS = 10.0
"""Before, between and after the decisions, so that every background task runs in one of them."""


FEW_LINES = 6
"""A file of which fewer lines run hardly earns its place on the path of a decision."""

Walk = dict[CodeType, set[int]]
"""The lines that ran of each function, in the order of the first calls of all threads."""


class Tracer:
    """Notes each function of the service once, with the lines of it that run."""

    def __init__(self) -> None:
        self.called: Walk = {}

    def note(self, frame: FrameType, _: str, __: object) -> Callable[..., object] | None:
        """A trace function, as `sys.settrace` takes it: the calls, and the lines of our files."""
        if _file_of(frame.f_code) is None:
            return None
        self.called.setdefault(frame.f_code, set())
        return self._line

    def _line(self, frame: FrameType, event: str, _: object) -> Callable[..., object]:
        if event == "line":
            self.called.setdefault(frame.f_code, set()).add(frame.f_lineno)
        return self._line

    def taken(self) -> Walk:
        """What was called since the last time, on this thread and on those started meanwhile."""
        called, self.called = self.called, {}
        return called.copy()


def main(idle_seconds: float = IDLE_SECONDS) -> None:
    """Print both walks; what is called in the idle seconds is left out."""
    tracer = Tracer()
    threading.settrace(tracer.note)
    sys.settrace(tracer.note)
    try:
        asyncio.run(_walks(tracer, idle_seconds))
    finally:
        sys.settrace(None)
        threading.settrace(None)


async def _walks(tracer: Tracer, idle_seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = await start(load(environ=_environ(Path(folder))), init=True)
        try:
            cold, warm = await _both(tracer, service.address, idle_seconds)
        finally:
            await service.stop()
    print(f"Files: cold {_show('cold', cold)}, warm {_show('warm', warm)}")


async def _both(tracer: Tracer, address: str, idle_seconds: float) -> Iterable[Walk]:
    first, second = (one.user_id for one in sandbox_people()[:2])
    await asyncio.to_thread(_decide, address, first)
    tracer.taken()
    idle, walks = set[CodeType](), list[Walk]()
    for _ in range(2):
        await asyncio.sleep(idle_seconds)
        idle.update(tracer.taken())
        await asyncio.to_thread(_decide, address, second)
        walks.append(tracer.taken())
    await asyncio.sleep(idle_seconds)
    idle.update(tracer.taken())
    return ({code: ran for code, ran in walk.items() if code not in idle} for walk in walks)


def _decide(address: str, user_id: str) -> None:
    with raw_calls(address) as call:
        call(request(user_id))


def _environ(folder: Path) -> dict[str, str]:
    chosen = {
        "STORE_URL": f"sqlite:///{folder / 'walk.db'}",
        "GRPC_ADDRESS": "127.0.0.1:0",
        "HTTP_ADDRESS": "127.0.0.1:0",
        "ADMIN_ADDRESS": "127.0.0.1:0",
        "RULES_DIR": os.environ.get("DECISION_RULES_DIR", "rules"),
        "WEBHOOK_SECRETS": "walk-walk-walk-walk",
    }
    return {f"DECISION_{name}": value for name, value in chosen.items()}


def _show(name: str, walk: Walk) -> int:
    files: dict[str, list[str]] = {}
    lines: Counter[str] = Counter()
    for code, ran in walk.items():
        file = _file_of(code)
        if file is None:
            continue
        lines[file] += len(ran)
        if not code.co_name.startswith("<"):
            files.setdefault(file, []).append(code.co_qualname)
    functions = sum(map(len, files.values()))
    print(f"A {name} decision: {len(files)} files, {functions} functions")
    for file, names in files.items():
        print(f"  {file:42} {', '.join(names)}")
    few = [f"{file} ({lines[file]})" for file in files if lines[file] < FEW_LINES]
    print(f"Fewer than {FEW_LINES} lines run of {len(few)} files: {', '.join(few)}")
    return len(files)


@cache
def _file_of(code: CodeType) -> str | None:
    """The path below the package; None for other code, and for what is left out."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] in LEFT_OUT:
        return None
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
