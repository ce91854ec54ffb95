"""Drift in bins at the rules' own cut points: the index, its chance, and what is called a drift."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.factor import FactorValue, ValueType
from decision_service.domain.values import Cause, Missing, Money
from decision_service.workbench.monitor.drift import (
    DriftRow,
    Histogram,
    Scale,
    chance,
    critical,
    drift_of,
    holm,
    pooled,
    psi,
    scales_of,
)
from decision_service.workbench.monitor.read import observed
from decision_service.workbench.monitor.report import ObservedDecision, PopulationTally
from tests.fakes.cases import STRICTER, changed_rules, version
from tests.fakes.world import PRODUCT, rulebook, shipped_rules
from tests.kits.recorded_people import DAYS, decided
from tests.unit.smile.virtual import run

BY_OPTBINNING = [
    ([328, 52], [88, 109], 0.8561451660792507),
    ([88, 324, 350], [241, 34, 55], 1.887270643195365),
    ([146, 184, 256, 202, 120], [80, 282, 299, 32, 63], 0.4868200928944083),
]
"""What `optbinning.binning.metrics.jeffrey` of optbinning 1.0.0 says of these counts."""

_PAYDAYS = "1 < coalesce(income.paydays_missed, 0) and income.paydays_missed <= 3"
_CHANGES = (
    (STRICTER[0], STRICTER[0].replace("8000", "9000")),
    ("when: income.paydays_missed >= 1", f"when: {_PAYDAYS} and income.months_24m == 24"),
    ("\nparams:", "\nsegments: [inputs.customer_type]\nparams:"),
    ("value: 0.40,", "value: {new: 0.40, default: 0.5},"),
)
_TEN = Scale("x", ValueType.INTEGER, tuple((Decimal(n), False) for n in range(1, 8)))


@pytest.mark.parametrize(("before", "now", "index"), BY_OPTBINNING)
def test_the_index_is_that_of_optbinning(before: list[int], now: list[int], index: float) -> None:
    """Either way round, and nothing where nothing differs; an empty bin counts as half a person."""
    assert psi(before, now) == pytest.approx(index, rel=1e-12)
    assert psi(now, before) == pytest.approx(index, rel=1e-12)
    assert psi(before, before) == 0
    empty = pytest.approx(0.45 * log(10) - 0.5 * log(0.5))
    assert (psi([10, 0], [5, 5]), psi([5, 5], [10, 0])) == (empty, empty)


@given(st.integers(1, 60), st.floats(0.001, 200))
def test_the_chance_is_chi_square(freedom: int, statistic: float) -> None:
    """As scipy has it, and the critical value is where the chance is the level."""
    from scipy.stats import chi2  # two seconds, which collecting need not take

    assert chance(statistic, freedom) == pytest.approx(chi2.sf(statistic, freedom), abs=1e-12)
    assert chance(0, freedom) == 1
    assert critical(freedom) == pytest.approx(chi2.isf(0.05, freedom), rel=1e-9)


def test_holm_adjusts_as_published() -> None:
    """The example of R's p.adjust, in any order, and each at least what it was."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_bins_begin_where_the_rules_turn() -> None:
    """At parameters of the day and of labels, a scorecard's bins, above whole numbers, at bands."""
    rules = version(changed_rules(9, *_CHANGES), 9)
    found = {one.name: one.bins[:-2] for one in scales_of(rules, date(2026, 11, 1))}
    by_income = ("below 0", "0 to below 9,000", "9,000 to below 30,000")
    assert found["income.conservative_6m"][:3] == by_income
    assert found["income.volatility_6m"] == ("below 0.15", "0.15 to below 0.4", "0.4 and more")
    assert found["income.paydays_missed"] == ("below 2", "2 to below 4", "4 and more")
    by_label = "up to 0.4", "above 0.4 to 0.5", "above 0.5"
    assert found["income.source_disagreement_6m"] == by_label
    assert found["stability.score"][1] == "280 to below 340"
    assert found["employment.started_since_backed"] == ("true", "false", "other")
    assert found["liabilities.monthly_amortization"] == ("any value",)
    assert found["accounts.connected_count"][0] == "below 1"
    later = {one.name: one for one in scales_of(rules, date(2026, 12, 1))}
    assert [name for name, one in later.items() if one.score] == ["stability.score"]
    assert found["income.months_24m"] == ("below 4", "4 to below 24", "24 and more")
    assert later["income.months_24m"].bins[0] == "below 6"
    assert str(later["income.conservative_6m"].cuts[1][0]) == "9000"


_CUTS = st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=1, unique=True)


@given(_CUTS, st.integers(-20, 20))
def test_a_value_lies_between_the_cuts_beside_it(given_cuts, halves) -> None:
    """The place of a value is the number of cut points that it lies above."""
    value = Decimal(halves) / 2
    ordered = tuple((Decimal(at), after) for at, after in sorted(given_cuts))
    scale = Scale("x", ValueType.NUMBER, ordered)
    below = sum(value > at or (value == at and not after) for at, after in ordered)
    assert scale.place(FactorValue("x", value)) == below
    assert len(set(scale.bins)) == len(ordered) + 3


def test_stale_and_missing_are_bins_of_their_own() -> None:
    """What was not recorded is in none, a score that was not given is missing."""
    scale = Scale("x", ValueType.MONEY, ((Decimal(8000), False),))
    gone = [FactorValue("x", None, (Missing(cause),)) for cause in (Cause.STALE, Cause.NO_DATA)]
    found = [scale.place(one) for one in (FactorValue("x", Money("PHP", 799_999)), *gone, None)]
    assert found == [0, -2, -1, None]
    assert [scale.bins[n] for n in (-2, -1)] == ["stale", "missing"]
    assert Scale("x.score", ValueType.NUMBER, score=True).place(None) == -1
    words = Scale("x", ValueType.TEXT, labels=("true", "B"))
    assert [words.place(FactorValue("x", one)) for one in (True, "B", "C")] == [0, 1, 2]


_PRODUCT = rulebook(shipped_rules()).product(PRODUCT)


@pytest.fixture(scope="module")
def people() -> list[ObservedDecision]:
    """Decisions by the shipped rules, whose factors depend on each other."""
    return [observed(one) for one in run(decided(_PRODUCT, 120))]


def _drift(people, later, sizes: tuple[int, int], seed: int) -> tuple[DriftRow, ...]:
    """The rows of samples of either people, each drawn as an applicant of its own."""
    scales, draw = scales_of(_PRODUCT.champion, DAYS[0].date()), Random(seed)
    samples = PopulationTally(scales), PopulationTally(scales)
    for tally, every, many in zip(samples, (people, later), sizes, strict=True):
        for number in range(many):
            tally.add(replace(draw.choice(every), user_id=str(number)))
    return drift_of(*(one.histograms(scales) for one in samples), scales)


@pytest.mark.long
def test_a_hundred_undrifted_populations_raise_no_more_than_the_stated_alarms(people) -> None:
    """Of 100 reports at most as many as 5 % leaves to chance (1 in 1,000), of any sizes."""
    draw, every = Random(20261130), range(100)
    sizes = [(draw.randint(200, 900), draw.randint(50, 900)) for _ in every]
    found = [_drift(people, people, sizes[seed], seed) for seed in every]
    assert min(sum(row.psi is not None for row in rows) for rows in found) > 20
    assert sum(any(row.drifted for row in rows) for rows in found) <= 13


@pytest.mark.long
def test_a_planted_drift_of_one_factor_is_found_and_no_other(people) -> None:
    """Every tenth has a stale value; the row comes first, with the probabilities of scipy."""
    name, late = "income.conservative_6m", (Missing(Cause.STALE),)
    stale = [{**one.values, name: FactorValue(name, None, late)} for one in people[::10]]
    now = [*people, *(replace(people[0], values=each) for each in stale)]
    found = _drift(people, now, (600, 400), 3)
    assert [row.name for row in found if row.drifted] == [name]
    judged = [row for row in found if row.psi is not None]
    assert judged == sorted(judged, key=lambda row: row.probability)
    from scipy.stats import chi2, chi2_contingency

    for row in judged:
        counts = pooled(row.baseline.counts, row.now.counts)
        test = chi2_contingency(counts, correction=False)
        assert (row.probability, row.bins - 1) == (pytest.approx(test.pvalue), test.dof)
        assert row.threshold == pytest.approx(chi2.isf(0.05, test.dof) / 240)


def test_a_small_baseline_is_shown_and_judges_nothing() -> None:
    """Nor does a factor of which all are in one bin, once bins under 10 applicants are joined."""
    small, enough = (Histogram(_TEN, (n, *[0] * 9)) for n in (199, 200))
    moved = Histogram(_TEN, (0, 900, *[0] * 8))
    [row] = drift_of([small], [moved], [])
    assert (row.psi, row.drifted, row.recut) == (None, False, True)
    assert (row.baseline, row.now) == (small, moved)
    assert drift_of([enough], [moved], [])[0].drifted
    assert pooled([90, 10], [90, 10]) == ([90, 10], [90, 10])
    assert pooled([91, 9], [90, 10]) == ([100], [100])
    assert pooled([3, 2], [4, 1]) == ([5], [5])
    even = Histogram(_TEN, (900, *[0] * 9))
    assert drift_of([even], [even], [_TEN])[0].psi is None
