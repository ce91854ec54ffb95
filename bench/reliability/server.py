"""The service as a process that is started, killed and started again at one address."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

import grpc
import psutil

from bench.reliability.client import connected
from bench.reliability.forked import Forked
from bench.reliability.nursery import Nursery
from tests.e2e.process import clean_environ
from tests.e2e.service import ROOT

PATIENCE = 30.0
PORTS = SystemRandom()


class NotServing(Exception):
    """The process ended, or did not serve in time."""


def free_port() -> int:
    """A port that nobody has, and that no client's connection is given while a server is dead.

    Those come from 32768 on; one that got the server's port would keep it from coming back.
    """
    while True:
        port = PORTS.randrange(20_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(slots=True)
class Server:
    """One replica. `arguments` are the child's, `settings` the service's."""

    folder: Path
    settings: dict[str, str]
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    nursery: Nursery | None = None
    """Forks it already imported, unless a start is to be cold."""

    _process: Process | Forked | None = None

    @property
    def address(self) -> str:
        """Where it listens, or will."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Everything it ever logged."""
        return self.folder / f"{self.port}.log"

    @property
    def process(self) -> psutil.Process:
        """Its process, to be measured."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    async def start(self, *more: str, cold: bool = False) -> float:
        """Start it; seconds until it served. Raises NotServing."""
        settings = {**self.settings, "grpc_address": self.address}
        environ = clean_environ(self.folder, **settings)
        arguments, began = (*self.arguments, *more), time.monotonic()
        if self.nursery is None or cold:
            self._process = await self._executed(arguments, environ)
        else:
            self._process = await self.nursery.fork(arguments, environ, self.log)
        await self._until_serving()
        return time.monotonic() - began

    async def _executed(self, arguments: Sequence[str], environ: Mapping[str, str]) -> Process:
        command = (sys.executable, "-m", "bench.reliability.child", *arguments)
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=environ, stdout=DEVNULL, stderr=log
            )

    async def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def terminate(self) -> tuple[int, float]:
        """Ask it to stop: its exit code and the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return await self._process.wait(), time.monotonic() - began

    async def dies_within(self, seconds: float) -> bool:
        """Whether it ended by itself in this time."""
        assert self._process is not None
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def _until_serving(self) -> None:
        give_up = time.monotonic() + PATIENCE
        while not await self._listens():
            if self._process is None or self._process.returncode is not None:
                raise NotServing(self._last_words())
            if time.monotonic() > give_up:
                raise NotServing(f"not within {PATIENCE:.0f} s: {self._last_words()}")
            await asyncio.sleep(0.005)
        async with connected(self.address) as client:
            while not await self._serves(client.serving()):
                await asyncio.sleep(0.005)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def _serves(self, asking: object) -> bool:
        try:
            return bool(await asking)  # type: ignore[misc]  # a coroutine of the client
        except grpc.RpcError as error:
            if self._process is None or self._process.returncode is not None:
                raise NotServing(self._last_words()) from error
            return False

    def _last_words(self) -> str:
        return self.log.read_text()[-300:]
