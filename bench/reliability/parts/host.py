"""A host that gives too little: no file descriptors, no memory. Never a half decision, no spin."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import ExitStack, closing

import grpc
import psutil

from bench.reliability.bench import Bench, bench
from bench.reliability.check import compare
from bench.reliability.client import loan, nothing_recorded
from bench.reliability.history import History, Request
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.stores import recorded
from bench.reliability.vendor import person
from decision_service.standin.faults import Fault

PART = "host"
PEOPLE = 100
STRANGERS = 80
TRIES = 8
BUSY = 50.0
"""Percent of a core that a server without descriptors may use at most."""

ROOM = 48 << 20
"""Bytes of memory that are left while bodies of many megabytes come in."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """First descriptors, then memory; what was told is compared with the store at the end."""
    del seconds  # two rows bound this part
    history = History()
    async with bench(setting, PART, PEOPLE) as on:
        await _ask(on, history, 0)
        await _no_descriptors(on, history, score)
        await _no_memory(on, history, score)
        await on.server.kill()
        rows = await recorded(on.store_url)
        found = compare(history, rows)
        await on.server.start()
        settled = await _ask(on, history, 90)
    wrong = len(found.lost | found.divergent | found.duplicate | found.refused_yet_recorded)
    score.none(PART, f"wrongly told, of {len(history.operations)} decisions", wrong)
    score.row("P3 afterwards", "" if settled else "no decision after a restart")


async def _ask(on: Bench, history: History, number: int) -> bool:
    """One decision, written down; whether there was one."""
    request: Request = loan(f"host-{number}", person("George", number))
    history.invoked(request)
    try:
        history.ok(request, await on.client.decide(request, timeout=8.0))
    except grpc.RpcError as error:
        if nothing_recorded(error):
            history.refused(request)
        else:
            history.unknown(request)
        return False
    return True


async def _decides_again(on: Bench, history: History, first: int) -> bool:
    """Whether a decision comes within some tries: the circuit may have opened meanwhile."""
    for number in range(first, first + TRIES):
        if await _ask(on, history, number):
            return True
        await asyncio.sleep(1.0)
    return False


async def _no_descriptors(on: Bench, history: History, score: Score) -> None:
    """Strangers take every descriptor: nothing spins, and all is well when they have left."""
    server = on.server.process
    before = server.rlimit(psutil.RLIMIT_NOFILE)
    server.rlimit(psutil.RLIMIT_NOFILE, (server.num_fds() + 10, before[1]))
    with ExitStack() as strangers:
        for _ in range(STRANGERS):
            one = strangers.enter_context(closing(socket.socket()))
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", on.server.port))
        await asyncio.sleep(0.5)
        server.cpu_percent()
        await asyncio.sleep(1.0)
        busy = server.cpu_percent()
        await _ask(on, history, 1)
    server.rlimit(psutil.RLIMIT_NOFILE, before)
    await asyncio.sleep(0.5)
    well = await _decides_again(on, history, 2)
    spun = f"{busy:.0f} % of a core" if busy > BUSY else ""
    score.row("P7", spun or ("" if well else "no decision afterwards"))
    score.told(PART, "without descriptors", f"{busy:.0f} % of a core")


async def _no_memory(on: Bench, history: History, score: Score) -> None:
    """Large bodies and little memory: an answer, an error, or the end; never half a decision."""
    server = on.server.process
    infinity = resource.RLIM_INFINITY
    server.rlimit(psutil.RLIMIT_AS, (server.memory_info().vms + ROOM, infinity))
    huge = Fault("huge", "/eincomes", settings={"bytes": 3_900_000})
    on.vendor.app.faults.add(huge)
    answers = await asyncio.gather(*(_ask(on, history, number) for number in range(10, 26)))
    on.vendor.app.faults.clear()
    lived = server.is_running() and server.status() != psutil.STATUS_ZOMBIE
    if lived:
        server.rlimit(psutil.RLIMIT_AS, (infinity, infinity))
    well = not lived or await _decides_again(on, history, 30)
    score.row("P3", "" if well else "it lives and does not decide")
    told = f"{sum(answers)} of {len(answers)} decided, {'it lived' if lived else 'it died'}"
    score.told(PART, "with 48 MB for bodies of 4 MB", told)
