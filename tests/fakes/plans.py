"""Rules of this repository under plans of a test's own."""

from __future__ import annotations

from msgspec.structs import replace

from decision_service.rollout.plan import PlanTexts, parse_plan
from decision_service.rollout.state import initial_state
from decision_service.rulebook.folder import RuleFolder, TextFile
from decision_service.rulebook.load import input_names
from decision_service.rulebook.rulebook import Rulebook
from tests.fakes.world import NOW, PRODUCT, rulebook, shipped_rules

DESK_BELOW = "# desk.yaml\n"
"""The line of a test's plan below which its desk stands."""

CHALLENGED = """\
product: personal-loan-ph
unit: user_id
pin_for: 90d
go_live:
  salt: personal-loan-ph
  allow: [staff-1]
  deny: []
  stages:
    - {name: staff, percent: 0}
    - {name: pilot, percent: 1}
    - {name: early, percent: 5}
    - {name: all, percent: 100}
  initial_stage: all
  advance: manual
versions:
  champion: 1
  challenger:
    version: 2
    salt: personal-loan-ph-v2
    stages: [{name: half, percent: 50}, {name: whole, percent: 100}]
    initial_stage: whole
"""
"""Version 2 decides for everybody, since 100 % of the challenger are the whole product."""


def book_under(text: str) -> Rulebook:
    """The shipped rulebook, compiled once for all, under a plan of one product's."""
    made = rulebook()
    product = made.product(PRODUCT)
    plan, named, desk = text.partition(DESK_BELOW)
    names = {number: input_names(version) for number, version in product.versions.items()}
    reading = parse_plan("rollout.yaml", PlanTexts(plan, desk if named else None), PRODUCT, names)
    assert reading.plan is not None, reading.diagnostics
    state = initial_state(reading.plan, NOW)
    return made.with_products({PRODUCT: replace(product, plan=reading.plan, state=state)})


def with_plan(text: str) -> RuleFolder:
    """The shipped folder with one product's plan replaced."""
    return planned(shipped_rules(), text)


def planned(folder: RuleFolder, text: str) -> RuleFolder:
    """A folder with one product's plan replaced, and its desk by what stands below the plan."""
    plan, named, desk = text.partition(DESK_BELOW)
    products = tuple(
        replace(
            one,
            plan=TextFile(f"{one.path}/rollout.yaml", plan),
            desk=TextFile(f"{one.path}/desk.yaml", desk) if named else None,
        )
        if one.product == PRODUCT
        else one
        for one in folder.products
    )
    return replace(folder, products=products)
