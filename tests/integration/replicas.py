"""Two services on one PostgreSQL server and one vendor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from decision_service.standin.faults import Fault
from decision_service.standin.server import Simulator, build_app, serve
from tests.e2e.process import SERVE, Process, serving
from tests.e2e.service import Running, running
from tests.kits.cases import until


@dataclass(frozen=True, slots=True)
class Vendor:
    """A stand-in of the test's own; `settings` make a service use it."""

    app: Simulator
    settings: Mapping[str, str]

    def gatherings(self) -> int:
        """How many times contributions were read, as they are once in every gathering."""
        return self.app.meter.by_path()["/contributions"]

    async def hit(self, times: int = 1) -> None:
        """Wait until so many requests have met a fault."""
        await until(lambda: self.app.faults.hits >= times, pause=0.005)


@asynccontextmanager
async def vendor(*faults: Fault) -> AsyncIterator[Vendor]:
    """Start a stand-in that misbehaves as told."""
    async with vendor_of(build_app(api_key="k", api_secret="s", faults=faults)) as at:
        yield at


@asynccontextmanager
async def vendor_of(app: Simulator) -> AsyncIterator[Vendor]:
    """Start a stand-in, whose key is `k` and whose secret is `s`."""
    async with serve(app) as base_url:
        yield Vendor(
            app,
            {
                "smile_mode": "sandbox",
                "smile_api_key": "k",
                "smile_api_secret": "s",
                "smile_base_url": base_url,
                "drain_delay": "0s",
            },
        )


@asynccontextmanager
async def replicas(
    folder: Path, url: str, at: Vendor, **settings: str
) -> AsyncIterator[tuple[Running, Running]]:
    """Start two services that share all but their processes' memory."""
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(
                running(folder, store_url=url, **{**at.settings, **settings})
            )
            for _ in range(2)
        ]
        yield one, two


@asynccontextmanager
async def process(
    folder: Path, url: str, at: Vendor, program: Sequence[str] = SERVE, **settings: str
) -> AsyncIterator[Process]:
    """Start a service as a process of its own, while the vendor here goes on answering."""
    chosen = {**at.settings, **settings}
    context = serving(folder, program=program, store_url=url, **chosen)
    started = await asyncio.to_thread(context.__enter__)
    try:
        yield started
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
