"""Plans that let many or much through at once: warned of at their line, accepted by name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.rulebook.plans import found_risks, plan_warnings
from decision_service.rulebook.rulebook import Floors, PlanRisk
from decision_service.rules.language.diagnostics import render_all
from tests.fakes.plans import with_plan
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import PRODUCT, rulebook, shipped_rules
from tests.unit.rollout.plans import edited
from tests.unit.rules.kit import ROOT

GOOD = edited(
    "# desk.yaml\n".join(
        (ROOT / "rules" / PRODUCT / name).read_text("utf-8")
        for name in ("rollout.yaml", "desk.yaml")
    ),
    ("initial_stage: all", "initial_stage: staff"),
    ("# desk.yaml\n", "caps: [{name: day, approvals_per_day: 50}]\n# desk.yaml\n"),
)
GUARDRAILS = GOOD[GOOD.index("guardrails:") : GOOD.index("caps:")]
CHALLENGER = """\
champion: 1
challenger:
  version: 2
  salt: v2
  stages: [{name: all, percent: 100}]
  initial_stage: all
"""


def _segment(above: int, percent: int) -> tuple[str, str]:
    when = f"inputs.requested_amount > {above}"
    return "segments: []", f"segments: [{{name: s, when: {when}, percent: {percent}}}]"


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (("", ""), None),
        (
            _segment(0, 100),
            ("P215", "percent: 100", "`s` takes all applicants"),
        ),
        (
            _segment(0, 5),
            None,
        ),
        (
            _segment(9000, 100),
            None,
        ),
        (
            (f"champion: {CHAMPION}\n", CHALLENGER),
            ("P214", "initial_stage: all", "begins at 100 %"),
        ),
        (("initial_stage: staff", "initial_stage: half"), ("P214", "initial_stage: half", "50 %")),
        ((GUARDRAILS, ""), ("P417", "unit:", "no guardrail")),
        (("max: 0.40", "max: 0.99"), ("P418", "max: 0.99", "`referrals` hardly ever trips")),
        (("caps: [{name: day, approvals_per_day: 50}]\n", ""), ("P318", "unit:", "a day")),
        (("review: 20000", "review: 90000"), None),
        (
            ("review: 20000\nreview_second: 100000", "review: 2000000\nreview_second: 9000000"),
            ("P328", "review: 2000000", "one person may grant 2000000"),
        ),
    ],
)
def test_each_dangerous_edit_of_a_plan_is_warned_of_at_its_line(edit, found) -> None:
    """One warning by name at the key that does it, and none for a careful plan."""
    folder = replace(with_plan(edited(GOOD, edit)), policy=None)
    [*warnings] = [d for d in plan_warnings(folder, rulebook(folder)) if PRODUCT in d.file]
    assert len(warnings) == (found is not None), render_all(warnings)
    for one in warnings:
        code, line, words = found
        assert (one.code, line in one.quoted, words in one.message) == (code, True, True), one


def test_the_policy_accepts_a_risk_of_a_product_by_its_name() -> None:
    """The shipped plans begin at 100 % without caps; the shipped policy says why, and no more."""
    book = rulebook()
    assert book.policy.floors == Floors(100, 100)
    assert list(plan_warnings(shipped_rules(), book)) == []
    for product in book.products.values():
        bare = {one.named for one in found_risks(product, replace(book.policy, accept=()))}
        assert bare == {PlanRisk.FIRST_STAGE, PlanRisk.NO_CAPS}
