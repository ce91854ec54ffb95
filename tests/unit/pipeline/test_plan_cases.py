"""What a plan's bounds do with cases: effects, coverage, cases that are offered, figures."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.domain.money import LARGEST_AMOUNT
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import MapNode, YamlNode
from decision_service.language.yaml.parser import read
from decision_service.pipeline.trial.plan_cases.bounds import BoundEffect
from decision_service.pipeline.trial.plan_cases.coverage import plan_coverage, ready_plan_cases
from decision_service.pipeline.trial.plan_cases.figures import PlanFigures
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest
from decision_service.pipeline.trial.plan_cases.reading import parse_plan_cases
from decision_service.pipeline.trial.plan_cases.run import run_plan_cases, settle_case
from decision_service.rollout.model import Plan
from decision_service.rollout.plan import parse_plan, read_plan
from decision_service.ruleset.figures.model import Fate, Tried
from tests.fakes.plans import CHALLENGED, with_plan
from tests.fakes.world import World, application, rulebook
from tests.unit.pipeline.plan_cases import CAPS, EXPLORE, bounds_of, cases_of, under_test
from tests.unit.rollout.plans import PATH, PRODUCT, SMALL, VERSIONS
from tests.unit.ruleset.rulesets import ROOT

GRANTED = "rules: {outcome: APPROVE, amount: 10000, tier: T4}"
DECLINED = "rules: {outcome: DECLINE, score_aside: {amount: 10000, tier: T4}}"


def effects(text: str, bounds: str = CAPS + EXPLORE) -> dict[str, str]:
    """What each bound does with one case, without those that do nothing."""
    tested = under_test(bounds)
    [case] = cases_of(f"  - name: a\n    {text}\n    expect: {{outcome: REFER}}\n", tested)
    found = {b.at: b.effect(tested.plan, case, "PHP") for b in bounds_of(bounds)}
    return {at: str(each) for at, each in found.items() if each is not BoundEffect.NOTHING}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "rules: {outcome: APPROVE, amount: 10000, tier: T1}",
            {"all.approvals_per_day": "lets pass", "all.amount_per_day": "lets pass"},
        ),
        (
            f"{GRANTED}\n    day: {{approvals: 400}}",
            {"all.approvals_per_day": "holds"},
        ),
        (
            f"{GRANTED}\n    day: {{approvals: 400, amount: 5000000}}",
            {},
        ),
        ("rules: {outcome: DECLINE}\n    day: {approvals: 400}", {}),
    ],
    ids=["granted", "one bound", "two bounds at once", "declined"],
)
def test_a_bound_holds_where_it_alone_makes_the_difference(
    text: str, expected: dict[str, str]
) -> None:
    """A case beyond two bounds shows of neither that it works, and a decline meets no cap."""
    assert effects(text, CAPS) == {f"caps.{at}": each for at, each in expected.items()}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("draw: 0.999", {"percent", "max_amount", "amount_per_day"}),
        ("draw: 1", {"percent: holds"}),
        ("draw: none", set()),
        ("draw: 0\n    explored_before: 0", set()),
        ("draw: 0\n    explored_before: 10000", {"percent", "max_amount"}),
        ("draw: 0\n    day: {explored: 90001}", {"amount_per_day: holds"}),
    ],
)
def test_the_control_share_is_judged_figure_by_figure(more: str, expected: set[str]) -> None:
    """Who takes no part or was turned away shows nothing; who was explored before costs nothing."""
    found = effects(f"{DECLINED}\n    {more}", EXPLORE)
    shown = {at.removeprefix("explore.") + ": holds" * (e == "holds") for at, e in found.items()}
    assert shown == expected


COMBINED = ROOT / "tests/rulesets/combined/every-construct-ph/tests/plan.yaml"


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("amount_per_day: 5000000", "amount_per_day: 4999999", "five million a day are granted"),
        ("tier: T4", "tier: T3", "beyond them it waits"),
        ("percent: 1,", "percent: 1.001,", "the others stay declined"),
        ("max_amount: 10000,", "max_amount: 10001,", "an offer above ten thousand"),
        ("amount_per_day: 100000", "amount_per_day: 100001", "who comes when the day is full"),
    ],
)
def test_a_figure_that_is_wrong_by_the_least_fails_a_case(old: str, new: str, name: str) -> None:
    """One peso, or a thousandth of a percent, is noticed by cases that are right otherwise."""
    text = COMBINED.read_text().partition("cases:\n")[2]
    right = "defaults:\n  rules: {outcome: APPROVE, amount: 10000, tier: T2}\n"
    bounds = CAPS + EXPLORE
    assert old in bounds
    failed = [
        [r.case.name for r in run_plan_cases(one, cases_of(text, one, right)) if not r.passed]
        for one in (under_test(bounds), under_test(bounds.replace(old, new)))
    ]
    assert failed[0] == []
    assert any(each.startswith(name) for each in failed[1])


def test_the_guide_s_example_comes_out_as_it_says() -> None:
    """Its cases are right under the caps and the control share that plans are explained by."""
    section = (ROOT / "docs/rules.md").read_text().partition("## Tests of a plan\n")[2]
    example = section.partition("```yaml\n")[2].partition("```")[0]
    tested = under_test()
    file = parse_plan_cases("tests/plan.yaml", example, tested)
    assert [d.message for d in file.diagnostics] == []
    assert [r.differences for r in run_plan_cases(tested, file.cases)] == [()] * 4


def test_a_share_of_all_units_leaves_nobody_out() -> None:
    """At 100 % no case outside of the share is asked for."""
    everybody = EXPLORE.replace("percent: 1,", "percent: 100,")
    missed = plan_coverage(under_test(everybody), bounds_of(everybody), ()).missed
    assert [goal.which for goal in missed if goal.what == "explore percent"] == ["lets pass"]


def offered(bounds: str, tested: PlanUnderTest, defaults: frozenset[str]) -> dict[str, str]:
    """The cases that are offered where there is none yet, by their goal."""
    found = bounds_of(bounds)
    missed = plan_coverage(tested, found, ()).missed
    ready = ready_plan_cases(tested, found, missed, defaults)
    return {f"{goal.what} {goal.which}": text for goal, text in ready.items()}


AMOUNT = st.integers(1, 9_000_000) | st.just(10**12)


@st.composite
def plans(draw: st.DrawFn) -> str:
    """The text of caps, and perhaps of a control share."""
    caps = "caps:\n"
    for number in range(draw(st.integers(0, 3))):
        tier = draw(st.sampled_from(["", ", tier: T1", ", tier: T4"]))
        approvals = f", approvals_per_day: {draw(st.integers(1, 500))}"
        amount = f", amount_per_day: {draw(AMOUNT)}"
        bound = draw(st.sampled_from([approvals, amount, approvals + amount]))
        caps += f"  - {{name: cap{number}{tier}{bound}}}\n"
    share = draw(st.sampled_from(["", "0.001", "0.25", "1", "10"]))
    largest = draw(AMOUNT)
    daily = min(largest + draw(st.integers(0, 10**6)), 10**12)
    explore = f"explore: {{percent: {share}, max_amount: {largest}, amount_per_day: {daily}}}\n"
    return (caps if "name" in caps else "") + (explore if share else "")


@settings(max_examples=30)
@given(bounds=plans(), defaults=st.booleans())
def test_an_offered_case_passes_as_it_is_and_reaches_its_goal(bounds: str, defaults: bool) -> None:
    """It is read without a fault, also under defaults that say something else."""
    tested = under_test(bounds)
    usual = "defaults: {day: {approvals: 9000}, draw: 50}\n" if "explore" in bounds else ""
    text = usual if defaults else ""
    keys = frozenset({"day", "draw"}) if text else frozenset[str]()
    for goal, case in offered(bounds, tested, keys).items():
        [result] = run_plan_cases(tested, cases_of(case + "\n", tested, text))
        assert result.passed, case
        reached = plan_coverage(tested, bounds_of(bounds), [result.case]).reached
        assert goal in {f"{each.what} {each.which}" for each in reached}


def test_a_bound_that_another_one_always_hides_has_no_case() -> None:
    """A cap that is never met first cannot be shown to hold; it lets the first of a day pass."""
    hidden = "caps:\n  - {name: a, approvals_per_day: 5}\n  - {name: b, approvals_per_day: 9}\n"
    cases = offered(hidden, under_test(hidden), frozenset())
    assert [goal for goal in cases if "`a`" in goal or "holds" not in goal] == [*cases]
    assert len(cases) == 3


def hidden(bounds: str) -> set[tuple[int, int]]:
    """Where a plan's figures stand of which the check says that they hold nobody."""
    told = parse_plan(PATH, SMALL + bounds, PRODUCT, VERSIONS).diagnostics
    return {(one.line, one.column) for one in told if one.code == "P317"}


def places_held(bounds: str) -> dict[tuple[int, int], bool]:
    """Whether a case is offered that a figure of a cap holds, by the figure's place.

    The largest amount of all is left out: no approval is beyond it.
    """
    cases = offered(bounds, under_test(bounds), frozenset())
    return {
        (b.scalar.place.line, b.scalar.place.column): f"{b.what} holds" in cases
        for b in bounds_of(bounds)
        if b.cap and b.scalar.text != str(LARGEST_AMOUNT)
    }


def without(bounds: str, places: set[tuple[int, int]]) -> str:
    """The bounds without the figures of caps at these places, and without caps of no figure."""
    lines, before = bounds.splitlines(keepends=True), SMALL.count("\n")
    for line, column in sorted(places, reverse=True):
        text = lines[line - before - 1]
        rest = text[column - 1 :].lstrip("0123456789")
        lines[line - before - 1] = text[: column - 1].rpartition(",")[0] + rest
    return "".join(one for one in lines if "name" not in one or "_per_day" in one)


@settings(max_examples=50)
@given(bounds=plans())
def test_without_the_figures_that_the_check_tells_every_other_one_holds_a_case(bounds: str) -> None:
    """None that is told holds one; where none is told, all do."""
    caps = bounds.partition("explore")[0]
    told = hidden(caps)
    assert not any(held for place, held in places_held(caps).items() if place in told)
    left = without(caps, told)
    assert hidden(left) == set()
    assert all(places_held(left).values())


@given(amount=st.integers(1, 20_000), spent=st.integers(0, 20_000), more=st.integers(0, 20_000))
def test_an_amount_of_exploring_at_or_above_a_cap_holds_nobody(
    amount: int, spent: int, more: int
) -> None:
    """The day has approved at least what it explored, so that the cap always goes before."""
    bounds = "caps:\n  - {name: all, amount_per_day: 9000}\n"
    bounds += f"explore: {{percent: 1, max_amount: {9000 + more}, amount_per_day: {9000 + more}}}\n"
    assert len(hidden(bounds)) == 2
    day = f"day: {{amount: {spent}, explored: {spent}}}"
    said = f"rules: {{outcome: DECLINE, score_aside: {{amount: {amount}}}}}\n    draw: 0"
    found = effects(f"{said}\n    {day}", bounds)
    assert "holds" not in {found.get("explore.max_amount"), found.get("explore.amount_per_day")}


def tried(bounds: str, cases: str) -> list[Tried]:
    """Every change of a plan's figures, beside cases that pass."""
    tested = under_test(bounds)
    results = run_plan_cases(tested, cases_of(cases, tested))
    assert all(result.passed for result in results)

    def plan_of(node: YamlNode) -> Plan | None:
        report = Report()
        plan = read_plan(node, report, tested.plan.product, VERSIONS)
        return None if report.failed else plan

    root = read(PATH, SMALL + bounds, Report())
    assert isinstance(root, MapNode)
    return [*PlanFigures(root, tested, results, plan_of).tried()]


def test_offered_cases_notice_every_figure() -> None:
    """Those that coverage offers stand at each bound, so that no small change goes unnoticed."""
    bounds = CAPS + EXPLORE
    cases = "\n".join(offered(bounds, under_test(bounds), frozenset()).values()) + "\n"
    found = tried(bounds, cases)
    assert {one.fate for one in found} == {Fate.NOTICED}
    assert {one.change.at for one in found} == {
        *(bound.at for bound in bounds_of(bounds)),
        "caps.weakest-tier.tier",
    }


def test_an_unnoticed_figure_is_told_with_a_case_that_passes_and_notices_it() -> None:
    """One printed case after the other, until nothing goes unnoticed."""
    cases = "  - name: a day begins\n    rules: {outcome: APPROVE, amount: 5000, tier: T1}\n"
    cases += "    expect: {outcome: APPROVE}\n"
    for _ in range(20):
        left = [one for one in tried(CAPS + EXPLORE, cases) if one.fate is Fate.UNNOTICED]
        if not left:
            break
        assert left[0].witness is not None
        cases += left[0].witness.case + "\n"
    assert left == []
    assert len(re.findall("and not", cases)) > 6


def test_what_the_check_refuses_needs_no_case() -> None:
    """A day's amount below that of one approval is refused before it decides anything."""
    bounds = EXPLORE.replace("100000", "10000")
    fates = {(one.change.at, one.change.after): one.fate for one in tried(bounds, CASE)}
    assert fates["explore.amount_per_day", "9000"] is Fate.REFUSED
    assert fates["explore.max_amount", "11000"] is Fate.REFUSED


CASE = """\
  - name: one
    rules: {outcome: DECLINE}
    expect: {outcome: DECLINE}
"""


async def test_a_case_comes_out_as_a_decision_of_the_service_does() -> None:
    """The same day, cap and offer: outcome, kind, reason, cap and amount are those recorded."""
    caps = "caps:\n  - {name: few, approvals_per_day: 2}\n"
    world = World(book=rulebook(with_plan(CHALLENGED[: CHALLENGED.index("  challenger:")] + caps)))
    tested = under_test(caps)
    for number in range(4):
        asked = application(request_id=f"r-{number}", user_id=f"u-{number}")
        reply = (await world.decide()(asked, world.call())).reply
        decision = CreateDecisionResponse.FromString(reply).decision
        settled = settle_case(tested.plan, on_day(number, tested), "PHP")
        assert [reason.code for reason in decision.reasons] == [
            reason.code for reason in settled.verdict.reasons
        ]
        cap = settled.override.cap if settled.override else ""
        assert (decision.override.cap, bool(cap)) == (cap, number >= 2)


def on_day(approvals: int, tested: PlanUnderTest) -> PlanCase:
    """An approval of 20,000 after some others."""
    text = "  - name: a\n    rules: {outcome: APPROVE, amount: 20000, tier: T1}\n"
    text += f"    day: {{approvals: {min(approvals, 2)}}}\n    expect: {{outcome: APPROVE}}\n"
    return cases_of(text, tested)[0]
