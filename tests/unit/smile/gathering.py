"""A SmileSource over a vendor in memory, asked the way the pipeline asks it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import date

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Provider
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.unit.smile.items import USER
from tests.unit.smile.virtual import NOW, VirtualClock

KEY, SECRET = "key-k3y", "secret-s3cret"
MONTHLY = FetchPlan(frozenset({Kind.EINCOMES, Kind.CONTRIBUTIONS, Kind.LIABILITIES}))
EINCOMES = FetchPlan(frozenset({Kind.EINCOMES}))
STANDING_IN = FetchPlan(
    frozenset({Kind.EINCOMES, Kind.INCOMES}),
    WhenTransactions.IF_STANDING_IN,
    stand_in_from=date(2025, 10, 1),
)
FALLBACK = {
    "sss_ph": Provider("sss_ph", "GOVERNMENT", ("EINCOMES", "CONTRIBUTIONS")),
    "grab": Provider("grab", "GIG", ("TRANSACTIONS",)),
}


@asynccontextmanager
async def opened(vendor, **limits):
    """A source over the vendor, closed at the end."""
    source = SmileSource(
        "http://vendor.test/v1",
        KEY,
        SECRET,
        VirtualClock(),
        limits=SmileLimits(**limits),
        transport=vendor.transport(),
    )
    try:
        yield source
    finally:
        await source.aclose()


async def ask(source, plan=EINCOMES, *, user=USER, seconds=10.0, wait=0.0, known=(), as_of=NOW):
    """One gathering, with `seconds` until the deadline and `wait` seconds of patience."""
    now = asyncio.get_running_loop().time()
    return await source.gather(
        user,
        plan,
        as_of=as_of,
        stop_at=now + seconds,
        wait_until=now + wait,
        known=known,
        fallback=FALLBACK,
    )


async def gathered(vendor, plan=EINCOMES, *, limits=None, **asked):
    """One decision's gathering from a fresh source."""
    async with opened(vendor, **(limits or {})) as source:
        return await ask(source, plan, **asked)


def only_fault(read):
    """The single fault of a kind that gave nothing else."""
    assert read.records == ()
    (fault,) = read.faults
    return fault
