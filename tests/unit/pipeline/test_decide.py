"""Deciding, against a scripted vendor and an in-memory log."""

import asyncio

import pytest
from msgspec.structs import replace

from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.decide.codec import read_snapshot
from decision_service.decide.decide import FOLLOW_MARGIN
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import (
    DeadlineMissed,
    ProductUnknown,
    RequestIdReused,
    RequestInProgress,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.domain.person import GivenApplicant
from decision_service.domain.ports import DecisionEntry, StoredEntry
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import ScriptedSource, World, application
from tests.kits.until import until


class Failing(InMemoryDecisionLog):
    """A log that cannot be written until it is mended."""

    broken = True

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        if self.broken:
            raise StoreUnavailable("the store is full: make room")
        return await super().commit(entry)


class Slow(InMemoryDecisionLog):
    """A log whose commits wait for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        self.begun.set()
        await self.go.wait()
        return await super().commit(entry)


async def test_a_steady_earner_is_approved_and_recorded() -> None:
    """The answer is the entry that the log holds."""
    world = World()
    stored = await world.decide()(application(), world.call())
    assert stored.outcome is Outcome.APPROVE
    assert (await world.log.look_up("anonymous", "r-1")).entry == stored


async def test_an_error_of_the_vendor_records_nothing_and_may_be_repeated() -> None:
    """After UpstreamUnavailable the same id decides as if for the first time."""
    world = World(source=ScriptedSource(error=UpstreamUnavailable("closed")))
    decide = world.decide()
    with pytest.raises(UpstreamUnavailable):
        await decide(application(), world.call())
    assert (await world.log.look_up("anonymous", "r-1")).entry is None
    world.source.error = None
    assert (await decide(application(), world.call())).outcome is Outcome.APPROVE


async def test_a_failing_store_answers_nothing() -> None:
    """Without a commit there is no answer; once the store is mended the same id decides."""
    log = Failing()
    world = World(log=log)
    decide = world.decide()
    with pytest.raises(StoreUnavailable):
        await decide(application(), world.call())
    log.broken = False
    assert (await decide(application(), world.call())).outcome is Outcome.APPROVE


async def test_a_decision_that_races_an_erasure_loses() -> None:
    """Consent withdrawn between reading and commit: a REFER that says so, without the data."""
    log = Slow()
    world = World(log=log)
    deciding = asyncio.create_task(world.decide()(application(), world.call()))
    await log.begun.wait()
    await log.erase("u-1")
    log.go.set()
    stored = await deciding
    assert (stored.outcome, stored.user_id) == (Outcome.REFER, "u-1")
    reply = CreateDecisionResponse.FromString(stored.reply).decision
    assert reply.reasons[0].code == "CONSENT_REVOKED"
    body = await log.snapshot("u-1", stored.snapshot_id or "")
    assert body is not None
    assert read_snapshot(body).eincomes is None


async def test_request_ids_belong_to_their_caller() -> None:
    """Two callers may use one id for different applications."""
    world = World()
    decide = world.decide()
    first = await decide(application(), world.call("a"))
    second = await decide(application(customer_ref="c"), world.call("b"))
    assert first.decision_id != second.decision_id


async def test_another_content_is_refused_while_the_first_is_in_progress() -> None:
    """A reuse is told at once, not after the first is done."""
    world = World(source=ScriptedSource(gate=asyncio.Event()))
    decide = world.decide()
    first = asyncio.create_task(decide(application(), world.call()))
    while not world.source.asked:
        await asyncio.sleep(0)
    with pytest.raises(RequestIdReused):
        await decide(application(customer_ref="other"), world.call())
    assert world.source.gate is not None
    world.source.gate.set()
    assert (await first).outcome is Outcome.APPROVE


async def test_another_applicant_is_other_content_while_the_first_is_in_progress() -> None:
    """A grade of one person is no answer for another."""
    world = World(source=ScriptedSource(gate=asyncio.Event()))
    decide = world.decide()
    juan, pedro = GivenApplicant("Juan Cruz"), GivenApplicant("Pedro Cruz")
    first = asyncio.create_task(decide(application(applicant=juan), world.call()))
    while not world.source.asked:
        await asyncio.sleep(0)
    with pytest.raises(RequestIdReused):
        await decide(application(applicant=pedro), world.call())
    assert world.source.gate is not None
    world.source.gate.set()
    assert (await first).outcome is Outcome.APPROVE


async def test_a_duplicate_without_time_is_told_that_the_first_goes_on() -> None:
    """The joiner gets RequestInProgress, the first caller its answer."""
    world = World(source=ScriptedSource(gate=asyncio.Event()))
    decide = world.decide()
    first = asyncio.create_task(decide(application(), world.call()))
    while not world.source.asked:
        await asyncio.sleep(0)
    with pytest.raises(RequestInProgress):
        await decide(application(), world.call(seconds=0))
    assert world.source.gate is not None
    world.source.gate.set()
    assert (await first).outcome is Outcome.APPROVE
    assert world.source.asked == 1


async def test_a_duplicate_is_told_while_there_is_time_to_hear_it() -> None:
    log = Slow()
    world = World(log=log)
    decide = world.decide()
    first = asyncio.create_task(decide(application(), world.call()))
    await log.begun.wait()

    async def soon() -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        log.go.set()

    end = asyncio.create_task(soon())
    with pytest.raises(RequestInProgress):
        await decide(application(), world.call(seconds=FOLLOW_MARGIN))
    await end
    assert (await first).outcome is Outcome.APPROVE


async def test_what_is_being_committed_stands_though_nobody_waits() -> None:
    """A caller who leaves during the commit finds the decision when it asks again."""
    log = Slow()
    world = World(log=log)
    decide = world.decide()
    caller = asyncio.create_task(decide(application(), world.call()))
    await log.begun.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    log.go.set()

    async def recorded():
        return (await log.look_up("anonymous", "r-1")).entry

    stored = await until(recorded, pause=0)
    assert await decide(application(), world.call()) == stored
    assert world.source.asked == 1


async def test_too_little_time_asks_the_vendor_nothing() -> None:
    """Under 300 ms nothing is begun, but a recorded answer is given all the same."""
    world = World()
    decide = world.decide()
    with pytest.raises(DeadlineMissed):
        await decide(application(), world.call(seconds=0.29))
    assert world.source.asked == 0
    stored = await decide(application(), world.call())
    assert await decide(application(), world.call(seconds=0.1)) == stored


async def test_an_unknown_product_asks_the_vendor_nothing() -> None:
    """ProductUnknown comes before any gathering."""
    world = World()
    with pytest.raises(ProductUnknown):
        await world.decide()(application(product="car"), world.call())
    assert world.source.asked == 0


async def test_a_decision_keeps_the_rules_it_was_admitted_with() -> None:
    """A rulebook that is replaced while data is gathered decides only later applications."""
    world = World(source=ScriptedSource(gate=asyncio.Event()))
    decide = world.decide()
    before = world.book.product("personal-loan-ph").champion.digest
    first = asyncio.create_task(decide(application(), world.call()))
    while not world.source.asked:
        await asyncio.sleep(0)
    product = world.book.product("personal-loan-ph")
    changed = replace(product.champion, digest="f" * 64)
    versions = {**product.versions, product.champion.version: changed}
    world.book = replace(world.book, products={product.name: replace(product, versions=versions)})
    assert world.source.gate is not None
    world.source.gate.set()
    assert (await first).ruleset_digest == before
    later = await decide(application(request_id="r-2"), world.call())
    assert later.ruleset_digest == "f" * 64
