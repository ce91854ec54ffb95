"""The catalogue of factors: names, plans, months needed, and what is computed beside values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from msgspec.structs import replace

from decision_service.author.check import markdown, range_of
from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, Factors, ValueType
from decision_service.domain.needs import DataPolicy, FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import (
    Account,
    Contribution,
    EstimatedIncome,
    Provider,
    Read,
    Snapshot,
)
from decision_service.domain.values import AsOf, Cause, Month
from decision_service.factors.compute import compute, fetch_plan
from decision_service.factors.registry import Family, catalogue, registered
from tests.oracles.applicants import PROVIDERS as MADE_UP_PROVIDERS
from tests.unit.factors.test_golden import plus_zone, read_case, read_policy, read_snapshot

NAMED_BY_HAND = {
    "accounts": 8,
    "contributions": 36,
    "employment": 12,
    "history": 20,
    "identity": 2,
    "income": 67,
    "liabilities": 19,
    "links": 5,
    "match": 4,
    "reuse": 4,
    "transactions": 49,
}


def test_the_catalogue_is_sorted_and_complete() -> None:
    """Every family has as many factors as its design lists."""
    names = list(catalogue())
    assert names == sorted(names)
    counts = dict.fromkeys(NAMED_BY_HAND, 0)
    for spec in catalogue().values():
        counts[spec.family] += 1
    assert counts == NAMED_BY_HAND


def test_every_factor_that_another_is_computed_from_exists() -> None:
    """`derived_from` names factors of the catalogue, and never the factor itself."""
    for name, spec in catalogue().items():
        assert set(spec.derived_from) <= set(catalogue()) - {name}, name


def test_ages_are_for_knock_outs_alone() -> None:
    """No score, price or limit may use an age."""
    ages = {name for name, spec in catalogue().items() if spec.knock_out_only}
    assert ages == {"identity.age_years", "identity.age_at_maturity_years"}


NAMED_BY_THE_VENDOR = {"income.scheme_conflict"}
"""Texts whose values are the vendor's own names, so that no list of labels holds them."""


def test_every_contract_is_written_out() -> None:
    """Sentence, formula, causes and, but for own facts, kinds are there, with no placeholder."""
    for spec in catalogue().values():
        text = f"{spec.name} {spec.sentence} {spec.formula}"
        assert "{" not in text, spec.name
        assert spec.sentence.endswith("."), spec.name
        assert spec.formula.endswith("."), spec.name
        assert spec.kinds or registered(spec.name).of_own_facts, spec.name
        assert spec.causes, spec.name
        named = spec.type is ValueType.TEXT and spec.name not in NAMED_BY_THE_VENDOR
        assert named == bool(spec.labels), spec.name


def test_a_name_cannot_be_registered_twice() -> None:
    """A second factor of one name is an error at import."""
    family = Family("income", frozenset(), frozenset())
    with pytest.raises(ValueError, match=r"income\.months_total is registered twice"):
        family.factor("months_total", ValueType.INTEGER, "S.", "F.")(lambda case: case)  # type: ignore[arg-type,return-value] # never called


def test_the_catalogue_cannot_be_changed() -> None:
    """It is a contract, not a registry that others write to."""
    with pytest.raises(TypeError):
        catalogue()["income.mine"] = catalogue()["income.months_total"]  # type: ignore[index] # on purpose


def test_the_documentation_names_every_factor_and_its_limits() -> None:
    """The page follows from the registry, and says what parity is worth."""
    text = markdown()
    assert all(f"### `{name}`" in text for name in catalogue())
    assert "against the real vendor it is unverified" in text
    assert markdown() == text


def test_ranges_read_as_words() -> None:
    """Labels are listed, open ends are said."""
    assert range_of(catalogue()["employment.status"]) == "EMPLOYED, GIG, UNEMPLOYED"
    assert range_of(catalogue()["income.months_total"]) == "at least 0"
    assert range_of(catalogue()["income.change_6m"]) == "any"


def test_the_comparison_names_factors_that_exist() -> None:
    """Each of the guide's and the vendor's factors points at one of ours."""
    rows = re.findall(r"^\| (.+?) \| `([\w.]+)` \|", markdown(), re.MULTILINE)
    assert {ours for _, ours in rows} <= set(catalogue())
    theirs = [name for name, _ in rows]
    assert len(theirs) == len(set(theirs)) == 49


UNDIRECTED = """
accounts.oldest_connection_days accounts.pending_count contributions.schemes_count
employment.employers_count employment.jobs_started_24m employment.months_since_last_end
employment.months_to_end employment.next_end_date
employment.status identity.age_at_maturity_years identity.age_years income.gig_share_12m
history.approvals_1d history.approvals_30d history.approvals_7d history.approvals_90d
history.last_decline_date history.today income.jobs_count income.next_due_date
income.payroll_share_12m income.scheme_conflict income.top_job_share_12m income.weakest_grade_6m
liabilities.loan_amount_average liabilities.loan_amount_max liabilities.loan_amount_min
liabilities.loan_amount_total liabilities.loan_count links.days_since_first
match.birth_date match.email match.name match.phone transactions.fee_presence_91d
"""


def test_a_factor_has_a_direction_unless_neither_way_helps() -> None:
    """Fees, cash-outs and the factors named here have none; every other factor has one."""
    spreads = (".fees_", ".fee_ratio_", ".withdrawals_")
    undirected = {name for name, spec in catalogue().items() if spec.better is Better.NONE}
    assert undirected == {
        *UNDIRECTED.split(),
        *(name for name in catalogue() if any(part in name for part in spreads)),
    }


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


LATE_NOVEMBER = AsOf.at(datetime(2026, 11, 25, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))

SETTLED = Month.of(date(2026, 10, 1)).index

NEEDS = {name: spec.needs_months for name, spec in catalogue().items() if spec.needs_months}


def _snapshot(months):
    """Somebody with so many months of varying estimated income and contributions, up to now."""
    settled = [Month(SETTLED - back) for back in range(months)]
    synced = LATE_NOVEMBER.instant - timedelta(hours=3)
    return Snapshot(
        user_id="user",
        accounts=(Account("sss_ph", "sss_ph", "CONNECTED", synced, None, synced),),
        providers=MADE_UP_PROVIDERS,
        incomes=Read(),
        employments=Read(),
        transactions=Read(),
        eincomes=Read(
            tuple(
                EstimatedIncome(f"e{m.index}", "sss_ph", m.index, "PHP", 900_000 + m.index)
                for m in settled
            )
        ),
        contributions=Read(
            tuple(
                Contribution(f"c{m.index}", "sss_ph", m.last_day, "PHP", 100_000 + m.index)
                for m in settled
            )
        ),
    )


def _causes(name, months):
    found = compute(_snapshot(months), Needs((name,), DataPolicy("PHP")), LATE_NOVEMBER).values[
        name
    ]
    return {missing.cause for missing in found.missing}


@pytest.mark.parametrize("name", NEEDS)
def test_needs_months_is_where_short_history_ends(name):
    """A factor is missing with one observed month less than it needs, and there with as many."""
    assert _causes(name, NEEDS[name] - 1) == {Cause.SHORT_HISTORY}
    assert _causes(name, NEEDS[name]) == set()


def test_every_factor_of_months_that_can_be_too_short_says_how_long():
    """No factor of monthly series is short of history without saying how much it needs."""
    names = [n for n in catalogue() if n.startswith(("income.", "contributions."))]
    found = compute(_snapshot(1), Needs(tuple(names), DataPolicy("PHP")), LATE_NOVEMBER).values
    short = {n for n in names if any(m.cause is Cause.SHORT_HISTORY for m in found[n].missing)}
    assert short <= set(NEEDS)


CASES = yaml.load(
    (Path(__file__).parents[2] / "cases" / "beside" / "compute.yaml").read_text("utf-8"),
    yaml.CBaseLoader,
)

SSS = {"id": "a", "provider": "sss_ph", "synced": "2026-11-20T00:00:00Z"}

RIDER = {"id": "l", "provider": "lalamove_ph", "synced": "2026-11-10T00:00:00Z"}

ARCHIVE = {"id": "s", "type": "ARCHIVE", "provider": "grab_ph"}


def result(names: tuple[str, ...], policy: dict[str, Any] | None = None, **parts: Any) -> Factors:
    """The factors of an applicant written as in the golden cases."""
    needs = Needs(names, read_policy(policy or {}))
    return compute(read_snapshot(parts), needs, AS_OF)


def shown(value: object) -> object:
    """A part of a report as a case writes it."""
    if value is None:
        return "none"
    return [*map(str, value)] if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_reported_beside_values(case: dict[str, Any]) -> None:
    """Kinds, sources, syncs, evidence and causes are those that the case names."""
    found = result(tuple(case["factors"]), **case["given"])
    named = case.get("kinds", {})
    assert {kind: shown(found.kinds.get(Kind(kind))) for kind in named} == named
    if "sources" in case:
        sources = [
            [one.id, one.status, "used" if one.used else "unused", one.error_code or "none"]
            for one in found.sources
        ]
        assert sources == case["sources"]
    assert case.get("oldest", shown(found.oldest_used_sync)) == shown(found.oldest_used_sync)
    for value in found.values.values():
        for part, of in (("evidence", value.evidence), ("missing", [*value.missing, None][0])):
            expected = case.get(part, {})
            assert {name: shown(getattr(of, name)) for name in expected} == expected


def test_only_named_factors_are_computed() -> None:
    """The values are those asked for, in the order asked for."""
    names = ("income.months_12m", "accounts.connected_count")
    assert tuple(result(names, accounts=[SSS]).values) == names


def test_sources_have_the_names_of_their_providers() -> None:
    """Of accounts and archives, as the reading had them; without a name there is none."""
    found = read_snapshot({"accounts": [SSS, RIDER], "sources": [ARCHIVE]})
    named = [replace(one, name=one.id.upper()) for one in found.providers if one.id != "sss_ph"]
    sources = compute(replace(found, providers=tuple(named)), Needs((), read_policy({})), AS_OF)
    told = {one.id: one.provider_name for one in sources.sources}
    assert told == {"a": "", "l": "LALAMOVE_PH", "s": "GRAB_PH"}


def test_numbers_have_thirty_four_digits() -> None:
    """A third is rounded half-even at the 34th digit."""
    value = result(
        ("transactions.fee_ratio_1m",),
        accounts=[RIDER],
        transactions=[["l", "2026-10-05", "Trip", "3"], ["l", "2026-10-05", "Fee", "-2"]],
    ).values["transactions.fee_ratio_1m"]
    assert value.value == Decimal("0." + "6" * 33 + "7")


AGAIN = "of payslips of one period and employer the largest counts, as one pay"

OTHERS = "old is stale, and others show the income since"

STALE = "2026-10-01T00:00:00Z"

PAYROLL = """
  - {source: p, employer: Acme, start: 2026-08-01, end: 2026-08-31, net: "20000"}
  - {source: p, employer: Acme, start: 2026-09-01, end: 2026-09-30, net: "20000"}
  - {source: p, employer: Acme, start: 2026-10-01, end: 2026-10-31, net: "20000"}
"""

NOTED = {
    "an overtime run": (
        AGAIN,
        f"""
accounts: [{{id: p, provider: sprout_ph}}]
incomes: {PAYROLL}
  - {{source: p, employer: ACME INC, start: 2026-10-01, end: 2026-10-31, net: "3000"}}
""",
    ),
    "the same payslip twice": (
        None,
        f"""
accounts: [{{id: p, provider: sprout_ph}}]
incomes: {PAYROLL}
  - {{source: p, employer: ACME INC, start: 2026-10-01, end: 2026-10-31, net: "20000"}}
""",
    ),
    "a stale scheme": (
        OTHERS,
        f"""
accounts: [{{id: p, provider: sprout_ph}}, {{id: old, provider: sss_ph, synced: {STALE}}}]
eincomes: [[old, 2026-05..2026-07, "20000"]]
incomes: {PAYROLL}
""",
    ),
    "an idle platform": (
        OTHERS,
        f"""
accounts: [{{id: p, provider: sprout_ph}}, {{id: old, provider: grab_ph, synced: {STALE}}}]
transactions: [[old, 2026-02-10, Trip, "500"], [old, 2026-03-10, Trip, "500"]]
incomes: {PAYROLL}
""",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_the_evidence_says_what_was_left_out(name: str) -> None:
    """Pay that was told twice with two amounts, and accounts whose age taints no income."""
    note, written = NOTED[name]
    given = yaml.load(written, yaml.CBaseLoader)
    case = read_case(name, {**given, "expect": {"income.sum_3m": ""}})
    found = compute(case.snapshot, case.needs, case.as_of).values["income.sum_3m"]
    assert found.value is not None
    assert found.value.minor == 6_000_000
    notes = [one for one in found.evidence.notes if one in (AGAIN, OTHERS)]
    assert notes == ([note] if note else [])
