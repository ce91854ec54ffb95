"""The income month by month: it adds up, and says what the factors say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import DataPolicy, Needs, SchemeCeiling
from decision_service.domain.snapshot import Account, EstimatedIncome, Income, Read, Snapshot
from decision_service.domain.values import AsOf, Money, Month
from decision_service.factors.compute import compute
from decision_service.factors.monthly_income import (
    MONTHS,
    IncomeMonth,
    IncomePart,
    MonthState,
    last_income_months,
    reads_income,
)
from decision_service.factors.usage import FETCHED_KINDS
from tests.fakes.examples import examples
from tests.oracles.applicants import applicant
from tests.oracles.vocabulary import PROVIDERS

YEAR = 12
NAMES = ("income.latest_month", "income.sum_12m")
COUNTS = {MonthState.KNOWN, MonthState.ZERO}


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 1 << 32))
def test_parts_add_up_and_months_are_what_the_factors_have(seed: int) -> None:
    """The newest month that counts is the latest known one, and twelve add up to the year."""
    case = applicant(seed)
    needs = Needs(NAMES, case.policy, case.term_months)
    months = last_income_months(case.snapshot, needs, case.as_of)
    ended = Month.of(case.as_of.date).index
    assert [one.month for one in months] == [
        str(Month(index)) for index in range(ended - len(months), ended)
    ]
    assert len(months) <= MONTHS
    for one in months:
        assert (one.amount is not None) == (one.state in COUNTS)
        amount = one.amount or Money(case.policy.currency, 0)
        assert sum(part.amount.minor for part in one.parts) == amount.minor
        assert (amount.minor != 0) == (one.state is MonthState.KNOWN)
    latest, year = (compute(case.snapshot, needs, case.as_of).values[name].value for name in NAMES)
    if latest is None or (months[-1:] and all(one.amount is None for one in months)):
        return
    horizon = max(at for at, one in enumerate(months) if one.amount is not None)
    assert months[horizon].amount == latest
    window = months[max(horizon - YEAR + 1, 0) : horizon + 1]
    whole = len(window) == YEAR or len(months) < MONTHS
    if isinstance(year, Money) and whole:
        assert all(one.state is not MonthState.OPEN for one in window)
        if all(one.amount is not None for one in window):
            added = sum(max(one.amount.minor, 0) for one in window if one.amount is not None)
            assert abs(added - year.minor) <= YEAR  # each of them is rounded


OCTOBER = 2026 * YEAR + 9
PAPERS = frozenset({"files_ph"})
POLICY = DataPolicy(
    "PHP",
    posting_lag=(("sss_ph", 3),),
    ceilings=(SchemeCeiling("sss_ph", "PHP", date(2025, 1, 1), 3_500_000),),
    document_providers=PAPERS,
)


def person(day: date, **reads: Sequence[Any]) -> Sequence[IncomeMonth]:
    """The months of somebody with payroll, a scheme and documents, read in the morning of a day."""
    now = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    old = now - timedelta(days=900)
    held = tuple(Account(one, one, "CONNECTED", old, None, now) for one in POSTED)
    every: dict[str, Any] = {kind.value: Read[Any]() for kind in FETCHED_KINDS}
    every |= {kind: Read(tuple(records)) for kind, records in reads.items()}
    snapshot = Snapshot("u", held, providers=PROVIDERS, **every)
    return last_income_months(snapshot, Needs(NAMES, POLICY), AsOf.at(now, ZoneInfo("Asia/Manila")))


POSTED = ("sprout_ph", "sss_ph", "files_ph")


def pay(source: str, month: int, amount: int) -> Income:
    """A month's pay, of the fifth of the next."""
    first, last = Month(month).first_day, Month(month).last_day
    fifth = last + timedelta(days=5)
    return Income(
        f"{source}{month}", source, "Acme", first, last, "Monthly", "PHP", None, None, amount, fifth
    )


def test_a_month_is_open_until_its_pay_is_due_and_zero_after_it() -> None:
    """Who is paid on the fifth has no October on the third of November, and none on the 20th."""
    paid = [pay("sprout_ph", month, 3_000_000) for month in range(OCTOBER - 5, OCTOBER)]
    for day, state in ((3, MonthState.OPEN), (20, MonthState.ZERO)):
        months = person(date(2026, 11, day), incomes=paid)
        assert [one.state for one in months] == [MonthState.KNOWN] * 5 + [state]
    posted = person(date(2026, 11, 6), incomes=[*paid, pay("sprout_ph", OCTOBER, 3_000_000)])
    assert (posted[-1].month, posted[-1].state) == ("2026-10", MonthState.KNOWN)


def test_documents_add_to_a_scheme_at_its_ceiling_under_their_own_name() -> None:
    """The scheme's part stays at its ceiling; months that it posts late are open."""
    early = range(OCTOBER - 12, OCTOBER - 2)
    sss = [EstimatedIncome(f"e{m}", "sss_ph", m, "PHP", 4_000_000) for m in early]
    months = person(
        date(2026, 11, 20),
        eincomes=sss,
        incomes=[pay("files_ph", month, 4_000_000) for month in early],
    )
    assert [one.state for one in months] == [MonthState.KNOWN] * 10 + [MonthState.OPEN] * 3
    [(one, two)] = {one.parts for one in months if one.parts}
    assert one == IncomePart("files_ph", Kind.INCOMES, Money("PHP", 500_000))
    assert two == IncomePart("sss_ph", Kind.EINCOMES, Money("PHP", 3_500_000))


def test_months_are_of_rules_that_read_the_monthly_income() -> None:
    """A share of it is enough; a count of accounts or deliveries is none."""
    assert reads_income(("accounts.connected_count", "income.payroll_share_12m"))
    assert not reads_income(("accounts.connected_count", "transactions.count_3m"))
