"""Factors marked `parity` against the stand-in's own reading of the vendor's Insights.

Claimed for one account, one record a month and a full history only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Value
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import Account, Provider, Read, Snapshot
from decision_service.domain.values import AsOf, Money, Month
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from decision_service.smile.records import LISTINGS
from decision_service.standin.lists import NO_DATA
from decision_service.standin.sources import estimates, loan
from decision_service.standin.world import DataSource, Origin, source
from tests.fakes.examples import examples
from tests.oracles.vendor_insights import features
from tests.unit.smile.vendor import body_of

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
LAST = Month.parse("2026-10")
PAIRS = {
    "income.average_6m": "incomes_last6_months_amount_average",
    **{
        f"income.{name}_{n}m": f"incomes_last{n}_months_amount_{name}"
        for name in ("sum", "median")
        for n in (3, 6, 12)
    },
}
LOANS = {
    **{
        f"liabilities.loan_amount_{name}": f"liabilities_loan_amount_{name}"
        for name in ("total", "average", "min", "max")
    },
    "liabilities.loan_count": "liabilities_loan_count",
    "liabilities.finished_count": "liabilities_finished_loan_count",
    "liabilities.outstanding_count": "liabilities_outstanding_loan_count",
    "liabilities.overdue_count": "liabilities_overdue_loan_count",
    "liabilities.outstanding_total": "liabilities_outstanding_amount_total",
    "liabilities.outstanding_average": "liabilities_outstanding_amount_average",
    "liabilities.outstanding_max": "liabilities_outstanding_amount_max",
    "liabilities.overdue_total": "liabilities_overdue_amount_total",
    "liabilities.overdue_average": "liabilities_overdue_amount_average",
}


def one_account(amounts: list[int]) -> DataSource:
    """A scheme's account with an estimate of whole pesos for each of the last months."""
    origin = Origin("tenantId-parity", "sss_ph", NOW, NOW)
    span = range(LAST.index - len(amounts) + 1, LAST.index + 1)
    paid = dict(zip(span, amounts, strict=True))
    return source(origin, {"eincomes": estimates(origin, span, lambda month: paid[month])})


def snapshot_of(given: DataSource, kind: Kind) -> Snapshot:
    """The same account as the factors see it."""
    listing = LISTINGS[kind]
    items = listing.decode(body_of(list(given.of(kind.value)))).items or []
    reads = {"incomes": Read(), "employments": Read()}
    reads[kind.value] = Read(tuple(listing.record(item, given.id) for item in items))
    return Snapshot(
        "user",
        (Account(given.id, "sss_ph", "CONNECTED", NOW, None, NOW),),
        providers=(Provider("sss_ph", "GOVERNMENT", (kind.value.upper(),)),),
        **reads,
    )


def indebted(loans: int) -> DataSource:
    """A scheme's account with so many loans, of which the third is paid and the first overdue."""
    origin = Origin("tenantId-parity", "sss_ph", NOW, NOW)
    made = [
        loan(
            origin,
            f"loan {n}",
            LAST.index - 12 * n,
            24,
            principal=10_000.0 * n,
            amortization=450.25 * n,
            paid=24 if n == 3 else 5,
            overdue=450.25 if n == 1 else 0,
        )
        for n in range(1, loans + 1)
    ]
    return source(origin, {"liabilities": made})


def expected(feature: float) -> Decimal | None:
    """The stand-in's figure in our terms; None where it has none."""
    return None if feature == NO_DATA else Decimal(str(feature))


def plain(value: Value | None) -> Decimal | None:
    """A factor's value as a number in major units."""
    if isinstance(value, Money):
        return value.major
    return None if value is None else Decimal(str(value))


def tolerance(name: str) -> Decimal:
    """What the stand-in's own rounding can make of its figure; most are exact."""
    return Decimal("0.01") if "average" in name else Decimal(0)


def assert_equal(snapshot: Snapshot, given: DataSource, pairs: dict[str, str]) -> None:
    """Each factor is the stand-in's figure, or missing where it has none."""
    as_of = AsOf.at(NOW, ZoneInfo("Asia/Manila"))
    ours = compute(snapshot, Needs(tuple(pairs), DataPolicy("PHP")), as_of).values
    theirs = features(given, NOW)
    for name, feature in pairs.items():
        told, value = expected(theirs[feature]), plain(ours[name].value)
        if told is None or value is None:
            assert told is value, name
        else:
            assert abs(told - value) <= tolerance(name), name


def test_every_parity_factor_has_its_counterpart() -> None:
    """Factors are marked `parity` where the vendor has the like."""
    marked = {spec.name for spec in catalogue().values() if spec.parity}
    assert marked == set(PAIRS)


@settings(max_examples=examples(150), deadline=None)
@drawn(st.lists(st.integers(1, 12).map(lambda n: n * 2500), min_size=1, max_size=36))
def test_parity_factors_equal_the_vendors_meaning(amounts: list[int]) -> None:
    """One account with one record a month gives the stand-in's figure for every parity factor."""
    given = one_account(amounts)
    assert_equal(snapshot_of(given, Kind.EINCOMES), given, PAIRS)


@pytest.mark.parametrize("loans", [1, 2, 4])
def test_loan_factors_equal_the_vendors_meaning(loans: int) -> None:
    """One scheme's loans give the stand-in's counts, sums and statistics."""
    given = indebted(loans)
    assert_equal(snapshot_of(given, Kind.LIABILITIES), given, LOANS)
