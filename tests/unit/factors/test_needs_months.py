"""How many observed months a factor says that it needs is how many it needs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.snapshot import Account, Contribution, EstimatedIncome, Read, Snapshot
from decision_service.domain.values import AsOf, Cause, Month
from decision_service.factors.compute import compute
from decision_service.factors.registry import catalogue
from tests.oracles.applicants import PROVIDERS

AS_OF = AsOf.at(datetime(2026, 11, 25, 4, tzinfo=UTC), ZoneInfo("Asia/Manila"))
SETTLED = Month.of(date(2026, 10, 1)).index
NEEDS = {name: spec.needs_months for name, spec in catalogue().items() if spec.needs_months}


def _snapshot(months):
    """Somebody with so many months of varying estimated income and contributions, up to now."""
    settled = [Month(SETTLED - back) for back in range(months)]
    synced = AS_OF.instant - timedelta(hours=3)
    return Snapshot(
        user_id="user",
        accounts=(Account("sss_ph", "sss_ph", "CONNECTED", synced, None, synced),),
        providers=PROVIDERS,
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
    found = compute(_snapshot(months), Needs((name,), DataPolicy("PHP")), AS_OF).values[name]
    return {missing.cause for missing in found.missing}


@pytest.mark.parametrize("name", NEEDS)
def test_needs_months_is_where_short_history_ends(name):
    """A factor is missing with one observed month less than it needs, and there with as many."""
    assert _causes(name, NEEDS[name] - 1) == {Cause.SHORT_HISTORY}
    assert _causes(name, NEEDS[name]) == set()


def test_every_factor_of_months_that_can_be_too_short_says_how_long():
    """No factor of monthly series is short of history without saying how much it needs."""
    names = [n for n in catalogue() if n.startswith(("income.", "contributions."))]
    found = compute(_snapshot(1), Needs(tuple(names), DataPolicy("PHP")), AS_OF).values
    short = {n for n in names if any(m.cause is Cause.SHORT_HISTORY for m in found[n].missing)}
    assert {n for n in short if "_std" not in n and "std_" not in n} <= set(NEEDS)
