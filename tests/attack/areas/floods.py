"""Floods of frames on one connection without a token: the lender is decided for as before."""

from __future__ import annotations

from bench.reliability.flood import flooding
from bench.reliability.floods import FLOODS
from tests.attack.found import Found
from tests.attack.lender import decide
from tests.attack.target import CREATE, Target

CALLS = 60
WITHIN, TIMES = 0.25, 5.0
TRIES = 3
"""A machine that others use is given so many tries for each flood."""


async def run(target: Target, found: Found) -> None:
    """Each flood in turn; the p99 beside it is at most 250 ms, or five times that without."""
    worst = 0.0
    for name in FLOODS:
        seen = [await _beside(target, found, name)]
        while seen[-1][1] > _bound(seen[-1][0]) and len(seen) < TRIES:
            seen.append(await _beside(target, found, name))
        alone, beside = seen[-1]
        told = f"p99 beside a flood of {name}: {beside * 1000:.0f} ms, alone {alone * 1000:.0f} ms"
        found.attempt(told, held=beside <= _bound(alone))
        worst = max(worst, beside)
    found.figures.append(f"p99 at worst {worst * 1000:.0f} ms")


async def _beside(target: Target, found: Found, name: str) -> tuple[float, float]:
    """The lender's p99 alone and then beside a flood."""
    alone = await decide(target, found, CALLS, "nobody")
    async with flooding(name, target.address, CREATE, target.office.authority):
        return alone.p99, (await decide(target, found, CALLS, f"a flood of {name}")).p99


def _bound(alone: float) -> float:
    return max(WITHIN, TIMES * alone)
