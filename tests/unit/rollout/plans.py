"""Plans, rulesets' inputs and instants that the rollout tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from decision_service.domain.decision import Assignment
from decision_service.domain.factor import ValueType
from decision_service.rollout.assign import Pin, Subject, sets_pin
from decision_service.rollout.model import Plan
from decision_service.rollout.plan import PlanReading, PlanTexts, parse_plan
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.language.types import DeclaredNames
from decision_service.rules.program import InputSpec
from tests.fakes.plans import DESK_BELOW
from tests.kits.cases import case_text

TESTS = Path(__file__).parents[2]
STAGED = case_text("rollout/staged")
PRODUCT = "personal-loan-ph"
PATH = f"rules/{PRODUCT}/rollout.yaml"
NOW = datetime(2026, 11, 24, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SMALL = """
unit: user_id
pin_for: 90d
go_live:
  salt: a
  stages: [{name: half, percent: 50}, {name: all, percent: 100}]
  initial_stage: half
champion: 1
"""


def inputs(*, amount: bool = True) -> DeclaredNames:
    """The inputs that a ruleset declares, as segments see them."""
    declared = [
        InputSpec("inputs.customer_type", ValueType.TEXT, labels=("new", "existing")),
        InputSpec("inputs.requested_term_months", ValueType.INTEGER),
    ]
    if amount:
        most = Decimal(500_000)
        declared.append(InputSpec("inputs.requested_amount", ValueType.MONEY, upper=most))
    return DeclaredNames("PHP", declared)


VERSIONS = {1: inputs(), 2: inputs(), 3: inputs(amount=False)}


def read(text: str, product: str = PRODUCT) -> PlanReading:
    """A text read as the product's plan, with rulesets 1 to 3 at hand, and its desk below."""
    return parse_plan(PATH, texts_of(text), product, VERSIONS)


def texts_of(text: str) -> PlanTexts:
    """A plan, and its desk below the line that names it."""
    plan, named, desk = text.partition(DESK_BELOW)
    return PlanTexts(plan, desk if named else None)


def good(text: str) -> Plan:
    """A plan that must be right."""
    reading = read(text)
    assert reading.plan is not None, render_all(reading.diagnostics)
    return reading.plan


def edited(text: str, *changes: tuple[str, str]) -> str:
    """The text with each old part, which must be there, replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def staged(*changes: tuple[str, str]) -> Plan:
    """The documented example, changed."""
    return good(edited(STAGED, *changes))


def subject(unit: str, **rest: object) -> Subject:
    """An applicant who comes now."""
    return Subject(unit=unit, at=NOW, **rest)  # type: ignore[arg-type]  # fields by name


def pin_of(assignment: Assignment) -> Pin | None:
    """The pin that the row of a recorded decision is read as; None where it sets none."""
    if not sets_pin(assignment):
        return None
    assert assignment.arm is not None
    assert assignment.version is not None
    return Pin(assignment.arm, assignment.version, NOW)
