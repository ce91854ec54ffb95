"""The fetch plan follows from the factors named and the data policy, and from nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import DataPolicy, FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Provider
from decision_service.factors.compute import fetch_plan
from decision_service.factors.registry import catalogue
from tests.unit.factors.golden import plus_zone

AS_OF = plus_zone("2026-11-24T02:00:00Z", "Asia/Manila")
PROVIDERS = {
    "sss_ph": Provider("sss_ph", "GOVERNMENT", ("CONTRIBUTIONS",)),
    "grab_ph": Provider("grab_ph", "GIG", ("TRANSACTIONS",)),
}


def plan(*names: str, **policy: object) -> FetchPlan:
    """The plan of some factors under a policy."""
    made = DataPolicy("PHP", provider_types=PROVIDERS, **policy)  # type: ignore[arg-type] # typed at its uses
    return fetch_plan(Needs(names, made), AS_OF)


def test_income_needs_its_kinds_and_employments_and_transactions_only_where_they_stand_in() -> None:
    """The stand-in window begins on the first day of the 13th month before as_of."""
    assert plan("income.months_3m") == FetchPlan(
        frozenset({Kind.EINCOMES, Kind.INCOMES, Kind.EMPLOYMENTS}),
        WhenTransactions.IF_STANDING_IN,
        stand_in_from=date(2025, 10, 1),
    )


@pytest.mark.parametrize("name", ["employment.has_payroll", "employment.has_gig"])
def test_pay_alone_needs_no_employments(name: str) -> None:
    """Whether there is payroll or gig income rests on income, and costs no further call."""
    assert plan(name) == plan("income.months_3m")


def test_named_transactions_are_always_asked_for() -> None:
    """From the first day that an account synced 35 days ago would look at."""
    asked = plan("transactions.count_3m")
    # 35 days before 24 November is 20 October: horizon September, three months from July.
    assert asked == FetchPlan(frozenset(), WhenTransactions.ALWAYS, date(2026, 7, 1))


def test_the_earliest_date_named_counts() -> None:
    """Thirteen months of fees reach further back than one month, 91 days or three months."""
    asked = plan("transactions.count_1m", "transactions.earnings_7d", "transactions.net_12m")
    assert asked.transactions_from == date(2025, 10, 1)


def test_short_windows_ask_for_enough_to_tell_quiet_from_no_data() -> None:
    """At least 91 days before the earliest sync that the policy bears."""
    # 20 October is the last day of the 91: 20 October minus 90 days is 22 July.
    assert plan("transactions.earnings_7d").transactions_from == date(2026, 7, 22)


@pytest.mark.parametrize(
    ("lag", "first"),
    [
        ((("sss_*", 2),), date(2026, 7, 1)),
        ((("grab_*", 2),), date(2026, 5, 1)),
        ((("*", 2),), date(2026, 5, 1)),
        ((("nobody_*", 2),), date(2026, 5, 1)),
    ],
)
def test_the_posting_lag_of_a_provider_that_may_have_transactions_reaches_further_back(
    lag: tuple[tuple[str, int], ...], first: date
) -> None:
    """A lag of a provider known to have none costs no further call."""
    assert plan("transactions.count_3m", posting_lag=lag).transactions_from == first


def test_a_longer_bearable_age_reaches_further_back() -> None:
    """65 days before 24 November is 20 September: horizon August, three months from June."""
    asked = plan("transactions.count_3m", max_age=timedelta(days=65))
    assert asked.transactions_from == date(2026, 6, 1)


def test_every_factor_has_a_plan() -> None:
    """Each factor's plan holds the kinds that its contract names."""
    for name, spec in catalogue().items():
        asked = plan(name)
        assert spec.kinds - {Kind.ACCOUNTS, Kind.TRANSACTIONS} == asked.kinds, name
        assert (Kind.TRANSACTIONS in spec.kinds) == (asked.transactions_from is not None), name


def test_an_unknown_factor_is_an_error() -> None:
    """The checker lets none through; here it is a KeyError."""
    with pytest.raises(KeyError):
        plan("income.months_7m")
