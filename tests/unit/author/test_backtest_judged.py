"""One recorded applicant judged before and after a change of the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.author.backtest.command import dimensions
from decision_service.author.backtest.judge import (
    BacktestRules,
    DimensionUnknown,
    compare,
    require_dimensions,
)
from decision_service.author.backtest.report import DatedFigure
from decision_service.author.backtest.rules import (
    WHOLE,
    BacktestOrder,
    RulesOrder,
    dated_figures,
    draw,
)
from decision_service.author.backtest.run import divided
from decision_service.author.backtest.sums import BacktestApplicant
from decision_service.domain.decision import Outcome, Override, OverrideKind
from decision_service.domain.person import NO_OWN_FACTS
from decision_service.rollout.impact import LeftOut, NotCompared, Side
from tests.fakes.cases import STRICTER, case_of, changed_rules, version
from tests.fakes.world import PRODUCT
from tests.kits.cases import cases

NONE = RulesOrder(b"")

_LARGEST = "largest_first_loan: {type: money, value:"

SMALLER = (f"{_LARGEST} 50000}}", f"{_LARGEST} 15000}}")

OTHER_POLICY = ("max_age: 35d", "max_age: 1m")


def judged(*changes: tuple[str, str], **replaced: object) -> BacktestApplicant | NotCompared:
    """A steady earner as the champion and a changed version judge her."""
    folder = changed_rules(9, *changes)
    case = replace(case_of(folder), **replaced)
    return compare(case, BacktestRules(case.ruleset, version(folder, 9), ("amount", "band")))


def test_a_stricter_rule_is_the_cause_of_a_swap_out() -> None:
    """Approved before and declined after, for the rule that the change is about."""
    one = judged(STRICTER)
    assert isinstance(one, BacktestApplicant)
    assert (one.before.outcome, one.after.outcome) == (Outcome.APPROVE, Outcome.DECLINE)
    assert one.causes[0] == "eligibility.low_income"
    assert one.after.codes[0] == "INCOME_TOO_LOW"
    assert dict(one.cells)["amount"] == "20,000 to below 50,000"
    assert not [name for name in one.causes if name.startswith(("offer.", "conditions."))]


def test_a_smaller_offer_is_a_change_of_amount() -> None:
    """Both approve, and the offer's line that made the amounts differ is the cause."""
    one = judged(SMALLER)
    assert isinstance(one, BacktestApplicant)
    assert (one.before.amount, one.after.amount) == (2_000_000, 1_500_000)
    assert (one.before.reduced, one.after.reduced) == (False, True)
    assert one.causes[0].startswith("offer.")


_FEWER = (
    ('{in: "[0, 6)", points: 0}', '{in: "[0, 6)", points: 20}'),
    ('{in: "[6, 12]", points: 20}', '{in: "[6, 12]", points: 0}'),
)

"""420 points in place of 440, which is A as well."""

_CUTS = (("A, from: 400", "A, from: 430"), ("B, from: 340", "B, from: 425"))

_NO_ROW_OF_A = (
    "rows: tables/limit.csv",
    """rows:
        - [A, "-", 15000, T1]
        - ["-", "-", 0, T9]""",
)


@pytest.mark.parametrize(
    ("changes", "outcome", "causes"),
    [
        (_FEWER, Outcome.APPROVE, ()),
        ((*_FEWER, *_CUTS), Outcome.REFER, ("score.contributions.months_12m",)),
        ((_NO_ROW_OF_A,), Outcome.APPROVE, ("limit.row 1",)),
        ((SMALLER,), Outcome.APPROVE, ("offer.max_amount",)),
        (
            (
                (
                    "smallest_loan: {type: money, value: 1000}",
                    "smallest_loan: {type: money, value: 40000}",
                ),
            ),
            Outcome.DECLINE,
            ("offer.minimum_amount",),
        ),
        (
            (("max_amount: min(", "max_amount: 0 * min("),),
            Outcome.DECLINE,
            ("offer.max_amount",),
        ),
        (
            (
                STRICTER,
                (
                    "processing_fee: {type: number, value: 0.08",
                    "processing_fee: {type: number, value: 0.05",
                ),
            ),
            Outcome.DECLINE,
            ("eligibility.low_income", "eligibility.low_on_average"),
        ),
    ],
)
def test_a_cause_is_named_and_what_follows_from_it_is_none(changes, outcome, causes) -> None:
    """Bands, characteristics, rows and lines as rules; not the row of a new band, nor its lines."""
    one = judged(*changes)
    assert isinstance(one, BacktestApplicant)
    assert (one.after.outcome, one.causes) == (outcome, causes)


_KNOWN = (
    ("- name: eligibility\n", "- name: eligibility\n    segment: existing\n"),
    ("\nstages:\n", "\nsegments: [inputs.customer_type]\n\nstages:\n"),
)


@pytest.mark.parametrize(
    ("common", "changes", "causes"),
    [(_FEWER, _CUTS, "score.band C"), ((STRICTER,), _KNOWN, "eligibility.segment")],
)
def test_a_part_that_others_follow_is_the_only_cause(common, changes, causes) -> None:
    """The row of the limit and the offer follow from a band, rules from a segment."""
    before, after = (changed_rules(9, *common, *more) for more in ((), changes))
    one = compare(case_of(before), BacktestRules(version(before, 9), version(after, 9)))
    assert isinstance(one, BacktestApplicant)
    assert one.before.outcome is not one.after.outcome
    assert one.causes == (causes,)


def test_rules_that_miss_a_value_now_are_causes() -> None:
    """Whoever is referred for want of data is moved by the rules that lack it."""
    one = judged(OTHER_POLICY)
    assert isinstance(one, BacktestApplicant)
    assert one.causes[0] == "eligibility.under_age"


def test_recorded_values_suffice_where_the_data_is_erased() -> None:
    """Erased people are judged by what was recorded, as long as nothing else is asked for."""
    assert isinstance(judged(STRICTER, snapshot=None), BacktestApplicant)
    assert judged(OTHER_POLICY, snapshot=None) == NotCompared(LeftOut.ERASED, ())


def test_what_providers_are_called_is_no_other_data_policy() -> None:
    """Erased people are judged where only a provider's name has changed since."""
    folder = changed_rules(9, STRICTER)
    case, other = case_of(folder), version(folder, 9)
    policy = other.needs.policy
    named = {key: replace(one, name=f"{one.name} 2") for key, one in policy.provider_types.items()}
    renamed = replace(other.needs, policy=replace(policy, provider_types=named))
    rules = BacktestRules(case.ruleset, replace(other, needs=renamed))
    assert named
    assert isinstance(compare(replace(case, snapshot=None), rules), BacktestApplicant)


def test_what_was_never_recorded_is_named() -> None:
    """Records of earlier applications that the decision did not look up are told by factor."""
    folder = changed_rules(9, ("accounts.connected_count == 0", "history.approvals_1d > 5"))
    case = case_of(folder)
    unread = replace(case, decision=replace(case.decision, own=NO_OWN_FACTS))
    told = compare(unread, BacktestRules(case.ruleset, version(folder, 9)))
    assert told == NotCompared(LeftOut.FACTOR_NOT_RECORDED, ("history.approvals_1d",))


def test_an_input_that_was_not_sent_is_told() -> None:
    """A version that requires an input judges nobody who did not send it."""
    new = ("inputs:", "inputs:\n  branch: {type: text, required: true}")
    assert judged(new) == NotCompared(LeftOut.INPUT_NOT_SENT)


def test_points_of_a_sweep_are_judged_beside() -> None:
    """Each point has a side of its own, in the order of the points."""
    folder = changed_rules(9, STRICTER)
    case = case_of(folder)
    strict = version(folder, 9)
    rules = BacktestRules(case.ruleset, case.ruleset, points=(case.ruleset, strict))
    one = compare(case, rules)
    assert isinstance(one, BacktestApplicant)
    assert [side.outcome for side in one.points] == [Outcome.APPROVE, Outcome.DECLINE]
    assert isinstance(one.points[0], Side)


DATED = (
    "min_monthly_income: {type: money, value: 8000}",
    "min_monthly_income: {type: money, value: {2026-01-01: 8000, 2026-12-01: 80000}}",
)


def test_figures_that_change_within_sixty_days_are_found() -> None:
    """From today, or from the day whose parameters are taken; with the values of both days."""
    folder = changed_rules(9, DATED)
    ruleset, order = version(folder, 9), BacktestOrder(PRODUCT, NONE, NONE, frozenset())
    december = date(2026, 12, 1)
    income = DatedFigure(december, "params.min_monthly_income", "₱ 8,000", "₱ 80,000")
    months = DatedFigure(december, "params.min_income_months", "4", "6")
    for today, found in (
        (date(2026, 10, 1), ()),
        (date(2026, 10, 2), (months, income)),
        (date(2026, 11, 30), (months, income)),
        (december, ()),
    ):
        assert dated_figures(order, ruleset, today) == found
    order.params_as_of = date(2026, 11, 1)
    assert dated_figures(order, ruleset, date(2027, 5, 1)) == (months, income)


def test_a_day_on_which_figures_change_is_judged_after_the_day_before() -> None:
    """By the rules after the change; where it is not asked for, nothing is."""
    folder = changed_rules(9, DATED)
    case, day = case_of(folder), date(2026, 12, 1)
    rules = BacktestRules(case.ruleset, version(folder, 9), days=(day,))
    one, few = compare(case, rules, dated=True), compare(case, rules)
    assert isinstance(one, BacktestApplicant)
    assert isinstance(few, BacktestApplicant)
    [(found, eve, then)] = one.dated
    assert (found, eve.outcome, then.outcome) == (day, Outcome.APPROVE, Outcome.DECLINE)
    assert few.dated == ()


@pytest.mark.parametrize(("by", "why"), cases("pipeline/backtest")["undivided"])
def test_a_report_that_cannot_be_divided_so_is_refused(by: str, why: str) -> None:
    """With the nearest name, or the form of cut points."""
    with pytest.raises(DimensionUnknown, match=why):
        require_dimensions(dimensions(by), version(changed_rules(9), 9))


@pytest.mark.parametrize(("by", "cell"), cases("pipeline/backtest")["divided"])
def test_a_report_is_divided_by_any_factor_or_input(by: str, cell: str) -> None:
    """By its value, a number by the cut points that are given; who has no value is apart."""
    folder = changed_rules(9, STRICTER)
    case = case_of(folder)
    require_dimensions(dimensions(by), version(changed_rules(9), 9))
    one = compare(case, BacktestRules(case.ruleset, version(folder, 9), dimensions(by)))
    assert isinstance(one, BacktestApplicant)
    assert one.cells[-1] == (by.partition(":")[0], cell)


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(1, 100))
def test_ranges_hold_every_instant_once(first: int, length: int, parts: int) -> None:
    """They follow each other from the first instant to just after the last."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=first)
    end = begin + timedelta(microseconds=length)
    ranges = divided(begin, end, parts)
    assert ranges[0].since == begin
    assert ranges[-1].before == end + timedelta(microseconds=1)
    assert all(one.before == other.since for one, other in pairwise(ranges))
    assert all(one.since < one.before for one in ranges)


def test_an_overridden_decision_is_judged_as_the_rules_did() -> None:
    """Before and after are verdicts of rules, whatever a cap decided."""
    case = case_of(changed_rules(9))
    declined = replace(case.decision.verdict, outcome=Outcome.DECLINE, offer=None)
    override = Override(OverrideKind.CAPPED, declined, "all")
    capped = replace(case, decision=replace(case.decision, override=override))
    one = compare(capped, BacktestRules(case.ruleset, case.ruleset))
    assert isinstance(one, BacktestApplicant)
    assert (one.before.outcome, one.after.outcome) == (Outcome.DECLINE, Outcome.DECLINE)


@pytest.mark.parametrize(
    ("decided", "sample", "points", "share"), cases("pipeline/backtest")["dated"]
)
def test_dated_days_are_judged_where_they_cost_little(decided, sample, points, share) -> None:
    """A tenth of the run, of some hundred applicants at least, and 20,000 at most."""
    days = tuple(DatedFigure(date(2026, 12, day), "params.a", "1", "2") for day in range(1, 6))
    swept = ({"params.b": "1"},) * points
    order = BacktestOrder(PRODUCT, NONE, NONE, frozenset(), points=swept, dated=days)
    draw(order, sample, decided)
    assert order.dated_share / WHOLE * decided == pytest.approx(share, rel=1e-3)
