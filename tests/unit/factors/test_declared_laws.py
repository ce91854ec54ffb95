"""Laws that are declared between factors, income history, and good riders."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.casework.recourse_changes import formula
from decision_service.decide.history import HistoryOf, Past, PastDecision, history_of
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Better, Mover, ValueType
from decision_service.domain.needs import DataPolicy, Needs, SchemeCeiling
from decision_service.domain.person import OwnFacts
from decision_service.domain.snapshot import Account, EstimatedIncome, Income, Read, Snapshot
from decision_service.domain.values import AsOf, Money, Month, noon
from decision_service.factors.compute import compute
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER
from decision_service.factors.monthly_income import (
    MONTHS,
    IncomeMonth,
    IncomePart,
    MonthState,
    last_income_months,
    reads_income,
)
from decision_service.factors.registry import catalogue
from decision_service.factors.usage import FETCHED_KINDS
from tests.fakes.examples import examples
from tests.fakes.world import whole_rulebook
from tests.oracles.applicants import applicant
from tests.oracles.draft import PROVIDERS
from tests.unit.factors.test_golden import cases, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALL = tuple(catalogue())

OWN = tuple(name for name in ALL if name.startswith("history."))

AS_OF = AsOf.at(datetime(2026, 11, 26, 4, tzinfo=UTC), UTC)

TRUTH = {law.name: formula(law.expression, ValueType.FLAG, "PHP") for law in LAWS}

MADE = {one.factor: formula(one.expression, ValueType.NUMBER, "PHP") for one in DEFINITIONS}

PAST = st.tuples(
    st.integers(0, 120),
    st.sampled_from([Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE]),
    st.sampled_from(["personal-loan-ph", "gig-advance-ph"]),
)


def values(seed):
    """All factors of a made-up applicant, in pesos."""
    case = applicant(seed)
    return compute(case.snapshot, Needs(ALL, case.policy, case.term_months), case.as_of).values


def broken(found):
    """The laws that some values contradict."""
    return [name for name, law in TRUTH.items() if law.of(found) is False]


def split(found):
    """The groups of factors missing together of which only some are missing."""
    return [group for group in TOGETHER if len({lacks(found[name]) for name in group}) > 1]


def lacks(factor):
    """Whether a value is missing, and whether tainted."""
    return factor.value is None, any(one.cause.tainted for one in factor.missing)


@settings(max_examples=examples(120), deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_laws_hold_of_every_applicant(seed):
    """No applicant breaks a law, lacks a group in part, or has another value than is defined."""
    found = values(seed)
    assert broken(found) == []
    assert split(found) == []
    for name, made in MADE.items():
        if found[name].value is not None:
            assert made.of(found) == found[name].value


@pytest.mark.long
def test_the_laws_hold_of_every_case_worked_out_by_hand():
    """No hand-written applicant breaks a law or lacks a group in part."""
    for case in cases():
        if case.needs.policy.currency == "PHP":
            needs = Needs(ALL, case.needs.policy, case.needs.term_months)
            found = compute(case.snapshot, needs, case.as_of).values
            assert broken(found) == [], case.name
            assert split(found) == [], case.name


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(PAST, max_size=6))
def test_the_laws_of_own_records_hold_of_every_past(past):
    """Whatever was decided before, the counts of longer windows hold those of shorter ones."""
    decided = tuple(decision(number, *row) for number, row in enumerate(past))
    about = HistoryOf("personal-loan-ph", "PHP", AS_OF)
    own = OwnFacts(history=history_of(about, [Past(len(decided), decided)]))
    needs = Needs(OWN, DataPolicy("PHP"), None)
    found = compute(Snapshot("user-1", accounts=()), needs, AS_OF, own).values
    assert broken(found) == []
    assert split_of_own(found) == []


def split_of_own(found):
    """The groups of own records of which only some are missing."""
    groups = [group for group in TOGETHER if set(group) <= set(OWN)]
    return [group for group in groups if len({lacks(found[name]) for name in group}) > 1]


def decision(number, days, outcome, product):
    """A decision of so many days ago."""
    created = datetime.combine(AS_OF.date - timedelta(days=days), time(3), UTC)
    return PastDecision(
        decision_id=f"dec_{number}",
        user_id="user-1",
        caller="los",
        customer_ref="",
        product=product,
        outcome=outcome,
        created=created,
        currency="PHP",
        approved=None,
        instalment=None,
        expires=None,
        loans=None,
    )


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("income.count_12m >= income.months_12m", 62),
        ("contributions.months_3m <= max(3 - contributions.months_since_last, 0)", 372),
        ("liabilities.overdue_count <= liabilities.outstanding_count", 143),
    ],
)
def test_what_is_no_law_is_broken_by_somebody(text, seed):
    """A pay period covers months without records; schemes differ; overdue loans may owe nothing."""
    assert formula(text, ValueType.FLAG, "PHP").of(values(seed)) is False


def test_every_law_is_stated_once_on_factors_of_one_family_or_more():
    """Names and expressions of laws are different, and each names at least two factors."""
    assert len({law.name for law in LAWS}) == len({law.expression for law in LAWS}) == len(LAWS)
    assert all(len(law.factors) > 1 or "==" in law.expression for law in LAWS)
    assert {name for law in LAWS for name in law.factors} <= set(ALL)
    assert {name for group in TOGETHER for name in group} <= set(ALL)


def test_what_an_applicant_moves_has_a_direction():
    """An applicant moves a factor the way that is better; ages and matches move by no doing."""
    moved = [spec for spec in catalogue().values() if spec.action.by is Mover.APPLICANT]
    assert moved
    assert all(spec.better is not Better.NONE for spec in moved)
    by = {name: spec.action.by for name, spec in catalogue().items()}
    assert by["liabilities.overdue_total"] is by["income.conservative_6m"] is Mover.APPLICANT
    assert by["income.months_24m"] is by["identity.age_years"] is Mover.WAITING
    for name in ("match.name", "links.connected_7d", "income.gig_share_12m"):
        assert by[name] is Mover.NOBODY


def test_a_law_on_a_name_that_is_no_factor_is_refused():
    """A mistyped factor is told with its name."""
    with pytest.raises(ValueError, match=r"unknown name `income\.months_25m`"):
        formula("income.months_25m > 0", ValueType.FLAG, "PHP")


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


CASES = yaml.safe_load((Path(__file__).parents[2] / "cases/riders.yaml").read_text())

TODAY = date(2026, 11, 20)

FACTORS = ("transactions.unfee_share_91d", "transactions.daily_variation_30d")

PRODUCTS = (("gig-advance-ph", 2), ("personal-loan-ph", 3))


def wallet(rider: Mapping[str, Any]) -> list[list[object]]:
    """Account, day, words and amount of each line of a year, the same at each run."""
    dice = Random(rider["name"])
    lines: list[list[object]] = []
    owed = 0
    for back in range(365, 0, -1):
        day = TODAY - timedelta(days=back)
        if day.weekday() < rider["days"]:
            span = rider["varies"]
            fares = [
                round(rider["fare"] * dice.uniform(1 - span, 1 + span))
                for _ in range(rider["trips"])
            ]
            lines += [["a", str(day), "Trip earnings", str(fare)] for fare in fares]
            fees = [round(fare * rider["commission"], 2) for fare in fares]
            tips = round(sum(fares) * rider["tips"] / (1 - rider["tips"]))
            lines += [["a", str(day), "Customer tip", str(tips)]] if tips else []
            if rider["fee"] == "trip":
                lines += [["a", str(day), "Commission", str(-fee)] for fee in fees if fee]
            else:
                owed += sum(fees)
        if owed and (rider["fee"] == "day" or day.weekday() == 6):
            lines.append(["a", str(day), "Commission", str(-round(owed, 2))])
            owed = 0
    return lines


def figures(rider: Mapping[str, Any], product: str, version: int) -> list[Decimal | None]:
    """The two factors of a rider, as a shipped version's data files have them."""
    ruleset = whole_rulebook().product(product).version(version)
    snapshot = read_snapshot(
        {
            "accounts": [
                {"id": "a", "provider": rider["provider"], "synced": f"{TODAY}T00:00:00Z"}
            ],
            "transactions": wallet(rider),
        }
    )
    found = compute(snapshot, Needs(FACTORS, ruleset.needs.policy), noon(TODAY, ruleset.zone))
    return [found.values[name].value for name in FACTORS]


def referred(rider: Mapping[str, Any], product: str, version: int) -> bool:
    """Whether one of the figures is beyond what the version allows."""
    unfee, variation = figures(rider, product, version)
    return (unfee or 0) > Decimal("0.35") or (variation is not None and variation < Decimal("0.03"))


@pytest.mark.parametrize("rider", CASES["good"], ids=lambda rider: rider["name"])
@pytest.mark.parametrize(("product", "version"), PRODUCTS)
def test_a_good_rider_is_not_referred(rider, product: str, version: int) -> None:
    """However the platform lists its fees, and with a third of tips at a tenth of commission."""
    assert not referred(rider, product, version), figures(rider, product, version)


@pytest.mark.parametrize("rider", CASES["bad"], ids=lambda rider: rider["name"])
@pytest.mark.parametrize(("product", "version"), PRODUCTS)
def test_money_in_a_circle_is_referred(rider, product: str, version: int) -> None:
    """Tips without trips, and days that pay the same."""
    assert referred(rider, product, version), figures(rider, product, version)
