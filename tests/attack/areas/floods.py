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
        for _ in range(TRIES):
            alone, beside = await _beside(target, found, name)
            if beside <= (bound := max(WITHIN, TIMES * alone) * found.slack):
                break
        told = f"p99 beside a flood of {name}: {beside * 1000:.0f} ms, alone {alone * 1000:.0f} ms"
        found.attempt(told, held=beside <= bound)
        worst = max(worst, beside)
    found.figures.append(f"p99 at worst {worst * 1000:.0f} ms")


async def _beside(target: Target, found: Found, name: str) -> tuple[float, float]:
    """The lender's p99 alone and then beside a flood."""
    alone = await decide(target, found, CALLS, "nobody")
    async with flooding(name, target.address, CREATE, target.office.authority):
        return alone.p99, (await decide(target, found, CALLS, f"a flood of {name}")).p99
