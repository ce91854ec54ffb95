"""The files and functions that one cold and one warm decision pass in the running service, in order.

The stand-in, generated code and what runs in the background anyway are left out.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Iterable
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


class Tracer:
    """Notes each function of the service once, in the order of the first calls of all threads."""

    def __init__(self) -> None:
        self.called: dict[CodeType, None] = {}

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """A profile function, as `sys.setprofile` takes it."""
        if event == "call":
            self.called.setdefault(frame.f_code)

    def taken(self) -> tuple[CodeType, ...]:
        """What was called since the last time, on this thread and on those started meanwhile."""
        called, self.called = self.called, {}
        return tuple(called.copy())


def main(idle_seconds: float = IDLE_SECONDS) -> None:
    """Print both walks; what is called in the idle seconds is left out."""
    tracer = Tracer()
    threading.setprofile(tracer.note)
    sys.setprofile(tracer.note)
    try:
        asyncio.run(_walks(tracer, idle_seconds))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def _walks(tracer: Tracer, idle_seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        service = await start(load(environ=_environ(Path(folder))), init=True)
        try:
            cold, warm = await _both(tracer, service.address, idle_seconds)
        finally:
            await service.stop()
    print(f"Files: cold {_show('cold', cold)}, warm {_show('warm', warm)}")


async def _both(tracer: Tracer, address: str, idle_seconds: float) -> Iterable[Iterable[CodeType]]:
    first, second = (one.user_id for one in sandbox_people()[:2])
    await asyncio.to_thread(_decide, address, first)
    tracer.taken()
    idle, walks = set[CodeType](), list[tuple[CodeType, ...]]()
    for _ in range(2):
        await asyncio.sleep(idle_seconds)
        idle.update(tracer.taken())
        await asyncio.to_thread(_decide, address, second)
        walks.append(tracer.taken())
    await asyncio.sleep(idle_seconds)
    idle.update(tracer.taken())
    return ([code for code in called if code not in idle] for called in walks)


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


def _show(name: str, called: Iterable[CodeType]) -> int:
    files: dict[str, list[str]] = {}
    for code in called:
        file = _file_of(code)
        if file is not None and not code.co_name.startswith("<"):
            files.setdefault(file, []).append(code.co_qualname)
    functions = sum(map(len, files.values()))
    print(f"A {name} decision: {len(files)} files, {functions} functions")
    for file, names in files.items():
        print(f"  {file:42} {', '.join(names)}")
    return len(files)


def _file_of(code: CodeType) -> str | None:
    """The path below the package; None for other code, and for what is left out."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] in LEFT_OUT:
        return None
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
