"""Lists and payloads of a made-up population: whichever way it is read, it is the same data."""

import asyncio
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_asyncio

from decision_service.config import FetchMode
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import DataPolicy, FetchPlan, Needs, WhenTransactions
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.people.population import PROFILES, population
from decision_service.simulator.server import build_app, serve
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.oracles.vocabulary import CEILINGS, LEGAL_FORMS, NOT_EMPLOYERS
from tests.unit.factors.golden import CLASSES
from tests.unit.smile.virtual import VirtualClock

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
AS_OF = AsOf.at(NOW, ZoneInfo("Asia/Manila"))
KINDS = frozenset(Kind) - {Kind.ACCOUNTS, Kind.TRANSACTIONS}
EVERYTHING = FetchPlan(KINDS, WhenTransactions.ALWAYS, transactions_from=date(2025, 10, 1))
POLICY = DataPolicy("PHP", transaction_classes=CLASSES)
LAGGING = DataPolicy(
    "PHP",
    posting_lag=(("sss_*", 2), ("philhealth_*", 2), ("pagibig_*", 2)),
    transaction_classes=CLASSES,
    ceilings=CEILINGS,
    not_employers=NOT_EMPLOYERS,
    legal_forms=LEGAL_FORMS,
    document_providers=frozenset({"sprout_ph"}),
    fee_providers=frozenset({"grab_ph"}),
)
EACH_LIFE = 2
SETTLED = tuple(life for life in PROFILES if life != "half_synced")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people():
    """Two people of each kind of life with accounts alone, and the base URL to read them at.

    Who has just connected is not decided, so that life is left out.
    """
    world = population(7, EACH_LIFE * len(SETTLED), NOW.date(), SETTLED)
    app = build_app(
        world, api_key="key", api_secret="secret", clock=lambda: NOW, requests_per_second=100_000
    )
    accounts_alone = [
        person.user["id"] for person in world if all(s.type == "ACCOUNT" for s in person.sources)
    ]
    async with serve(app) as base_url:
        yield accounts_alone, base_url, app.faults


async def snapshots(people, fetch):
    """Everybody's snapshot, read one way."""
    users, base_url, _ = people
    limits = SmileLimits(requests_per_second=100_000, backoff_seconds=0.001)
    source = SmileSource(base_url, "key", "secret", VirtualClock(), limits=limits, fetch=fetch)
    now = asyncio.get_running_loop().time()
    try:
        assert await source.refresh_providers()
        return [await gathered(source, user, now) for user in users]
    finally:
        await source.aclose()


async def gathered(source, user, now):
    """One person's snapshot."""
    found = await source.gather(
        user, EVERYTHING, as_of=NOW, stop_at=now + 3_600.0, wait_until=now, known=(), fallback={}
    )
    return found.snapshot


def ordered(snapshot):
    """The snapshot with its records in the order of their ids."""
    reads = {kind.value: getattr(snapshot, kind.value) for kind in KINDS | {Kind.TRANSACTIONS}}
    sorted_reads = {name: sorted_read(read) for name, read in reads.items()}
    return msgspec.structs.replace(snapshot, **sorted_reads)


def sorted_read(read):
    """One kind as it was read."""
    records = sorted(read.records, key=lambda record: record.id)
    return msgspec.structs.replace(read, records=tuple(records))


IN_ERROR = [
    Fault("account_state", "/accounts", settings={"status": status, "provider": "sss_ph"})
    for status in ("ERROR", "PENDING")
]


@pytest.mark.long
@pytest.mark.parametrize("state", [None, *IN_ERROR], ids=lambda one: one and one.settings["status"])
async def test_a_population_is_the_same_by_lists_and_by_payloads(people, state):
    """Without archives and uploads both ways give one snapshot, and every factor is the same.

    So they do where an account is in error after it has delivered, or was given up.
    """
    faults = people[2]
    faults.clear()
    if state is not None:
        faults.add(state)
    by_lists = await snapshots(people, FetchMode.LISTS)
    by_payloads = await snapshots(people, FetchMode.PAYLOAD)
    assert len(by_lists) >= EACH_LIFE * (len(SETTLED) - 2)
    for one, other in zip(by_lists, by_payloads, strict=True):
        assert ordered(one) == ordered(other)
        for policy in (POLICY, LAGGING):  # data that is due at once, and that is posted late
            needs = Needs(tuple(catalogue()), policy, term_months=12)
            assert compute(one, needs, AS_OF) == compute(other, needs, AS_OF)
