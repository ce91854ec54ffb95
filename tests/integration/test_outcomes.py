"""Which reports of a loan are taken, and what they leave over processes, restarts and erasures."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select
from structlog.testing import capture_logs

from decision_service.author.backtest.replica import KeyRange, StoreReader
from decision_service.casework.outcomes import (
    LoanOutcome,
    LoanStatus,
    Overdrawn,
    RecordOutcome,
    ReportRelation,
    ReportWatch,
)
from decision_service.decide.application import user_key
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.errors import (
    DecisionUnknown,
    FieldInvalid,
    InputInvalid,
    OutcomeContradicted,
)
from decision_service.domain.ports import DecisionEntry, Filter, HistoryEntry, StoredEntry
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.store.history import history, history_keys
from decision_service.store.outcomes import loan_outcomes
from decision_service.store.store import Store, open_database
from tests.fakes.world import NOW, World, application
from tests.kits.cases import until
from tests.kits.decision_log import ENTRY, NOON, numbered
from tests.kits.lending import ANA, Desk, value
from tests.kits.outcome_log import APPROVED, BOOKED, flagged, listed, outstanding, state, told
from tests.kits.stores import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.kits.postgres import Postgres

TODAY = NOW.date()

DAY = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        yield store


def drawn() -> None:
    """What counts loans above what was approved; the journal says it too."""


async def recorder(store: Store, world: World, **changes: object) -> tuple[RecordOutcome, str]:
    """Recording on a decision that is in the store, changed, and the decision's id."""
    made = await world.decide()(application(), world.call())
    names = [name for name in StoredEntry.__struct_fields__ if name != "snapshot_id"]
    entry = DecisionEntry(**{name: getattr(made, name) for name in names} | changes)  # type: ignore[arg-type]
    await store.commit(entry)
    archive = RulesetArchive(store, lambda: world.book, CompilationThread())
    record = RecordOutcome(
        ReadDecisions(store, archive),
        store,
        archive,
        clock=world.clock,
        reviews_of=store.reviews.of_decision,
        on_overdrawn=drawn,
    )
    return record, made.decision_id


def report(decision_id: str, as_of: date = TODAY, currency: str = "PHP") -> LoanOutcome:
    amount = Money(currency, 100_000)
    return LoanOutcome(decision_id, "LN-1", as_of, LoanStatus.CHARGED_OFF, instalment=amount)


def without_inputs(facts: bytes) -> bytes:
    """The facts of a decision that nothing was sent for."""
    return msgspec.msgpack.encode(msgspec.msgpack.decode(facts) | {"inputs": {}})


@pytest.mark.parametrize("back", [-1, 0, 1])
async def test_a_day_between_decision_and_now_is_taken(store: Store, back: int) -> None:
    """A day more on either side may be today somewhere."""
    record, decision_id = await recorder(store, World())
    compared = await record(report(decision_id, TODAY - back * DAY), "")
    assert compared.comparison is ReportRelation.NEWEST


@pytest.mark.parametrize("back", [-2, 2])
async def test_any_other_day_is_refused(store: Store, back: int) -> None:
    """What lies in the future would supersede all that comes until then."""
    record, decision_id = await recorder(store, World())
    with pytest.raises(FieldInvalid, match=r"outcome\.as_of_date is 2026-11-2[26]"):
        await record(report(decision_id, TODAY - back * DAY), "")
    assert await listed(store, decision_id) == []


@pytest.mark.parametrize("sent", [True, False], ids=["applied for", "nothing sent"])
async def test_another_currency_is_refused(store: Store, *, sent: bool) -> None:
    """That of the amount that was applied for counts, or else that of the rules."""
    world = World()
    made = await world.decide()(application(), world.call())
    facts = made.facts if sent else without_inputs(made.facts)
    record, decision_id = await recorder(store, world, facts=facts)
    with pytest.raises(InputInvalid, match=r"outcome\.instalment is in USD.* in PHP"):
        await record(report(decision_id, currency="USD"), "")
    assert (await record(report(decision_id), "")).comparison is ReportRelation.NEWEST


async def test_outside_the_go_live_any_currency_may_be_lent(store: Store) -> None:
    """Nothing was applied for and no rules decided: the existing process did."""
    world = World()
    made = await world.decide()(application(), world.call())
    facts = without_inputs(made.facts)
    record, decision_id = await recorder(store, world, facts=facts, ruleset_digest=None)
    compared = await record(report(decision_id, currency="USD"), "")
    assert compared.newest.instalment == Money("USD", 100_000)


async def test_another_callers_decision_is_unknown(store: Store) -> None:
    """As one that there is not; who may read everybody's may report on it."""
    record, decision_id = await recorder(store, World(), caller="los")
    for scope in ("crm", "anonymous"):
        with pytest.raises(DecisionUnknown):
            await record(report(decision_id), scope)
    for scope, found in (("los", ReportRelation.NEWEST), ("", ReportRelation.REPEATED)):
        assert (await record(report(decision_id), scope)).comparison is found


@pytest.fixture
async def lent(store: Store) -> tuple[Desk, str]:
    """A desk that has approved 50,000, and the decision's id."""
    desk = Desk(store)
    return desk, (await desk.decide("user-1", "a-1", ANA)).decision_id


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"disbursed_on": TODAY - 2 * DAY},
            (
                "outcome.disburse_date is 2026-11-22, before the decision of 2026-11-24: "
                "check the day and decision_id"
            ),
        ),
        (
            {"instalment": Money("PHP", 5_000_100)},
            (
                "outcome.instalment is 50001.00, more than the whole loan of 50000.00: "
                "say what is due each month"
            ),
        ),
        (
            {"overdue_days": 31},
            (
                "outcome.overdue_days is 31, and the loan is 30 days old: say for how many "
                "days the oldest unpaid amount has been due"
            ),
        ),
        (
            {"status": LoanStatus.CHARGED_OFF, "disbursed_on": None, "overdue_days": 32},
            (
                "outcome.overdue_days is 32, and the loan is 31 days old: say for how many "
                "days the oldest unpaid amount has been due"
            ),
        ),
    ],
)
async def test_a_loan_that_cannot_be_true_is_refused(
    lent: tuple[Desk, str], changes: dict[str, Any], told: str
) -> None:
    """One sentence with the field, what it is and what to do; nothing is recorded."""
    desk, decision_id = lent
    with pytest.raises(FieldInvalid) as refused:
        await desk.report(decision_id, days=30, **changes)
    assert str(refused.value) == told
    assert await listed(desk.store, decision_id) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"disbursed": Money("PHP", 5_250_000)},
        {"disbursed_on": TODAY - DAY},
        {"instalment": Money("PHP", 5_000_000)},
        {"overdue_days": 30},
    ],
)
async def test_a_loan_at_the_edge_of_what_can_be_true_is_taken(
    lent: tuple[Desk, str], changes: dict[str, Any]
) -> None:
    """Fees on top, a decision late in the evening, one payment, and one that was never paid."""
    desk, decision_id = lent
    assert await desk.report(decision_id, days=30, **changes) is ReportRelation.NEWEST


@pytest.mark.parametrize(
    ("paid_out", "flagged"), [(5_250_000, False), (5_250_001, True), (9_000_000, True)]
)
async def test_what_was_paid_out_above_what_was_approved_is_recorded_and_flagged(
    lent: tuple[Desk, str], paid_out: int, *, flagged: bool
) -> None:
    """To refuse it would hide a debt: it is owed in full, counted once, and said in the log."""
    desk, decision_id = lent
    amount = Money("PHP", paid_out)
    with capture_logs() as logs:
        for _ in range(2):
            await desk.report(decision_id, disbursed=amount)
    assert [one["event"] for one in logs] == ["loan overdrawn"] * flagged
    assert desk.drawn == flagged
    state = await desk.store.overdrawn(decision_id)
    assert state == (Overdrawn(amount, Money("PHP", 5_000_000)) if flagged else None)
    found = await desk.decide("user-1", "a-1", ANA)
    assert value(found, "history.exposure") == amount


async def test_one_payment_may_be_more_than_the_loan(store: Store) -> None:
    """A loan of one month is repaid with its interest."""
    world = World()
    made = await world.decide()(application(), world.call())
    told = msgspec.msgpack.decode(made.facts)
    term = {"requested_term_months": ["i", "1"]}
    facts = msgspec.msgpack.encode(told | {"inputs": told["inputs"] | term})
    record, decision_id = await recorder(store, world, facts=facts)
    due = {"disbursed": Money("PHP", 80_000), "instalment": Money("PHP", 83_200)}
    compared = await record(replace(report(decision_id), **due), "")
    assert compared.comparison is ReportRelation.NEWEST


async def test_a_day_is_corrected_where_the_report_says_so(lent: tuple[Desk, str]) -> None:
    """The corrected report takes the other's place, and is repeated as any; a mistake is not."""
    desk, decision_id = lent
    wrong = {"instalment": Money("PHP", 50_000)}
    assert await desk.report(decision_id, **wrong) is ReportRelation.NEWEST
    with pytest.raises(OutcomeContradicted, match="correction"):
        await desk.report(decision_id)
    assert await desk.report(decision_id, correction=True) is ReportRelation.CORRECTED
    assert await desk.report(decision_id, correction=True) is ReportRelation.REPEATED
    [kept] = await listed(desk.store, decision_id)
    assert kept.instalment == Money("PHP", 500_000)
    found = await desk.decide("user-1", "a-1", ANA)
    assert value(found, "history.exposure_instalments") == Money("PHP", 500_000)
    assert await desk.report(decision_id, days=30, correction=True) is ReportRelation.NEWEST


async def test_approvals_that_no_report_follows_raise_an_alarm_and_are_listed(
    lent: tuple[Desk, str],
) -> None:
    """From the day on that the setting names until a report comes."""
    desk, decision_id = lent
    clock, silent = desk.world.clock, Filter(unreported=True)

    async def alarms(days: int) -> list[Any]:
        clock.wall = NOW + days * DAY
        with capture_logs() as logs:
            await ReportWatch(desk.store, clock, 30).look()
        return [(one["alarm"], one["newest"]) for one in logs]

    assert await alarms(29) == []
    assert await alarms(31) == [("NOT_REPORTED", [decision_id])]
    assert [one.decision_id for one in await desk.store.list(silent, None, 9)] == [decision_id]
    await desk.report(decision_id, LoanStatus.NOT_TAKEN_UP, days=32)
    assert await alarms(33) == []
    assert await desk.store.list(silent, None, 9) == []


USER = ENTRY.user_id

_TWO_BLOCKED = "SELECT count(*) = 2 FROM pg_locks WHERE NOT granted"


async def test_processes_add_up_the_loans_of_one_decision(postgres: Postgres) -> None:
    """Two loans that two processes report at once are both owed: none overwrites the other."""
    url, key = postgres.migrated(), user_key(USER)
    async with opened(url) as here, opened(url) as there:
        await here.commit(replace(ENTRY, history=HistoryEntry(((key, 0),), "PHP")))
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM history FOR UPDATE")
            both = zip((here, there), ("LN-1", "LN-2"), strict=True)
            at_work = [
                asyncio.create_task(told(store, replace(BOOKED, loan_id=loan)))
                for store, loan in both
            ]
            await until(lambda: holder.fetchval(_TWO_BLOCKED))
        await asyncio.gather(*at_work)
        await holder.close()
        (found,) = (await there.past([key]))[key].decisions
    assert found.loans is not None
    assert found.loans.open == 2


async def test_of_two_processes_one_replaces_a_loan_and_one_flags_it(postgres: Postgres) -> None:
    """Of two loans at once one overdraws; of two reports one takes the first loan's place."""
    url = postgres.migrated()
    async with opened(url) as here, opened(url) as there:
        await here.commit(APPROVED)
        both = [replace(BOOKED, loan_id=loan) for loan in ("LN-1", "LN-2")]
        states = await asyncio.gather(state(here, both[0]), state(there, both[1]))
        assert sorted(one is not None for one in states) == [False, True]
        assert await flagged(here) == [APPROVED.decision_id]
        naming = [replace(BOOKED, loan_id=loan, replaces="LN-1") for loan in ("LN-3", "LN-4")]
        found = await asyncio.gather(
            told(here, naming[0]), told(there, naming[1]), return_exceptions=True
        )
        assert sorted(isinstance(one, FieldInvalid) for one in found) == [False, True]
        assert await outstanding(here) == 10_000_000


async def test_a_backtest_knows_no_result_of_a_loan_that_was_not_taken_up(url: str) -> None:
    async with opened(url) as store:
        await store.commit(APPROVED)
        unused = replace(BOOKED, status=LoanStatus.NOT_TAKEN_UP, overdue_days=0)
        await told(store, unused)
    day = timedelta(days=1)
    chosen = KeyRange(NOON - day, NOON + day)
    async with aclosing(await StoreReader.open(url)) as reader:
        found = await reader.applicants(
            APPROVED.product, chosen, window=chosen.since, after=None, limit=9
        )
    assert [one.loan for one in found] == [None]


async def test_no_report_outlives_a_decision_that_is_erased_meanwhile(url: str) -> None:
    """Reports that come while their decision is erased are recorded before it, or not at all."""
    async with AsyncExitStack() as stack:
        erasing = await stack.enter_async_context(opened(url, erase_decisions=True))
        reporting = erasing
        if not url.startswith("sqlite"):
            reporting = await stack.enter_async_context(opened(url))
        for number in range(6):
            await _report_while_it_is_erased(reporting, erasing, number)
    assert [await _rows(url, table) for table in (loan_outcomes, history, history_keys)] == [[]] * 3


async def _report_while_it_is_erased(reporting: Store, erasing: Store, number: int) -> None:
    user_id = f"user-{number}"
    place = HistoryEntry(((user_key(user_id), 0),), "PHP")
    entry = numbered(
        number, user_id=user_id, customer_ref="", history=place if number % 2 else None
    )
    report = replace(BOOKED, decision_id=entry.decision_id, loan_id=f"LN-{number}")
    await erasing.commit(entry)
    erasure = asyncio.create_task(erasing.erase(entry.user_id))
    for day in range(1, 6):
        await told(reporting, replace(report, as_of=report.as_of.replace(day=day)))
    await erasure
    assert await told(reporting, report) is None


async def _rows(url: str, table: Table) -> list[object]:
    def all_of(connection: Connection) -> list[object]:
        return list(connection.execute(select(table)))

    database = await open_database(url)
    found = await database.read(all_of)
    await database.aclose()
    return found
