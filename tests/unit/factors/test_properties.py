"""Laws that hold for every applicant: order, distance, scale, purity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.factor import Factors, FactorValue, ValueType
from decision_service.domain.missing import Missing
from decision_service.domain.money import Money
from decision_service.domain.months import Month
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.reading import FETCHED_KINDS
from decision_service.factors.registry import catalogue
from tests.unit.factors.golden import CLASSES, NOW, PROVIDERS, instant, plus_zone

ALL = tuple(catalogue())
AS_OF: AsOf = plus_zone(NOW, "Asia/Manila")
HORIZON = Month.parse("2026-10").index
NEEDS = Needs(ALL, DataPolicy("PHP", transaction_classes=CLASSES), term_months=12)
KINDS = tuple(kind.value for kind in FETCHED_KINDS)
MONTHS = st.integers(HORIZON - 26, HORIZON)
AMOUNTS = st.integers(0, 5_000_000)
WORDS = st.sampled_from(["Trip", "Order 7", "Commission", "Refund", "Cash out", "Top up", "?"])
FREQUENCIES = st.sampled_from(["Monthly", "Semimonthly", "Annually", "Variable", None])


def _account(name: str, provider: str) -> Account:
    return Account(
        name, provider, "CONNECTED", instant("2025-01-01T00:00:00Z"), None, AS_OF.instant
    )


ACCOUNTS = (
    _account("a", "sss_ph"),
    _account("b", "philhealth_ph"),
    _account("p", "sprout_ph"),
    _account("g", "grab_ph"),
    _account("l", "lalamove_ph"),
)


def _records(make: Callable[..., Any], *fields: Any) -> st.SearchStrategy[Read[Any]]:
    lines = st.lists(st.tuples(*fields), max_size=12)
    return lines.map(lambda all_: Read(tuple(make(f"r{n}", *f) for n, f in enumerate(all_))))


def _estimate(name: str, source: str, month: int, amount: int) -> EstimatedIncome:
    return EstimatedIncome(name, source, month, "PHP", amount)


def _contribution(name: str, source: str, month: int, amount: int) -> Contribution:
    return Contribution(name, source, Month(month).last_day, "PHP", amount)


def _income(
    name: str, start: date, days: int | None, frequency: str | None, net: int, employer: str
) -> Income:
    end = None if days is None else start + timedelta(days=days)
    return Income(name, "p", employer, start, end, frequency, "PHP", None, None, net)


def _transaction(name: str, source: str, when: date, words: str, amount: int) -> Transaction:
    sign = -1 if words in ("Commission", "Refund", "Cash out") else 1
    return Transaction(name, source, when, words, "PHP", sign * amount)


def _liability(name: str, amount: int, instalment: int, outstanding: int) -> Liability:
    start = date(2025, 5, 5)
    return Liability(
        name, "a", "Loan", start, None, "PHP", amount, instalment, "Monthly", outstanding, 0, None
    )


def _employment(
    name: str, source: str, start: date, days: int | None, employer: str | None
) -> Employment:
    end = None if days is None else min(start + timedelta(days=days), date(2026, 11, 25))
    return Employment(name, source, employer, "Employed", start, end, None)


def _links(name: str, source: str, counts: tuple[int, int], days: int | None) -> LinkCounts:
    return LinkCounts(name, source, ((7, counts[0]), (90, counts[1])), days, days)


def _days(first: date, last: date) -> st.SearchStrategy[date]:
    return st.dates(first, last)


SNAPSHOTS = st.builds(
    Snapshot,
    user_id=st.just("user"),
    accounts=st.just(ACCOUNTS),
    providers=st.just(PROVIDERS),
    eincomes=_records(_estimate, st.sampled_from("ag"), MONTHS, AMOUNTS),
    incomes=_records(
        _income,
        _days(date(2025, 1, 1), date(2026, 10, 31)),
        st.none() | st.integers(0, 400),
        FREQUENCIES,
        AMOUNTS,
        st.sampled_from(["Acme", "acme", "Bravo"]),
    ),
    contributions=_records(_contribution, st.sampled_from("ab"), MONTHS, AMOUNTS),
    employments=_records(
        _employment,
        st.sampled_from("ap"),
        _days(date(2019, 1, 1), date(2026, 11, 24)),
        st.none() | st.integers(0, 900),
        st.sampled_from(["Acme", "acme ", "Bravo", None]),
    ),
    liabilities=_records(_liability, AMOUNTS, AMOUNTS, AMOUNTS),
    transactions=_records(
        _transaction,
        st.sampled_from("gl"),
        _days(date(2025, 9, 1), date(2026, 11, 24)),
        WORDS,
        AMOUNTS,
    ),
    identities=st.dates(date(1940, 1, 1), date(2008, 12, 31)).map(
        lambda born: Read((Identity("i1", "a", born), Identity("i2", "g", None)))
    ),
    links=_records(
        _links,
        st.sampled_from("agl"),
        st.tuples(st.integers(0, 9), st.integers(0, 9)),
        st.none() | st.integers(0, 900),
    ),
)


def computed(snapshot: Snapshot, needs: Needs = NEEDS) -> Factors:
    """Everything the catalogue says of an applicant."""
    return compute(snapshot, needs, AS_OF)


def with_records(snapshot: Snapshot, change: Callable[[tuple[Any, ...]], Any]) -> Snapshot:
    """The snapshot with every kind's records changed."""
    reads = {
        kind: msgspec.structs.replace(read, records=tuple(change(read.records)))
        for kind in KINDS
        if (read := getattr(snapshot, kind)) is not None
    }
    return msgspec.structs.replace(snapshot, **reads)


def doubled(record: Any) -> Any:
    """The record with every amount twice as large."""
    names = ("amount", "base", "gross", "net", "loan_amount", "amortization", "outstanding")
    held = {name: getattr(record, name, None) for name in names}
    twice = {name: 2 * amount for name, amount in held.items() if amount is not None}
    return msgspec.structs.replace(record, **twice)


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS, st.randoms(use_true_random=False))
def test_the_order_of_records_means_nothing(snapshot: Snapshot, dice: Any) -> None:
    """Shuffled records give the same values, causes and evidence."""

    def shuffled(records: tuple[Any, ...]) -> list[Any]:
        mixed = list(records)
        dice.shuffle(mixed)
        return mixed

    assert computed(with_records(snapshot, shuffled)) == computed(snapshot)


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS)
def test_duplicates_mean_nothing(snapshot: Snapshot) -> None:
    """The same record on two pages counts once."""
    assert computed(with_records(snapshot, lambda r: r + r)) == computed(snapshot)


CYCLE_YEARS = 400
CYCLE = timedelta(days=146_097)
"""After 400 years the calendar repeats itself to the day, leap years and weekdays included."""


def moved(record: Any) -> Any:
    """A record, account or source with all its dates one cycle later."""
    told = {name: getattr(record, name) for name in record.__struct_fields__}
    later = {name: value + CYCLE for name, value in told.items() if isinstance(value, date)}
    if "month" in told:
        later["month"] = told["month"] + 12 * CYCLE_YEARS
    return msgspec.structs.replace(record, **later)


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS)
def test_no_factor_reads_the_clock(snapshot: Snapshot) -> None:
    """An applicant and an instant of 400 years later have the values and causes of today."""
    later = with_records(snapshot, lambda all_: map(moved, all_))
    accounts = tuple(moved(account) for account in snapshot.accounts)
    then = AsOf.at(AS_OF.instant + CYCLE, AS_OF.zone)
    today = computed(snapshot).values
    after = compute(msgspec.structs.replace(later, accounts=accounts), NEEDS, then).values
    for name, factor in today.items():
        causes = tuple(map(cycled, factor.missing))
        assert (after[name].value, after[name].missing) == (factor.value, causes), name


def cycled(cause: Missing) -> Missing:
    """A cause with the month and the day that it names one cycle later."""
    month = None if cause.month is None else cause.month + 12 * CYCLE_YEARS
    due = None if cause.due is None else cause.due + CYCLE
    return msgspec.structs.replace(cause, month=month, due=due)


FAR = {
    "eincomes": EstimatedIncome("far", "a", HORIZON - 40, "USD", 999),
    "contributions": Contribution("far", "a", Month(HORIZON - 40).last_day, "USD", 999),
    "transactions": Transaction("far", "l", date(2024, 1, 1), "Trip", "USD", 999),
}
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


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS, st.sampled_from(sorted(FAR)))
def test_a_record_outside_every_window_changes_nothing(snapshot: Snapshot, kind: str) -> None:
    """A record of years ago, in another currency at that, leaves every windowed value as it was."""
    needs = Needs(WINDOWED, NEEDS.policy)
    read = getattr(snapshot, kind)
    more = msgspec.structs.replace(read, records=(*read.records, FAR[kind]))
    before = computed(snapshot, needs).values
    after = computed(msgspec.structs.replace(snapshot, **{kind: more}), needs).values
    for name in WINDOWED:
        if before[name].value is not None:
            assert after[name] == before[name], name


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS)
def test_doubling_every_amount_doubles_money_and_leaves_the_rest(snapshot: Snapshot) -> None:
    """Money doubles to within the rounding of half a minor unit; everything else stays."""
    before = computed(snapshot).values
    after = computed(with_records(snapshot, lambda all_: map(doubled, all_))).values
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
        assert abs(twice - once) <= abs(once) * close, name
    else:
        assert twice == once, name


@settings(max_examples=40, deadline=None)
@given(SNAPSHOTS, st.sampled_from(ALL))
def test_a_factor_does_not_depend_on_what_else_is_named(snapshot: Snapshot, name: str) -> None:
    """Alone or among all others, a factor has the same value and evidence."""
    alone = computed(snapshot, replace(NEEDS, factors=(name,))).values[name]
    assert alone == computed(snapshot).values[name]


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS)
def test_every_value_keeps_the_promises_of_its_contract(snapshot: Snapshot) -> None:
    """Type, bounds, labels and missing causes are those that the catalogue declares."""
    for name, factor in computed(snapshot).values.items():
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
    }
    assert type(value) is types[spec.type], name
    figure = value.major if isinstance(value, Money) else value
    assert spec.lower is None or figure >= spec.lower, name
    assert spec.upper is None or figure <= spec.upper, name
    assert not spec.labels or value in spec.labels, name


@pytest.mark.parametrize("kind", ["eincomes", "contributions", "transactions"])
@settings(max_examples=25, deadline=None)
@given(snapshot=SNAPSHOTS)
def test_an_unread_kind_never_gives_a_value(kind: str, snapshot: Snapshot) -> None:
    """No factor that rests on a kind has a value when the kind was not read."""
    unread = computed(msgspec.structs.replace(snapshot, **{kind: None})).values
    for name, spec in catalogue().items():
        if any(k.value == kind for k in spec.kinds):
            assert unread[name].value is None, name
            assert unread[name].tainted, name
