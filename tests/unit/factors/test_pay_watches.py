"""What readings show one after the other, and the stored form of readings and facts."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.codec import (
    StoredFacts,
    decode_facts,
    encode_facts,
    factors_from_wire,
    factors_to_wire,
    inputs_to_wire,
    observations_to_wire,
    pack_factors,
    read_snapshot,
    snapshot_body,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Assignment, EnrolmentReason
from decision_service.domain.factor import FactorValue, Observed, value_sent
from decision_service.domain.snapshot import (
    Account,
    Income,
    KnownCount,
    PayWatch,
    Read,
    Snapshot,
    Task,
)
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Money, Month
from decision_service.factors.compute import compute
from decision_service.factors.pay_watches import LONGEST_PAUSE, MOST_SIGHTS, watched
from tests.fakes.world import NOW, PRODUCT, rulebook, steady_earner
from tests.kits.cases import cases

FIRST = datetime(2026, 8, 3, 4, tzinfo=UTC)

DAY = timedelta(days=1)

EMPTY = Snapshot("u-1")


def payslip(end: date, days: int = 15, net: int = 1_375_000) -> Income:
    """The pay of so many days up to an end."""
    start = end - timedelta(days=days - 1)
    name = f"inc-{end}-{days}"
    about = (start, end, "Semimonthly", "PHP", None, None, net)
    return Income(name, "a-1", "Acme Inc", *about)


def reading(synced: datetime | None, *ends: date, **changes: object) -> Snapshot:
    """A whole reading of one account that shows pay up to these days."""
    created = synced and datetime(2024, 1, 1, tzinfo=UTC)
    account = Account("a-1", "sprout_ph", "CONNECTED", created, None, created, "ACTIVE", synced)
    incomes = Read(tuple(payslip(end) for end in ends))
    return replace(Snapshot("u-1", (account,), incomes=incomes), **changes)


def after(*readings: Snapshot) -> PayWatch | None:
    """The watch of the account after these readings."""
    found = EMPTY
    for one in readings:
        found = watched(one, found)
    return found.watches[0] if found.watches else None


JULY, MID, END = date(2026, 7, 31), date(2026, 8, 15), date(2026, 8, 31)


def test_a_period_is_seen_at_the_first_reading_that_has_it() -> None:
    """The period up to 15 August is not there on the 13th and the 20th, and is on the 25th."""
    days = [(10, ()), (17, ()), (22, (MID,)), (29, (MID, END))]
    watch = after(reading(FIRST, JULY), *(reading(FIRST + n * DAY, JULY, *e) for n, e in days))
    assert watch == PayWatch(
        "a-1",
        date(2026, 8, 3),
        FIRST + 29 * DAY,
        ((MID, FIRST + 22 * DAY), (END, FIRST + 29 * DAY)),
    )


def test_what_the_first_reading_has_came_at_some_time_before() -> None:
    """Neither old periods nor one that ends ahead of the reading are seen first by it."""
    ahead = date(2026, 8, 15)
    watch = after(reading(FIRST, JULY, ahead), reading(FIRST + DAY, JULY, ahead))
    assert watch == PayWatch("a-1", ahead, FIRST + DAY)


def test_older_periods_that_are_found_later_are_not_seen() -> None:
    """A vendor that reads further back one day shows no pay of years ago that came late."""
    old = date(2025, 1, 31)
    watch = after(reading(FIRST, JULY), reading(FIRST + DAY, old, JULY))
    assert watch is not None
    assert watch.sights == ()


def test_after_a_longer_pause_nothing_says_when_a_period_came() -> None:
    """What was seen before the pause stays; what came in it is never seen."""
    later = FIRST + 13 * DAY + LONGEST_PAUSE
    pause = later + timedelta(seconds=1)
    seen = [reading(FIRST, JULY), reading(FIRST + 13 * DAY, JULY, MID)]
    assert after(*seen, reading(later, JULY, MID, END)).sights[-1] == (END, later)
    watch = after(*seen, reading(pause, JULY, MID, END), reading(pause + DAY, JULY, MID, END))
    assert watch == PayWatch("a-1", date(2026, 9, 1), pause + DAY, ((MID, FIRST + 13 * DAY),))


def test_a_payslip_that_leaves_and_comes_again_was_seen_once() -> None:
    """The first sight counts, whatever the vendor lists in between."""
    watch = after(
        reading(FIRST, JULY),
        reading(FIRST + 13 * DAY, JULY, MID),
        reading(FIRST + 20 * DAY, JULY),
        reading(FIRST + 27 * DAY, JULY, MID),
    )
    assert watch.sights == ((MID, FIRST + 13 * DAY),)


FAULT = Missing(Cause.BAD_DATA, DataReason.DATA_SHRANK, source="a-1")


@pytest.mark.parametrize(
    "broken",
    [
        reading(FIRST + 13 * DAY, MID, incomes=None),
        reading(FIRST + 13 * DAY, MID, incomes=Read(faults=(Missing(Cause.NOT_FETCHED),))),
        reading(FIRST + 13 * DAY, MID, incomes=Read((payslip(MID),), (FAULT,))),
        reading(None, JULY, MID),
        reading(FIRST - DAY, JULY, MID),
        reading(FIRST + 13 * DAY),
    ],
    ids=["not asked for", "failed", "shrunk", "never synced", "of an older sync", "empty"],
)
def test_a_reading_without_sound_payroll_changes_nothing(broken: Snapshot) -> None:
    """The watch is what it was, so that the next whole reading goes on from there."""
    whole = watched(reading(FIRST, JULY), EMPTY)
    assert watched(broken, whole).watches == whole.watches


def test_an_account_that_was_disconnected_is_forgotten() -> None:
    """Nothing is kept of it; one in error keeps what was known."""
    whole = watched(reading(FIRST, JULY), EMPTY)
    [account] = whole.accounts
    kept = {
        status: watched(
            replace(whole, accounts=(replace(account, connection_status=status),)), whole
        ).watches
        for status in ("DISCONNECTED", "ERROR")
    }
    assert kept == {"DISCONNECTED": (), "ERROR": whole.watches}
    assert watched(Snapshot("u-1", incomes=Read()), whole).watches == ()


def test_bonuses_and_slips_without_pay_are_no_paydays() -> None:
    """A 13th month that ends later, and a slip of nothing, are not watched."""
    bonus, nothing = payslip(date(2026, 12, 31), days=365), payslip(MID, net=0)
    extra = Read((payslip(JULY), bonus, nothing))
    watch = after(reading(FIRST, JULY), reading(FIRST + 13 * DAY, incomes=extra))
    assert watch.sights == ()


def test_an_unchanged_account_is_stored_once() -> None:
    """Two readings of one sync are equal, and have one id."""
    first = watched(reading(FIRST, JULY), EMPTY)
    assert snapshot_body(watched(reading(FIRST, JULY), first)).id == snapshot_body(first).id


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), min_size=1, max_size=60))
def test_sights_are_bounded_and_never_before_their_reading(steps: list[tuple[int, int]]) -> None:
    """At most 24, in order, each seen within the pause after a reading that lacked it."""
    now, ends, found = FIRST, [JULY], EMPTY
    readings = []
    for days, new in steps:
        now += days * DAY
        for _ in range(new):
            ends = [*ends, ends[-1] + 15 * DAY]
        found = watched(reading(now, *ends), found)
        readings.append((now, set(ends)))
    [watch] = found.watches
    assert len(watch.sights) <= MOST_SIGHTS
    assert [*watch.sights] == sorted(watch.sights)
    for end, seen in watch.sights:
        lacked = [moment for moment, held in readings if end not in held]
        assert lacked
        assert timedelta(0) <= seen - max(lacked) <= LONGEST_PAUSE
    assert read_snapshot(snapshot_body(found).body) == found


CASES = cases("known_counts")

AUGUST = Month.of(date(2026, 8, 1)).index


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_counts_tell_the_newest_month_with_income(case: dict[str, object]) -> None:
    """Of each source and kind: the month of the last record above zero, where months are told."""
    counts = msgspec.convert(case["counts"], tuple[KnownCount, ...])
    assert snapshot_body(msgspec.convert(case["snapshot"], Snapshot)).counts == counts


def test_tasks_and_counts_are_read_back() -> None:
    """What a first sync said, and why it could not, is in the stored form as it was."""
    task = Task("t-1", "a-1", "LINK_ACCOUNT", "Started", NOW - timedelta(hours=1), None)
    fault = Missing(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT, source="a-1")
    due = Missing(
        Cause.NOT_YET_POSTED, kind=Kind.EINCOMES, source="a-1", month=AUGUST, due=date(2026, 11, 1)
    )
    snapshot = msgspec.structs.replace(
        steady_earner(),
        tasks=Read((task,), (fault, due)),
        known=(KnownCount("a-1", Kind.EINCOMES, 3, AUGUST), KnownCount("a-1", Kind.LIABILITIES, 1)),
    )
    assert read_snapshot(snapshot_body(snapshot).body) == snapshot


def test_a_stored_snapshot_is_compressed() -> None:
    """Three years of months take a fraction of their plain form."""
    assert len(snapshot_body(steady_earner()).body) * 3 < len(
        msgspec.msgpack.encode(steady_earner())
    )


def test_a_snapshot_of_an_earlier_program_is_read() -> None:
    """One without tasks, whose counts tell no months, is what it was."""
    plain = msgspec.msgpack.decode(zlib.decompress(snapshot_body(steady_earner()).body))
    assert "tasks" not in plain
    plain["known"] = [["a-1", "eincomes", 36]]
    found = read_snapshot(zlib.compress(msgspec.msgpack.encode(plain)))
    assert found.tasks is None
    assert found.known == (KnownCount("a-1", Kind.EINCOMES, 36),)


def test_what_a_later_program_adds_is_left_out() -> None:
    """A field that is new, in the snapshot or at the end of a record, harms nothing."""
    plain = msgspec.msgpack.decode(zlib.decompress(snapshot_body(steady_earner()).body))
    plain["known"] = [["a-1", "eincomes", 36, None, "later"]]
    plain["later"] = True
    assert (
        read_snapshot(zlib.compress(msgspec.msgpack.encode(plain))).eincomes
        == steady_earner().eincomes
    )


RULES = rulebook().products[PRODUCT].champion

COMPUTED = compute(steady_earner(), RULES.needs, AsOf.at(NOW, RULES.zone))

FACTORS = replace(COMPUTED, employer=None)  # which is not stored


def facts(packed: bytes | None) -> bytes:
    """Stored facts with these factor values."""
    assignment = Assignment("loan", True, EnrolmentReason.IN_STAGE, "d" * 64, "all", 100_000)
    return encode_facts(
        StoredFacts(
            instant=NOW,
            zone="Asia/Manila",
            assignment=assignment,
            inputs={},
            packed_factors=packed,
        )
    )


def test_packed_factor_values_read_back_as_they_were() -> None:
    """To the last digit of evidence, in a fifth of the space."""
    packed = pack_factors(FACTORS)
    read = decode_facts(facts(packed))
    assert read.factors is not None
    assert factors_from_wire(read.factors) == FACTORS
    assert 3 * len(packed) < len(msgspec.msgpack.encode(factors_to_wire(FACTORS)))


def test_a_month_that_is_not_posted_reads_back_with_its_date() -> None:
    """A missing cause keeps its month and due date in the stored form."""
    missing = Missing(
        Cause.NOT_YET_POSTED,
        kind=Kind.INCOMES,
        source="acc-1",
        month=Month.parse("2026-10").index,
        due=date(2026, 11, 11),
    )
    name = next(iter(FACTORS.values))
    given = replace(FACTORS, values={name: FactorValue(name, None, (missing,))})
    read = decode_facts(facts(pack_factors(given)))
    assert read.factors is not None
    assert factors_from_wire(read.factors) == given


def test_decisions_of_earlier_programs_read_back() -> None:
    """They hold their factor values as a part of the facts."""
    former = msgspec.msgpack.decode(facts(None)) | {"factors": factors_to_wire(FACTORS)}
    read = decode_facts(msgspec.msgpack.encode(former))
    assert read.factors == factors_to_wire(FACTORS)


def test_a_decision_without_data_has_no_factor_values() -> None:
    """Nothing was computed, and nothing is stored of it."""
    assert decode_facts(facts(None)).factors is None


@pytest.mark.parametrize("packed", [b"", b"none", pack_factors(FACTORS)[:-9]])
def test_what_cannot_be_unpacked_is_told_as_any_broken_record(packed: bytes) -> None:
    """By the same error as bytes that are no facts at all."""
    with pytest.raises(msgspec.DecodeError):
        decode_facts(facts(packed))


def test_what_was_observed_outside_reads_back_with_its_day() -> None:
    """Its value where an earlier program looks for it, its day and consent beside it."""
    sent = {
        "bureau_debt": Observed(Money("PHP", 300_000), date(2026, 11, 2), "C-1"),
        "checked_on": Observed(date(2026, 11, 1), date(2026, 11, 2)),
        "customer_type": "new",
    }
    stored = msgspec.msgpack.decode(facts(None))
    assert "observations" not in stored
    stored |= {"inputs": inputs_to_wire(sent), "observations": observations_to_wire(sent)}
    assert stored["inputs"]["bureau_debt"] == ["m", "PHP", "300000"]
    assert decode_facts(msgspec.msgpack.encode(stored)).sent == sent
    del stored["observations"]
    before = decode_facts(msgspec.msgpack.encode(stored)).sent
    assert before == {name: value_sent(one) for name, one in sent.items()}
