"""The adapter against the stand-in for the sandbox, two readings of one document, over HTTP.

What each fault of the vendor comes to is shown by the adapter's own tests.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.values import DataReason
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.unit.smile.virtual import VirtualClock

TODAY = datetime(2026, 11, 24, 4, tzinfo=UTC)
PEOPLE = {one.user_name: one.user_id for one in sandbox_people()}
KINDS = frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS}
EVERYTHING = FetchPlan(KINDS, WhenTransactions.ALWAYS, transactions_from=date(2025, 10, 1))
CONTRIBUTIONS = FetchPlan(frozenset({Kind.CONTRIBUTIONS, Kind.EINCOMES}))


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_in():
    """The stand-in, unlimited, with its base URL; each test puts its own faults in force."""
    app = build_app(
        api_key="key", api_secret="secret", clock=lambda: TODAY, requests_per_second=100_000
    )
    async with serve(app) as base_url:
        yield app, base_url


@pytest.fixture
def opened(stand_in):
    """Opens a source that reads the stand-in with the given faults."""
    app, base_url = stand_in

    @asynccontextmanager
    async def opening(*faults):
        app.faults.clear()
        app.faults.add(*faults)
        limits = SmileLimits(requests_per_second=100_000, backoff_seconds=0.001)
        source = SmileSource(base_url, "key", "secret", VirtualClock(), limits=limits)
        try:
            yield source
        finally:
            await source.aclose()

    return opening


async def ask(source, person="George", plan=EVERYTHING):
    """One gathering of one of the four."""
    now = asyncio.get_running_loop().time()
    return await source.gather(
        PEOPLE[person],
        plan,
        as_of=TODAY,
        stop_at=now + 20.0,
        wait_until=now,
        known=(),
        fallback={},
    )


def faults_of(snapshot):
    """The reason codes of every kind that has a fault."""
    reads = {kind: getattr(snapshot, kind.value) for kind in KINDS | {Kind.TRANSACTIONS}}
    return {
        kind: {fault.code for fault in read.faults}
        for kind, read in reads.items()
        if read and read.faults
    }


@pytest.mark.parametrize("person", ["George", "Ryan", "Anisha"])
async def test_sandbox_people_are_read_without_a_fault(opened, person):
    """Everything of a person without faults is read completely, with its provider."""
    async with opened() as source:
        assert await source.refresh_providers()
        found = await ask(source, person)
    assert found.snapshot.account_faults == ()
    assert faults_of(found.snapshot) == {}
    assert found.snapshot.eincomes.records or found.snapshot.transactions.records
    used = {one.provider_id for one in found.snapshot.accounts}
    assert used <= {one.id for one in found.snapshot.providers}


async def test_a_source_that_fails_taints_what_it_gives(opened):
    """Christina's contributions, which fail twice, are tainted."""
    async with opened() as source:
        found = await ask(source, "Christina", CONTRIBUTIONS)
    assert faults_of(found.snapshot)[Kind.CONTRIBUTIONS] == {DataReason.UPSTREAM_UNAVAILABLE}


HARMLESS = [
    Fault("status", "/contributions", times=1, settings={"status": 503}),
    Fault("status", "/contributions", times=1, settings={"status": 429, "retry_after": 0}),
    Fault("malformed", "/contributions", times=1),
    Fault("null_cursor"),
    Fault("duplicate", "/contributions"),
    Fault("bare_array"),
    Fault("base_amount", "/eincomes"),
    Fault("conflict", "/contributions", times=1, settings={"field": "amount", "value": 1}),
    Fault("set", "/contributions", settings={"field": "novelty", "value": {"a": [1]}}),
]


@pytest.mark.parametrize("fault", HARMLESS)
async def test_what_the_vendor_may_do_changes_nothing(opened, fault):
    """Passing failures, older forms, repeated items and new fields give the clean records."""
    async with opened() as source:
        clean = (await ask(source)).snapshot
    async with opened(fault) as source:
        found = (await ask(source)).snapshot
    assert faults_of(found) == {}
    for kind in KINDS | {Kind.TRANSACTIONS}:
        assert getattr(found, kind.value).records == getattr(clean, kind.value).records
