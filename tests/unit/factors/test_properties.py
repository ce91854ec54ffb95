"""Laws of every applicant: order, distance, scale, purity, values between turning points."""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.factor import FactorValue, ValueType
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    EstimatedIncome,
    Income,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Cause, DataReason, Missing, Money, Month
from decision_service.factors.answer import in_order
from decision_service.factors.compute import compute, validity_boundaries
from decision_service.factors.paychecks import MOST_PAYSLIPS
from decision_service.factors.registry import FactorContext, catalogue
from decision_service.factors.usage import FETCHED_KINDS, dead_ends
from tests.fakes.examples import examples
from tests.oracles.applicants import Case, applicant
from tests.oracles.draft import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ALL = tuple(catalogue())

KINDS = tuple(kind.value for kind in FETCHED_KINDS)

CASES = st.integers(0, 1 << 32).map(applicant)


def computed(
    case: Case, snapshot: Snapshot | None = None, names: Sequence[str] = ALL
) -> Mapping[str, FactorValue]:
    """What the catalogue says of an applicant, or of another snapshot in his place."""
    needs = Needs(tuple(names), case.policy, case.term_months)
    return compute(snapshot or case.snapshot, needs, case.as_of).values


def with_records(snapshot: Snapshot, change: Callable[[tuple[Any, ...]], Any]) -> Snapshot:
    """The snapshot with every kind's records changed."""
    reads = {
        kind: replace(read, records=tuple(change(read.records)))
        for kind in KINDS
        if (read := getattr(snapshot, kind)) is not None
    }
    return replace(snapshot, **reads)


def doubled(record: Any) -> Any:
    """The record with every amount twice as large."""
    names = (
        "amount",
        "base",
        "gross",
        "net",
        "loan_amount",
        "amortization",
        "outstanding",
        "overdue",
    )
    held = {name: getattr(record, name, None) for name in names}
    twice = {name: 2 * amount for name, amount in held.items() if amount is not None}
    return replace(record, **twice)


@settings(max_examples=examples(60), deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_records_means_nothing(case: Case, dice: Any) -> None:
    """Shuffled records give the same values, causes and evidence."""

    def shuffled(records: tuple[Any, ...]) -> list[Any]:
        mixed = list(records)
        dice.shuffle(mixed)
        return mixed

    assert computed(case, with_records(case.snapshot, shuffled)) == computed(case)


def test_the_order_of_more_payslips_than_are_compared_means_nothing() -> None:
    """Of too many payslips of one job the newest count, in whatever order they come."""
    now = datetime(2026, 11, 24, 4, tzinfo=UTC)
    as_of = AsOf.at(now, ZoneInfo("Asia/Manila"))
    days = [as_of.date - timedelta(days=n) for n in range(MOST_PAYSLIPS + 300)]
    slips = [Income(f"i{d}", "p", "Acme", d, d, "Daily", "PHP", None, None, 50_000) for d in days]
    account = Account("p", "sprout_ph", "CONNECTED", now - timedelta(400), None, now)
    reads: dict[str, Any] = {kind: Read[Any]() for kind in KINDS}
    whole = Snapshot("u", (account,), providers=PROVIDERS, **reads)
    needs = Needs(ALL, DataPolicy("PHP"))
    first, second = (
        compute(replace(whole, incomes=Read(tuple(order))), needs, as_of).values
        for order in (slips, reversed(slips))
    )
    assert first == second
    assert first["income.latest_month"].value is not None


@settings(max_examples=examples(60), deadline=None)
@given(CASES)
def test_the_order_of_two_contents_under_one_id_means_nothing(case: Case) -> None:
    """A transaction that is told again, as much else, is the same contradiction in both orders."""

    def told_again(records: tuple[Any, ...]) -> tuple[Any, ...]:
        given = [one for one in records[:1] if isinstance(one, Transaction)]
        return tuple(replace(one, amount=10**9, description="?") for one in given)

    first = computed(case, with_records(case.snapshot, lambda r: told_again(r) + r))
    assert computed(case, with_records(case.snapshot, lambda r: r + told_again(r))) == first


@settings(max_examples=examples(60), deadline=None)
@given(CASES)
def test_duplicates_mean_nothing(case: Case) -> None:
    """The same record on two pages counts once."""
    assert computed(case, with_records(case.snapshot, lambda r: r + r)) == computed(case)


def test_causes_that_differ_in_their_month_alone_have_an_order() -> None:
    """A set of them has none of its own, and another one in each process."""
    causes = [Missing(Cause.NOT_YET_POSTED, month=24_000 + n) for n in range(24)]
    assert in_order(causes[::-1]) == tuple(causes)


CYCLE_YEARS = 400

CYCLE = timedelta(days=146_097)
"""After 400 years the calendar repeats itself to the day, leap years and weekdays included."""


def moved_year(found: re.Match[str]) -> str:
    """A year of a text one cycle later."""
    return f"{int(found[0][:-1]) + CYCLE_YEARS}-"


def moved(record: Any) -> Any:
    """Whatever has dates and months, with all of them one cycle later, and so what is inside it."""
    if isinstance(record, tuple):
        return tuple(map(moved, record))
    if isinstance(record, date):
        return record + CYCLE
    if not isinstance(record, msgspec.Struct):
        return record
    later = {name: moved(getattr(record, name)) for name in record.__struct_fields__}
    if later.get("code") is DataReason.PAYSLIPS_OVERLAP:
        later["detail"] = re.sub(r"\d{4}-", moved_year, later["detail"])
    for month in ("month", "newest"):
        if isinstance(later.get(month), int):
            later[month] += 12 * CYCLE_YEARS
    return replace(record, **later)


@settings(max_examples=examples(60), deadline=None)
@given(CASES)
def test_no_factor_reads_the_clock(case: Case) -> None:
    """An applicant and an instant of 400 years later have the values and causes of today.

    What a cause says in words may name days.
    """
    then = AsOf.at(case.as_of.instant + CYCLE, case.as_of.zone)
    needs = Needs(ALL, moved(case.policy), case.term_months)
    after = compute(moved(case.snapshot), needs, then).values
    for name, factor in computed(case).items():
        now = [replace(cause, detail=None) for cause in moved(factor.missing)]
        later = [replace(cause, detail=None) for cause in after[name].missing]
        assert (after[name].value, later) == (moved(factor.value), now), name


def far(kind: str, source: str, as_of: AsOf) -> Any:
    """A record of forty months ago, in another currency."""
    month = Month.of(as_of.date).plus(-40)
    if kind == "eincomes":
        return EstimatedIncome("far", source, month.index, "USD", 999)
    if kind == "contributions":
        return Contribution("far", source, month.last_day, "USD", 999)
    return Transaction("far", source, month.last_day, "Trip", "USD", 999)


WINDOWED = tuple(
    f"{family}_{n}m"
    for family in (
        "income.months",
        "income.count",
        "income.sum",
        "income.median",
        "contributions.months",
        "contributions.count",
        "contributions.sum",
        "transactions.count",
        "transactions.net",
        "transactions.active_days",
    )
    for n in (3, 6, 12)
)


@settings(max_examples=examples(60), deadline=None)
@given(CASES, st.sampled_from(["eincomes", "contributions", "transactions"]))
def test_a_record_outside_every_window_changes_nothing(case: Case, kind: str) -> None:
    """A record of years ago, in another currency at that, leaves every windowed value as it was.

    Unless an account is superseded: the record may be what the other account lacks.
    """
    read = getattr(case.snapshot, kind)
    assume(read is not None and read.records)
    needs = Needs(WINDOWED, case.policy, case.term_months)
    assume(not dead_ends(FactorContext(case.snapshot, needs, case.as_of)))
    record = far(kind, read.records[0].source, case.as_of)
    more = replace(read, records=(*read.records, record))
    before = computed(case, names=WINDOWED)
    after = computed(case, replace(case.snapshot, **{kind: more}), WINDOWED)
    for name in WINDOWED:
        if before[name].value is not None:
            assert after[name] == before[name], name


@settings(max_examples=examples(60), deadline=None)
@given(CASES)
def test_doubling_every_amount_doubles_money_and_leaves_the_rest(case: Case) -> None:
    """Money doubles to within the rounding of half a minor unit; everything else stays."""
    case = dataclasses.replace(case, policy=replace(case.policy, ceilings=()))
    before = computed(case)
    after = computed(case, with_records(case.snapshot, lambda all_: map(doubled, all_)))
    for name in [n for n in ALL if n != ROUNDED_FIRST or _large(before)]:
        assert before[name].missing == after[name].missing, name
        _compare(name, before[name].value, after[name].value)


ROUNDED_FIRST = "liabilities.scheme_debt_to_income"

"""A quotient of two money factors as they are shown, so that rounding tells in small ones."""


def _large(values: Mapping[str, FactorValue]) -> bool:
    income = values["income.conservative_6m"].value
    return not isinstance(income, Money) or income.minor > 10_000


def _compare(name: str, once: Any, twice: Any) -> None:
    if isinstance(once, Money):
        assert abs(twice.minor - 2 * once.minor) <= 1, name
    elif isinstance(once, Decimal):
        close = Decimal("1e-3") if name == ROUNDED_FIRST else Decimal("1e-30")
        assert abs(twice - once) <= max(abs(once), Decimal("0.01")) * close, name
    else:
        assert twice == once, name


@settings(max_examples=examples(40), deadline=None)
@given(CASES, st.sampled_from(ALL))
def test_a_factor_does_not_depend_on_what_else_is_named(case: Case, name: str) -> None:
    """Alone or among all others, a factor has the same value and evidence."""
    assert computed(case, names=(name,))[name] == computed(case)[name]


@settings(max_examples=examples(60), deadline=None)
@given(CASES)
def test_every_value_keeps_the_promises_of_its_contract(case: Case) -> None:
    """Type, bounds, labels and missing causes are those that the catalogue declares."""
    for name, factor in computed(case).items():
        spec = catalogue()[name]
        assert {m.cause for m in factor.missing} <= spec.causes, name
        assert (factor.value is None) == bool(factor.missing), name
        if factor.value is not None:
            _check_value(name, factor.value)


def _check_value(name: str, value: Any) -> None:
    spec = catalogue()[name]
    types = {
        ValueType.INTEGER: int,
        ValueType.NUMBER: Decimal,
        ValueType.MONEY: Money,
        ValueType.TEXT: str,
        ValueType.FLAG: bool,
        ValueType.DATE: date,
    }
    assert type(value) is types[spec.type], name
    figure = value.major if isinstance(value, Money) else value
    assert spec.lower is None or figure >= spec.lower, name
    assert spec.upper is None or figure <= spec.upper, name
    assert not spec.labels or value in spec.labels, name


@pytest.mark.parametrize("kind", ["eincomes", "contributions", "transactions"])
@settings(max_examples=examples(25), deadline=None)
@given(case=CASES)
def test_an_unread_kind_never_gives_a_value(kind: str, case: Case) -> None:
    """No factor that rests on a kind has a value when the kind was not read."""
    unread = computed(case, replace(case.snapshot, **{kind: None}))
    for name, spec in catalogue().items():
        if any(k.value == kind for k in spec.kinds):
            assert unread[name].value is None, name
            assert unread[name].tainted, name


MOMENT = timedelta(microseconds=1)


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 1 << 32), st.integers(0, 24 * 3600 - 1))
def test_between_turning_points_only_the_civil_date_counts(seed: int, second: int) -> None:
    """Two instants of one civil day with as many turning points behind them give equal factors."""
    case = applicant(seed)
    turns = validity_boundaries(case.snapshot, case.policy)
    for instant in _instants_of_the_day(case, second, turns):
        at = AsOf.at(instant, case.as_of.zone)
        same_side = bisect_left(turns, instant) == bisect_left(turns, case.as_of.instant)
        if at.date == case.as_of.date and same_side:
            assert _computed(case, at) == _computed(case, case.as_of)


def _instants_of_the_day(
    case: Case, second: int, turns: tuple[datetime, ...]
) -> Iterator[datetime]:
    midnight = datetime.combine(case.as_of.date, time(), case.as_of.zone).astimezone(UTC)
    yield midnight + timedelta(seconds=second)
    for account in case.snapshot.accounts:
        if account.connection_updated_at is not None:
            yield from (account.connection_updated_at, account.connection_updated_at + MOMENT)
    for turn in turns:
        yield from (turn, turn + MOMENT)


def _computed(case: Case, as_of: AsOf) -> object:
    return compute(case.snapshot, Needs(ALL, case.policy), as_of)


def test_a_sync_turns_stale_right_after_its_turning_point() -> None:
    """The instant itself still belongs to what came before it."""
    synced = datetime(2026, 11, 1, 12, tzinfo=UTC)
    account = Account("a", "sss_ph", "CONNECTED", connection_updated_at=synced)
    policy = DataPolicy("PHP", max_age=timedelta(days=1))
    assert validity_boundaries(Snapshot("u", accounts=(account,)), policy) == (
        synced + timedelta(days=1),
    )


def test_times_at_the_end_of_the_calendar_have_no_turning_point() -> None:
    """A sync in the year 9999 never turns stale, and is no error."""
    account = Account(
        "a", "sss_ph", "CONNECTED", connection_updated_at=datetime.max.replace(tzinfo=UTC)
    )
    assert validity_boundaries(Snapshot("u", accounts=(account,)), DataPolicy("PHP")) == ()
