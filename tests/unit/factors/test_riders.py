"""Good riders and money that goes in a circle, by the limits of the shipped rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from decision_service.domain.needs import Needs
from decision_service.domain.values import noon
from decision_service.factors.compute import compute
from tests.fakes.world import whole_rulebook
from tests.unit.factors.golden import read_snapshot

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
