"""Small rulesets and facts for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from decision_service.domain.factor import FactorValue
from decision_service.domain.values import AsOf, Cause, Missing, Money
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from tests.unit.ruleset.catalogue import CATALOGUE

ROOT = Path(__file__).parents[3]
MANILA = ZoneInfo("Asia/Manila")
NOVEMBER = datetime(2026, 11, 15, 4, 0, tzinfo=UTC)

HEAD = """\
ruleset: test-loan
version: 1
title: A test loan
currency: PHP
time_zone: Asia/Manila
inputs:
  requested_amount: {type: money, min: 1000, max: 500000}
  requested_term_months: {type: integer, min: 1, max: 36}
  declared_monthly_debt: {type: money, min: 0}
  customer_type: {type: text, one_of: [new, existing]}
reasons:
  SHORT: {text: {en: Too short}, group: history, priority: 2}
  SHORTER: {text: {en: Far too short}, group: history, priority: 1}
  GAPS: {text: {en: Gaps}, priority: 3}
  DEBT: {text: {en: Too much debt}, priority: 3}
  SMALL: {text: {en: Too small}, priority: 5}
  LEGAL: {text: {en: Not legal}, regulatory: Cap, priority: 1}
"""


def php(amount):
    """Pesos as money."""
    return Money("PHP", int(Decimal(str(amount)) * 100))


def compiled(text, **files):
    """The ruleset of a text, which must have no error."""
    found = compile_ruleset(
        RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, **files), CATALOGUE
    )
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def problems(text, **files):
    """The codes of everything wrong with a text, warnings among them."""
    source = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text, **files)
    return [d.code for d in compile_ruleset(source, CATALOGUE).diagnostics]


def stages(*bodies, head=HEAD, tail=""):
    """A ruleset's text with these stages."""
    return f"{head}stages:\n{''.join(bodies)}{tail}"


def rules(*lines, name="gate", component="KNOCKOUT"):
    """A stage of rules, each a flow map without its braces."""
    body = "".join(f"      - {{{line}}}\n" for line in lines)
    return f"  - name: {name}\n    component: {component}\n    rules:\n{body}"


def legal(*lines):
    """The last stage, of rules that see the offer."""
    return rules(*lines, name="legal", component="LEGAL")


def value(name, given):
    """A factor value; a Cause makes it missing, several causes too."""
    if isinstance(given, Cause):
        return FactorValue(name, None, (Missing(given),))
    if isinstance(given, Missing):
        return FactorValue(name, None, (given,))
    return FactorValue(name, given)


def facts(factors=(), at=NOVEMBER, **inputs):
    """Facts by factor name, with inputs as keywords."""
    found = {name: value(name, given) for name, given in dict(factors).items()}
    return Facts(found, inputs, AsOf.at(at, MANILA))


def decide(text, factors=(), at=NOVEMBER, **inputs):
    """The verdict of a text on facts."""
    return evaluate(compiled(text), facts(factors, at, **inputs))


def codes(verdict):
    """The reason codes in order."""
    return [str(reason.code) for reason in verdict.reasons]
