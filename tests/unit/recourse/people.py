"""A small product, and people whom it declines or refers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from decision_service.domain.factor import FactorValue
from decision_service.domain.values import AsOf, Money
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from tests.kits.cases import case_text

MANILA = ZoneInfo("Asia/Manila")
AS_OF = AsOf.at(datetime(2026, 11, 15, 4, tzinfo=UTC), MANILA)
TEXT = case_text("recourse/product")


@cache
def product():
    """The product's rules."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    found = compile_ruleset(files, catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def php(pesos):
    return Money("PHP", round(pesos * 100))


GOOD = {
    "income.months_24m": 12,
    "income.median_6m": php(20_000),
    "income.conservative_6m": php(18_000),
    "liabilities.overdue_total": php(0),
    "liabilities.monthly_amortization": php(0),
    "history.applications_7d": 0,
    "history.exposure": php(0),
}


def person(asks=5_000, **changed):
    """Somebody who is approved, but for the factors that are named; `__` stands for a point."""
    given = {**GOOD, **{name.replace("__", "."): value for name, value in changed.items()}}
    factors = {name: FactorValue(name, value) for name, value in given.items()}
    return Facts(factors, {"requested_amount": php(asks)}, AS_OF)


def somebody(seed):
    """A made-up person."""
    chance = Random(seed)
    careful = chance.choice([2_000, 4_000, 6_500, 9_000, 14_000])
    return person(
        chance.choice([2_000, 5_000, 20_000]),
        income__months_24m=chance.choice([1, 2, 4, 12]),
        income__conservative_6m=php(careful),
        income__median_6m=php(careful + chance.choice([0, 500, 4_000])),
        liabilities__overdue_total=php(chance.choice([0, 0, 300, 900, 2_500])),
        liabilities__monthly_amortization=php(chance.choice([0, 400, 1_500, 3_000])),
        history__applications_7d=chance.choice([0, 0, 3]),
        history__exposure=php(chance.choice([0, 0, 2_000, 9_000])),
    )
