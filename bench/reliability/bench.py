"""One server on a vendor of its own, for the parts that do not kill it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.reliability.client import Client, connected
from bench.reliability.proxy import FaultProxy, proxied
from bench.reliability.rules import harness_rules
from bench.reliability.server import Server
from bench.reliability.setting import Setting
from bench.reliability.vendor import FAST, RunningVendor, running_vendor, vendor_settings


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything at hand: the server, a client, its vendor, the proxy between them, the store."""

    server: Server
    client: Client
    vendor: RunningVendor
    proxy: FaultProxy
    store_url: str
    rules: Path


@asynccontextmanager
async def bench(
    setting: Setting,
    name: str,
    people: int,
    *arguments: str,
    generous: bool = True,
    vendor_limit: int = FAST,
    **settings: str,
) -> AsyncIterator[Bench]:
    """A started server; `generous` lifts the vendor's limit in the service."""
    folder = setting.folder(name)
    async with AsyncExitStack() as stack:
        (url,) = setting.store_urls(name)
        vendor = await stack.enter_async_context(running_vendor(people, vendor_limit))
        proxy = await stack.enter_async_context(proxied(urlsplit(vendor.base_url).port or 0))
        rules = harness_rules(folder)
        server = Server(
            folder,
            {
                **vendor_settings(f"http://127.0.0.1:{proxy.port}/v1"),
                "store_url": url,
                "rules_dir": str(rules),
                **settings,
            },
            (*setting.arguments(FAST if generous else None), *arguments),
        )
        await server.start()
        stack.push_async_callback(server.kill)
        client = await stack.enter_async_context(connected(server.address))
        yield Bench(server, client, vendor, proxy, url, rules)
