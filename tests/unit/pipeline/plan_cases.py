"""Plans with caps and a control share, and their cases, for the tests of both."""

from __future__ import annotations

from decision_service.language.diagnostics import Report, render_all
from decision_service.language.yaml.parser import read
from decision_service.pipeline.trial.plan_cases.bounds import PlanBound, bounds_in
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest
from decision_service.pipeline.trial.plan_cases.reading import parse_plan_cases
from tests.unit.rollout.plans import PATH, SMALL, good

CAPS = """\
caps:
  - {name: all, approvals_per_day: 400, amount_per_day: 5000000}
  - {name: weakest-tier, tier: T4, amount_per_day: 300000}
"""
EXPLORE = "explore: {percent: 1, max_amount: 10000, amount_per_day: 100000}\n"
CODES = frozenset(
    {"DEBT_TOO_HIGH", "INCOME_TOO_LOW", "RISK_TOO_HIGH", "DAY_CAP_REACHED", "SOURCE_FAILED"}
)
TIERS = frozenset({"T1", "T2", "T3", "T4"})
HEAD = "plan: personal-loan-ph\ncases:\n"


def under_test(bounds: str = CAPS + EXPLORE, tiers: frozenset[str] = TIERS) -> PlanUnderTest:
    """A plan with these bounds, of versions with some reasons and tiers."""
    return PlanUnderTest(good(SMALL + bounds), "PHP", CODES, tiers)


def bounds_of(text: str) -> list[PlanBound]:
    """The bounds of a plan's text."""
    return [*bounds_in(read(PATH, SMALL + text, Report()))]


def cases_of(text: str, tested: PlanUnderTest, defaults: str = "") -> tuple[PlanCase, ...]:
    """The cases of a file, which must have no fault."""
    file = parse_plan_cases("tests/plan.yaml", f"{defaults}{HEAD}{text}", tested)
    assert render_all(file.diagnostics) == ""
    return file.cases
