"""Deciding, against a scripted vendor and an in-memory log."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec import structs
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.decide.codec import read_snapshot
from decision_service.decide.decide import FOLLOW_MARGIN
from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.errors import (
    DeadlineMissed,
    InputInvalid,
    ProductUnknown,
    RequestIdReused,
    RequestInProgress,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.domain.person import GivenApplicant
from decision_service.domain.ports import ArmDecision, DecisionEntry, StoredEntry
from decision_service.rollout_running.compare import ShadowLimits, Shadows
from decision_service.rollout_running.counters import (
    Counters,
    EventCounters,
    RolloutObserver,
    log_rule_error,
)
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.observed import counted
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.world import NOW, PRODUCT, ScriptedSource, World, application, replayed
from tests.kits.cases import cases, until
from tests.kits.decision_log import ENTRY


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


ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]

SHADOWED = ALONE + "shadow: [{version: 2, percent: 100}]\n"

"""Version 1 decides, and version 2 looks on."""


class Stand:
    """A world whose counters and shadows are at hand."""

    def __init__(self, plan: str, source: ScriptedSource | None = None) -> None:
        self.world = World(book=book_under(plan), source=source or ScriptedSource())
        self.seen = EventCounters()
        log, clock = self.world.log, self.world.clock
        self.counters = Counters(log, clock, "process")
        budget = ShadowLimits(linger=0.0, share=1.0)
        self.shadows = Shadows(log, clock, self.seen, self.counters.idle, budget)
        observer = RolloutObserver(self.counters, self.shadows.offer, lambda product: 7, self.seen)
        self.decide = self.world.decide(observer=observer)

    async def counted(self) -> dict[tuple[str, int, str, str], int]:
        await self.counters.flush()
        totals = await self.world.log.totals(PRODUCT, NOW, 7)
        return {(t.arm or "", t.version, t.counted, t.bucket): t.count for t in totals}


async def test_a_decision_is_counted_once_whatever_is_asked_again() -> None:
    """The arm's attempt and latency are counted; a repetition counts nothing."""
    stand = Stand(SHADOWED)
    for _ in range(3):
        await stand.decide(application(), stand.world.call())
    assert await stand.counted() == {
        ("champion", 1, "attempts", ""): 1,
        ("champion", 1, "latency", "5"): 1,
    }


async def test_inputs_that_are_refused_dilute_no_rate_of_errors() -> None:
    """INPUT_INVALID comes after the assignment, and counts as no attempt of the version."""
    stand = Stand(CHALLENGED)
    with pytest.raises(InputInvalid):
        await stand.decide(application(inputs={}), stand.world.call())
    assert await stand.counted() == {}


async def test_a_silent_version_looks_at_the_same_data_without_a_call() -> None:
    """The shadow's result stands beside the decision, and the vendor was asked once."""
    stand = Stand(SHADOWED)
    running = asyncio.create_task(stand.shadows.run())
    await stand.decide(application(), stand.world.call())
    await until(lambda: counted(stand.seen.shadow_evaluations))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    sums = await stand.world.log.pair_sums(PRODUCT, 2, NOW)
    assert (sums.everybody.applicants, sums.left_out) == (1, {})
    assert stand.world.source.asked == 1


@pytest.mark.parametrize("failed", [True, False])
def test_a_rule_that_failed_is_an_alarm(failed: bool) -> None:
    """Whoever looks after the rules is told the product, the version and the decision."""
    arm = ArmDecision("u-1", Arm.CHAMPION, 3, hashed=True, pins=False, rule_error=failed)
    with capture_logs() as logs:
        log_rule_error(structs.replace(ENTRY, arm=arm))
    told = [(line["alarm"], line["version"], line["decision_id"]) for line in logs]
    assert told == ([("RULE_ERROR", 3, ENTRY.decision_id)] if failed else [])


def capped(caps: str) -> World:
    """The shipped loan under caps; the steady earner is approved 20,000 PHP of tier T1."""
    return World(book=book_under(f"{ALONE}caps:\n{caps}"))


async def decided(world: World, number: int) -> StoredEntry:
    """The decision on one more person."""
    asked = application(request_id=f"r-{number}", user_id=f"u-{number}")
    return await world.decide()(asked, world.call())


def shown(entry: StoredEntry) -> pb.Decision:
    """The recorded reply."""
    return CreateDecisionResponse.FromString(entry.reply).decision


@pytest.mark.parametrize(("cap", "approved"), cases("pipeline/day_caps"))
async def test_a_day_approves_up_to_its_cap(cap: str, approved: int) -> None:
    """In count and in amount, of the product and of a tier; what goes beyond is referred."""
    world = capped(f"  - {cap}\n")
    outcomes = [(await decided(world, n)).outcome for n in range(4)]
    assert outcomes == [Outcome.APPROVE] * approved + [Outcome.REFER] * (4 - approved)


async def test_the_record_says_which_cap_was_reached_and_what_the_rules_concluded() -> None:
    """The referral has its reason and its queue, and names the first cap that was exceeded."""
    caps = "  - {name: wide, approvals_per_day: 9}\n  - {name: narrow, approvals_per_day: 1}\n"
    world = capped(caps)
    assert not shown(await decided(world, 1)).HasField("override")
    decision = shown(await decided(world, 2))
    assert [reason.code for reason in decision.reasons] == ["DAY_CAP_REACHED"]
    assert decision.refer_kind == pb.REFER_KIND_POLICY
    assert decision.offer.approved_amount.units == 20_000
    override = decision.override
    assert (override.kind, override.cap) == ("CAPPED", "narrow")
    assert (override.outcome, list(override.reasons)) == (pb.OUTCOME_APPROVE, [])


async def test_the_next_civil_day_begins_anew() -> None:
    """At midnight in the ruleset's zone a cap has all its room again."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    await decided(world, 1)
    world.clock.wall = NOW + timedelta(hours=11, minutes=59)
    assert (await decided(world, 2)).outcome is Outcome.REFER
    world.clock.wall = NOW + timedelta(hours=12)
    assert (await decided(world, 3)).outcome is Outcome.APPROVE


async def test_two_processes_that_approve_at_once_share_a_cap() -> None:
    """Of ten at once in two processes, all of whom found room, as many are approved as may be."""
    world = capped("  - {name: all, approvals_per_day: 3}\n")
    one, two = world.decide(), world.decide()
    asked = [application(request_id=f"r-{n}", user_id=f"u-{n}") for n in range(10)]
    calls = [(one, two)[n % 2](each, world.call()) for n, each in enumerate(asked)]
    outcomes = [stored.outcome for stored in await asyncio.gather(*calls)]
    assert (outcomes.count(Outcome.APPROVE), outcomes.count(Outcome.REFER)) == (3, 7)


async def test_a_cap_moves_no_rate() -> None:
    """Guardrails and figures see what the rules concluded, and the amount that was approved."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    for number in range(3):
        await decided(world, number)
    (tally,) = await world.log.tallies(PRODUCT, NOW - timedelta(days=1), hashed=True)
    assert (tally.arm, tally.approved, tally.referred) == (Arm.CHAMPION, 3, 0)
    assert tally.amount == 2_000_000


async def test_a_capped_decision_replays_to_itself() -> None:
    """Whatever the day has approved since, the replay rests on what the decision had found."""
    world = capped("  - {name: all, approvals_per_day: 1}\n")
    await decided(world, 2)
    entry = await decided(world, 1)
    decision = await replayed(world, entry)
    assert (decision.verdict.outcome, decision.verdict.refer_kind) == (
        Outcome.REFER,
        ReferKind.POLICY,
    )
    assert decision.override is not None
    assert decision.override.cap == "all"
