"""Which days and currencies a report may have, by the decision that it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from decision_service.domain.errors import DecisionUnknown, FieldInvalid, InputInvalid
from decision_service.domain.money import Money
from decision_service.pipeline.outcomes.ports import LoanOutcome, LoanStatus, ReportRelation
from decision_service.pipeline.outcomes.record import RecordOutcome
from decision_service.pipeline.ports import DecisionEntry, StoredEntry
from decision_service.pipeline.records.read import ReadDecisions
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.storage.store import Store
from tests.fakes.world import NOW, World, application
from tests.kits.outcome_log import listed
from tests.kits.stores import opened

TODAY = NOW.date()
DAY = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    async with opened(f"sqlite:///{tmp_path}/decisions.db") as store:
        yield store


async def recorder(store: Store, world: World, **changes: object) -> tuple[RecordOutcome, str]:
    """Recording on a decision that is in the store, changed, and the decision's id."""
    made = await world.decide()(application(), world.call())
    names = [name for name in StoredEntry.__struct_fields__ if name != "snapshot_id"]
    entry = DecisionEntry(**{name: getattr(made, name) for name in names} | changes)  # type: ignore[arg-type]
    await store.commit(entry)
    archive = RulesetArchive(store, lambda: world.book, CompilationThread())
    record = RecordOutcome(ReadDecisions(store, archive), store, archive, world.clock)
    return record, made.decision_id


def report(decision_id: str, as_of: date = TODAY, currency: str = "PHP") -> LoanOutcome:
    """A loan with an instalment."""
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
