"""Servers of one vendor that are forked, so that they can be killed and started quickly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.reliability.client import Client, connected
from bench.reliability.nursery import nursery
from bench.reliability.rules import harness_rules
from bench.reliability.server import Server
from bench.reliability.setting import Setting
from bench.reliability.vendor import FAST, RunningVendor, running_vendor


@dataclass(frozen=True, slots=True)
class Lane:
    """A served replica and its client; on SQLite each has a file of its own."""

    server: Server
    client: Client
    store_url: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """Every replica, and the vendor that all of them ask."""

    vendor: RunningVendor
    lanes: Sequence[Lane]

    def by_store(self) -> list[list[Lane]]:
        """The replicas of each store."""
        urls = dict.fromkeys(lane.store_url for lane in self.lanes)
        return [[lane for lane in self.lanes if lane.store_url == url] for url in urls]


@asynccontextmanager
async def lanes(
    setting: Setting, folder: Path, people: int, settings: Sequence[Mapping[str, str]]
) -> AsyncIterator[Lanes]:
    """Start a server for each of the settings, which name their stores; in the end kill them."""
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(running_vendor(people))
        forks = await stack.enter_async_context(nursery())
        made, rules = [], harness_rules(folder)
        for own in settings:
            given = {**vendor.settings, "rules_dir": str(rules), **own}
            server = Server(folder, given, setting.arguments(FAST), nursery=forks)
            await server.start()
            stack.push_async_callback(server.kill)
            client = await stack.enter_async_context(connected(server.address))
            made.append(Lane(server, client, own["store_url"]))
        yield Lanes(vendor, made)
