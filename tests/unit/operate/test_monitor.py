"""A monitoring report: what it counts and marks, and drift in bins at the rules' own cuts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import log
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.author.backtest.render import decoded, encoded
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue, ValueType
from decision_service.domain.values import Cause, Missing, Money
from decision_service.operate.monitor.drift import (
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
from decision_service.operate.monitor.read import observed
from decision_service.operate.monitor.render import columns, html, periods, reasons
from decision_service.operate.monitor.report import (
    LoanState,
    Mark,
    MarkKind,
    MonitorReport,
    MonitorSubject,
    MonitorTally,
    ObservedDecision,
    ObservedLoan,
    PopulationTally,
    months_on_book,
    report_of,
)
from decision_service.rollout.impact import Interval
from tests.fakes.cases import STRICTER, changed_rules, version
from tests.fakes.world import PRODUCT, rulebook, shipped_rules
from tests.kits.recorded_people import DAYS as RECORDED_DAYS
from tests.kits.recorded_people import decided
from tests.unit.author.reports import report as impact
from tests.unit.smile.virtual import run

DAYS = (date(2026, 7, 1), date(2026, 9, 30))
SUBJECT = MonitorSubject("test-loan", *DAYS, "v2", "2" * 64, "1.0")
APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE
_NAMES = ("<b>", "north", "north", "north")
_ENDS = {**dict.fromkeys(range(141, 171), "thirty"), **dict.fromkeys(range(171, 200), "few")}
_GROUPS = {f"c-{n}": _ENDS.get(n, _NAMES[n % 4]) for n in range(200)}
_SCALE = Scale("x.score", ValueType.NUMBER, score=True)


def _decision(number: int, **changes: object) -> ObservedDecision:
    """One of 200: approved, referred or declined in turn, by v2 with another vendor from 120 on."""
    outcome = (APPROVE, REFER, DECLINE, DECLINE)[number % 4]
    late = number >= 120
    ids = {"decision_id": f"dec_{number}", "user_id": f"u-{number}", "customer_ref": f"c-{number}"}
    how = {"outcome": outcome, "judged": outcome, "reason": "" if outcome is APPROVE else "LOW"}
    rules = {"version": 1 + late, "digest": "12"[late], "arm": "champion", "program": "1.0"}
    data = {"values": {}, "providers": frozenset({"new" if late else "old"})}
    at = datetime(2026, 7, 1, 20, tzinfo=UTC) + timedelta(hours=number)
    plain: dict[str, object] = {**ids, **how, **rules, **data, "created": at}
    return ObservedDecision(**plain | changes)  # type: ignore[arg-type]  # fields of many types


_OUTSIDE = _decision(1, outcome=Outcome.NOT_ENROLLED, values=None, version=0, arm="", reason="")


def _report(*more: ObservedDecision, groups=None, forecast=None) -> MonitorReport:
    reviewed = {"dec_1": APPROVE, "dec_2": APPROVE, "dec_4": DECLINE, "dec_5": REFER}
    known = {"dec_0": False, "dec_8": True, "dec_1": True}.items()
    turned = (LoanState(0, bad=True, closed=False), LoanState(1, bad=False, closed=True))
    fallen = (LoanState(0, bad=False, closed=False), LoanState(1, bad=True, closed=True))
    loans = [ObservedLoan(one, *[DAYS[0]] * 2, fallen if bad else turned) for one, bad in known]
    tally = MonitorTally(ZoneInfo("Asia/Manila"), [_SCALE], reviewed, loans, groups)
    for one in (*map(_decision, range(200)), *more):
        tally.add(one)
    steps = [Mark(date(2026, 7, 3), MarkKind.PLAN, "advance: as planned")]
    return report_of(SUBJECT, tally, [_SCALE], steps, forecast=forecast)


def test_overrides_of_both_directions_have_their_loans() -> None:
    """A cap's referral of what the rules approved is no person's override."""
    capped = _decision(999, outcome=REFER, judged=APPROVE)
    rows = {
        (r.rules, r.person): (r.decisions, r.share.share, r.loans.loans, r.loans.bad)
        for r in _report(capped).overrides
    }
    assert rows == {
        (APPROVE, ""): (50, 50 / 51, 2, 1),
        (APPROVE, "DECLINE"): (1, 1 / 51, 0, 0),
        (REFER, "APPROVE"): (1, 1 / 50, 1, 1),
        (DECLINE, "APPROVE"): (1, 1 / 100, 0, 0),
    }


def test_volume_counts_every_decision_on_its_day_in_the_rules_zone() -> None:
    """Those not enrolled too; a second decision on an applicant is no second applicant."""
    again = _decision(0, decision_id="dec_again")
    found = _report(again, _OUTSIDE)
    assert (found.decisions, found.applicants) == (202, 200)
    assert found.population[0].counts == (0, 0, 200)
    assert sum(row.decisions for row in found.volume) == 202
    assert found.volume[0].day == date(2026, 7, 2)
    assert [(way.version, way.shares.of) for way in found.ways] == [(1, 121), (2, 80)]


def test_the_page_has_every_day_and_the_reasons_of_each_version() -> None:
    """Those not enrolled have no share of the outcomes, and a mark is on its day alone."""
    found = _report(_OUTSIDE)
    days = [*columns(found)]
    assert (days[0]["day"], days[-1]["day"], len(days)) == (*DAYS, 92)
    totals = [sum(each) for each in zip(*(one["counts"] for one in days), strict=True)]
    assert totals == [50, 50, 100]
    marks = {one["day"].day: one["marks"] for one in days if one["marks"]}
    assert marks == {3: [1], 7: [2, 3, 4]}
    assert [(one["way"].version, one["decisions"]) for one in reasons(found)] == [(1, 90), (2, 60)]
    page = html(found)
    assert "not enrolled" in page
    assert "not enrolled" not in html(_report())
    assert "No baseline was named" in page
    [month] = periods(found)
    assert (month["decisions"], month["not_enrolled"], month["shares"].of) == (201, 1, 200)
    assert next(periods(_report()))["not_enrolled"] == 0
    for days, name in ((31, "2026-07-02"), (32, "2026-07")):
        asked = replace(SUBJECT, until=DAYS[0] + timedelta(days - 1))
        first = next(periods(replace(found, subject=asked)))
        assert (first["name"], first["reason"]) == (name, "LOW")


def test_changes_of_rules_plan_and_vendor_are_marked() -> None:
    """On the day of the first decision after each; rules that decide by turns are no change."""
    marks = [(one.kind, one.text) for one in _report().marks]
    assert marks == [
        (MarkKind.PLAN, "advance: as planned"),
        (MarkKind.RULES, "first decision by v2 (2)"),
        (MarkKind.VENDOR, "first data of new"),
        (MarkKind.VENDOR, "last data of old"),
    ]
    # By chance 4 come last of 14 in 1 of 1,001 orders, of 13 in 1 of 715.
    for every, turn, begun in ((13, 13, 0), (14, 14, 3), (200, 9, 0)):
        tally = MonitorTally(ZoneInfo("UTC"), (), {}, (), None)
        for number in range(every):
            place = number % turn
            by = frozenset({"old" if place < 4 else "new"})
            rules = {"version": 1, "digest": "12"[place >= turn - 4]}
            tally.add(_decision(number, **rules, providers=by))
        assert len([*tally.marks()]) == begun


def test_vintages_count_what_is_known_at_an_age() -> None:
    """A closed loan stays as it is, an open one is known up to its newest report, or caught up."""
    states = (LoanState(1, bad=True, closed=False), LoanState(3, bad=False, closed=False))
    repaid = (LoanState(0, bad=False, closed=True),)
    days = date(2026, 7, 20), date(2026, 7, 30)
    loans = [ObservedLoan("d", *days, each) for each in (states, repaid, states[:1])]
    tally = MonitorTally(ZoneInfo("UTC"), (), {}, loans, None)
    [row] = report_of(SUBJECT, tally, (), ()).vintages
    found = [(cell.age, cell.loans.bad, cell.loans.loans, cell.mature) for cell in row.cells[:4]]
    assert found == [(1, 2, 3, True), (2, 1, 2, True), (3, 0, 2, False), (4, 0, 1, False)]
    assert [cell.age for cell in row.cells[4:]] == [5, 6, 9, 12]
    assert months_on_book(date(2024, 11, 30), date(2026, 2, 28)) == 14
    late = ObservedLoan("d", days[0], date(2026, 9, 2), repaid)
    tally = MonitorTally(ZoneInfo("UTC"), (), {}, [*loans, late], None)
    [row] = report_of(SUBJECT, tally, (), ()).vintages
    assert not any(cell.mature for cell in row.cells)


def test_a_forecast_is_compared_with_what_its_rules_did():
    """With all decisions where these very rules decided none; of their 80 a quarter is approved."""
    digest = impact().subject.other_digest
    found = _report(forecast=impact()).forecast
    assert (found.exact, found.of) == (False, 200)
    page = html(_report(forecast=impact()))
    assert "compared with what other rules did" in page
    tally = MonitorTally(ZoneInfo("UTC"), (), {}, (), None)
    for number in range(200):
        own = digest if number >= 120 else "1"
        tally.add(_decision(number, digest=own, outcome=REFER))
    exact = report_of(SUBJECT, tally, (), (), forecast=impact()).forecast
    assert (exact.exact, exact.of, exact.rows[0].came.share) == (True, 80, 0.25)
    assert [row.missed for row in exact.rows] == [True, True, True]
    bounds = {(-0.1, 0.0): False, (0.0, 0.1): False, (-0.2, -0.1): True, (0.1, 0.2): True}
    for ends, missed in bounds.items():
        assert replace(exact.rows[0], difference=Interval(0, *ends)).missed is missed
    difference = exact.rows[0].difference
    assert difference.difference == pytest.approx(0.25 - exact.rows[0].forecast.share)
    assert difference.low < difference.difference < difference.high < 0


def test_groups_differ_from_the_largest_and_are_not_kept():
    """Each counts once, by a person's result or else what was decided; no key is in the report."""
    again = _decision(0, decision_id="dec_again", outcome=DECLINE)
    capped = _decision(0, user_id="u-200", outcome=REFER)
    found = _report(again, capped, groups={**_GROUPS, "c-unknown": "north"})
    rows = {row.group: row for row in found.groups.rows}
    sizes = {name: row.shares.of for name, row in rows.items()}
    assert [*sizes.items()] == [("north", 105), ("<b>", 37), ("thirty", 30)]
    assert rows["north"].shares.approve.share == pytest.approx(2 / 105)
    assert rows["<b>"].shares.approve.share == pytest.approx(35 / 37)
    assert rows["<b>"].differences[0].low > 0.7
    assert rows["north"].differences == ()
    assert (found.groups.pooled, found.groups.unmatched) == (29, 1)
    written, page = encoded(found).decode(), html(found)
    assert "c-1" not in written + page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "not shown: 29." in page


def test_a_changed_figure_is_found_by_the_documents_own_digest() -> None:
    """Without one it is read back as it was written."""
    document = encoded(_report())
    assert decoded(document, MonitorReport) == _report()
    with pytest.raises(msgspec.ValidationError, match="sha256"):
        decoded(document.replace(b'"decisions": 200', b'"decisions": 201'), MonitorReport)


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
    scales, draw = scales_of(_PRODUCT.champion, RECORDED_DAYS[0].date()), Random(seed)
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
    from scipy.stats import chi2, chi2_contingency

    name, late = "income.conservative_6m", (Missing(Cause.STALE),)
    stale = [{**one.values, name: FactorValue(name, None, late)} for one in people[::10]]
    now = [*people, *(replace(people[0], values=each) for each in stale)]
    found = _drift(people, now, (600, 400), 3)
    assert [row.name for row in found if row.drifted] == [name]
    judged = [row for row in found if row.psi is not None]
    assert judged == sorted(judged, key=lambda row: row.probability)
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
