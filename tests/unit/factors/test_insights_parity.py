"""Factors marked `parity` against the stand-in's own reading of the vendor's Insights.

Claimed for one account, one record a month and a full history only. Two things the vendor's
document leaves open are read differently and converted here: the stand-in's growth is a fraction
and ours is in percent; its standard deviation is the population's and ours a sample's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from random import Random
from zoneinfo import ZoneInfo

import pytest

from decision_service.domain.factor import Value
from decision_service.domain.money import Money
from decision_service.domain.months import Month
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import Account, EstimatedIncome, Provider, Read, Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from decision_service.simulator.government import estimates
from decision_service.simulator.insights import NO_DATA, NOT_COMPUTABLE, features
from decision_service.simulator.shapes import Origin, source
from decision_service.simulator.world import Source

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
LAST = Month.parse("2026-10")
STATISTICS = ("sum", "average", "min", "max", "median", "std")
PAIRS = {
    "income.current_amount": "incomes_current_amount",
    "income.starting_amount": "incomes_starting_amount",
    "income.growth_12m": "incomes_latest_growth",
    "income.months_at_max_18m": "incomes_last18_months_max_amount_count",
    **{f"income.{name}_all": f"incomes_amount_{name}" for name in STATISTICS},
    **{
        f"income.{name}_{n}m": f"incomes_last{n}_months_amount_{name}"
        for name in STATISTICS
        for n in (3, 6, 9, 12, 18)
    },
}
WITHOUT_A_PAIR = {f"income.{name}_24m" for name in STATISTICS}


def one_account(months: int) -> Source:
    """A scheme's account with an estimate of whole pesos for each of the last months."""
    origin = Origin("tenantId-parity", "sss_ph", NOW, NOW)
    dice = Random(months)
    span = range(LAST.index - months + 1, LAST.index + 1)
    return source(
        origin, {"eincomes": estimates(origin, span, lambda _: dice.randint(1, 4) * 5000)}
    )


def snapshot_of(given: Source) -> Snapshot:
    """The same account as the factors see it."""
    incomes = tuple(
        EstimatedIncome(
            item["id"], given.id, Month.parse(item["month"]).index, "PHP", int(item["amount"] * 100)
        )
        for item in given.of("eincomes")
    )
    return Snapshot(
        "user",
        (Account(given.id, "sss_ph", "CONNECTED", NOW, None, NOW),),
        providers=(Provider("sss_ph", "GOVERNMENT", ("EINCOMES",)),),
        eincomes=Read(incomes),
        incomes=Read(),
    )


def expected(name: str, feature: float, records: int) -> Decimal | None:
    """The stand-in's figure in our terms; None where it has none."""
    if feature in (NO_DATA, NOT_COMPUTABLE):
        return None
    figure = Decimal(str(feature))
    if name == "income.growth_12m":
        return figure * 100
    if ".std_" in name:
        return None if records < 2 else figure * (Decimal(records) / (records - 1)).sqrt()
    return figure


def plain(value: Value | None) -> Decimal | None:
    """A factor's value as a number in major units."""
    if isinstance(value, Money):
        return value.major
    return None if value is None else Decimal(str(value))


def tolerance(name: str) -> Decimal:
    """What the stand-in's own rounding can make of its figure; most are exact."""
    if name == "income.growth_12m":
        return Decimal("0.005")
    return Decimal("0.013") if ".std_" in name else Decimal(0)


def records_in(name: str, months: int) -> int:
    """How many records a factor's window holds."""
    window = name.rsplit("_", 1)[-1].removesuffix("m")
    return min(months, int(window)) if window.isdigit() else months


def test_every_parity_factor_has_its_counterpart() -> None:
    """Factors are marked `parity` where the vendor has the like, or has it for less time."""
    marked = {spec.name for spec in catalogue().values() if spec.parity}
    assert marked == set(PAIRS) | WITHOUT_A_PAIR


@pytest.mark.parametrize("months", [1, 2, 5, 12, 13, 14, 24, 30])
def test_parity_factors_equal_the_vendors_meaning(months: int) -> None:
    """One account with one record a month gives the stand-in's figure for every parity factor."""
    given = one_account(months)
    as_of = AsOf.at(NOW, ZoneInfo("Asia/Manila"))
    needs = Needs(tuple(PAIRS), DataPolicy("PHP"))
    ours = compute(snapshot_of(given), needs, as_of).values
    theirs = features(given, NOW)
    with localcontext(prec=34):
        for name, feature in PAIRS.items():
            told = expected(name, theirs[feature], records_in(name, months))
            value = plain(ours[name].value)
            if told is None or value is None:
                assert told is value, name
            else:
                assert abs(told - value) <= tolerance(name), name
