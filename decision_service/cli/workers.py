"""`serve --workers N`: one process that serves nothing itself and keeps N workers that do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.stopping import HURRY_SECONDS, on_stop_signals
from decision_service.cli.worker_process import Worker, own_command, spawn
from decision_service.config import PREFIX, Settings, split_address

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PROVEN_SECONDS = 10.0
"""A worker that served for so long died of something new: it is replaced without a long pause."""

KILL_MARGIN = 5.0
"""How much longer than its grace a worker may take to stop."""

log = structlog.get_logger("decision_service.workers")


Start = Callable[[Sequence[str], int, Mapping[str, str]], Awaitable[Worker]]


@dataclass(slots=True)
class Slot:
    """The place of one worker; `serving` while its present one serves."""

    number: int
    worker: Worker | None = None
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    banner: list[str] = field(default_factory=list)
    rolled: bool = False

    def end(self, seconds: float) -> None:
        """Ask its worker, if there is one, to end, and end it after so many seconds."""
        if self.worker is None:
            return
        self.worker.send(signal.SIGTERM)
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self.worker.send, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: so many workers of a command, each with `grace` seconds to stop."""

    command: Sequence[str]
    environ: Mapping[str, str]
    count: int
    grace: float
    first_pause: float = FIRST_PAUSE


class Workers:
    """Starts workers, replaces those that end, and rolls or stops all of them.

    A worker that ends is started again after a pause that doubles from half a second to half a
    minute. `say` is given the banner once, when all serve.
    """

    def __init__(self, plan: Plan, say: Callable[[list[str]], None], start: Start = spawn) -> None:
        self._plan = plan
        self._say = say
        self._start = start
        self._slots = [Slot(number) for number in range(1, plan.count + 1)]
        self._stopping = asyncio.Event()
        self._rolling: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Keep the workers until `stop`; the exit code, which is the first one's if it fails.

        The first worker starts alone, so that what keeps the service from starting is said once.
        """
        first, *others = self._slots
        keeping = [asyncio.create_task(self._keep(first))]
        up = asyncio.create_task(first.serving.wait())
        saying = asyncio.create_task(self._say_once())
        await asyncio.wait({*keeping, up}, return_when=asyncio.FIRST_COMPLETED)
        if first.serving.is_set():
            keeping += [asyncio.create_task(self._keep(slot)) for slot in others]
        codes = await asyncio.gather(*keeping)
        up.cancel()
        saying.cancel()
        return codes[0]

    def stop(self) -> None:
        """Let every worker drain, and end what is not done when its grace is over."""
        log.info("stopping workers")
        self._stopping.set()
        for slot in self._slots:
            slot.end(self._plan.grace + KILL_MARGIN)

    def hurry(self) -> None:
        """Give those that still drain two seconds."""
        for slot in self._slots:
            slot.end(HURRY_SECONDS + 1)

    def roll(self) -> None:
        """Replace the workers one at a time, each when the one before it serves."""
        if self._stopping.is_set() or (self._rolling and not self._rolling.done()):
            log.info("workers are already rolling or stopping")
            return
        self._rolling = asyncio.create_task(self._roll())

    async def _roll(self) -> None:
        for slot in self._slots:
            log.info("rolling", worker=slot.number)
            slot.rolled = True
            slot.serving.clear()
            slot.end(self._plan.grace + KILL_MARGIN)
            await slot.serving.wait()
            slot.rolled = False
        log.info("rolled")

    async def _keep(self, slot: Slot) -> int:
        """Keep one worker until stopping; its exit code where it must not be started again."""
        pause = self._plan.first_pause
        while True:
            code, proven = await self._live(slot)
            if self._stopping.is_set():
                return Exit.DONE
            if not self._slots[0].banner:
                return code
            pause = self._plan.first_pause if proven else pause
            await self._pause(slot, code, pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _live(self, slot: Slot) -> tuple[int, bool]:
        """Follow a worker from start to end: its code, and whether it had served for long."""
        try:
            worker = await self._start(self._plan.command, slot.number, self._plan.environ)
        except OSError as error:
            log.warning("no process for a worker", worker=slot.number, why=error.strerror)
            return Exit.USAGE, False
        slot.worker = worker
        if self._stopping.is_set():
            slot.end(self._plan.grace + KILL_MARGIN)
        loop = asyncio.get_running_loop()
        banner, since = await worker.banner(), loop.time()
        if banner is not None:
            slot.banner = banner
            slot.serving.set()
            log.info("worker serves", worker=slot.number, pid=worker.process.pid)
        code = await worker.ended()
        slot.serving.clear()
        return code, banner is not None and loop.time() - since >= PROVEN_SECONDS

    async def _pause(self, slot: Slot, code: int, seconds: float) -> None:
        if slot.rolled:
            slot.rolled = False
            return
        log.error("worker ended", worker=slot.number, code=code, restart_in=seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _say_once(self) -> None:
        for slot in self._slots:
            await slot.serving.wait()
        *lines, last = self._slots[0].banner
        self._say([*lines, f"  workers {self._plan.count}", last])


async def serve_by_workers(settings: Settings) -> int:
    """Keep `settings.workers` workers until SIGTERM or Ctrl-C; the exit code."""
    with reserved(settings.grpc_address) as address:
        workers = Workers(
            Plan(
                command=own_command(),
                environ=os.environ | {f"{PREFIX}GRPC_ADDRESS": address},
                count=settings.workers,
                grace=settings.drain_seconds + settings.drain_grace,
            ),
            _print,
        )
        on_stop_signals(workers.stop, workers.hurry)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, workers.roll)
        return await workers.run()


@contextmanager
def reserved(address: str) -> Iterator[str]:
    """Hold a port for the workers to share, and yield the address with it.

    A socket that is bound and does not listen gets no connections. Nobody else may listen there
    yet: two services that share a port by mistake would share its callers.
    """
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as held:
        try:
            with socket.create_server((host, port), family=family) as probe:
                port = probe.getsockname()[1]
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"{address} cannot be bound ({error.strerror}): stop the program that uses it or "
                f"set {PREFIX}GRPC_ADDRESS to another address",
                Exit.USAGE,
            ) from None
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _print(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
