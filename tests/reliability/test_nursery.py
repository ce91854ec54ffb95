"""Servers that are forked: they serve under their own settings, die alone, and are heard to."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from bench.reliability.client import connected, loan
from bench.reliability.forked import ENDED, Forked
from bench.reliability.nursery import nursery
from bench.reliability.rules import harness_rules
from bench.reliability.server import Server
from bench.reliability.stores import recorded
from bench.reliability.vendor import person, running_vendor


@pytest.mark.long
async def test_forked_servers_keep_their_own_stores(tmp_path: Path) -> None:
    """Two decide side by side, each in a file; one is killed, the other ends with the nursery."""
    rules = str(harness_rules(tmp_path))
    async with running_vendor(2) as vendor, nursery() as forks:
        urls = [f"sqlite:///{tmp_path / name}.db" for name in ("one", "two")]
        servers = [
            Server(
                tmp_path, {**vendor.settings, "store_url": url, "rules_dir": rules}, nursery=forks
            )
            for url in urls
        ]
        for number, server in enumerate(servers):
            await server.start()
            async with connected(server.address) as client:
                await client.decide(loan(f"r-{number}", person("George", number)))
        await servers[0].kill()
        assert not await servers[1].dies_within(0)
    assert await servers[1].dies_within(10), "it outlived the nursery"
    assert [list(await recorded(url)) for url in urls] == [["r-0"], ["r-1"]]


async def test_an_end_is_heard_of() -> None:
    """Of one that ends while somebody waits, and of one that ended long ago."""
    with subprocess.Popen(["sleep", "60"]) as popen:
        process = Forked(popen.pid)
        assert process.returncode is None
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == ENDED
    assert Forked(popen.pid).returncode == ENDED
