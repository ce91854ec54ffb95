"""Laws: how a file is read, whom one may apply to, and what versions lack of one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rulebook.laws import law_problems
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Severity, render_all
from decision_service.rules.law import may_apply, read_law
from decision_service.rules.program import RulesetFiles
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import ROOT, rules, stages

TEXT = (ROOT / "rules" / "_law" / "ph-prices.yaml").read_text()
LAW = read_law("rules/_law/ph-prices.yaml", "ph-prices", TEXT).law
LAWS = {"ph-prices": LAW}
LINES = {"approved_amount": "inputs.requested_amount"}
PRICE = {
    "nominal_rate": "0.05",
    "effective_rate": "0.06",
    "fees": "0.01 * offer.approved_amount",
    "late_penalty": "0.05",
    "most_total_cost": "offer.approved_amount",
    "price": "{" + ", ".join(
        f"{key}: offer.{key}"
        for key in ("nominal_rate", "effective_rate", "fees", "late_penalty", "most_total_cost")
    ) + "}",
}  # fmt: skip
PROMISE = "guarantees:\n  - {name: the ceilings, law: ph-prices}\n"


def version(lines, edits=(), tail=""):
    """A version that approves everybody the offer of these lines."""
    written = "".join(f"  {key}: {value}\n" for key, value in {**LINES, **lines}.items())
    written += "  reason: SMALL\n" if "minimum_amount" in lines else ""
    approve = rules("id: all, when: income.months_24m >= 0, then: APPROVE")
    text = stages(approve, tail=f"offer:\n{written}{tail}")
    for old, new in dict(edits).items():
        assert old in text
        text = text.replace(old, new)
    found = compile_ruleset(
        RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text), catalogue(), checks=()
    )
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def told(found, decided=(), laws=LAWS):
    """The codes and severities of what a version lacks of the laws."""
    return [(d.code, d.severity) for d in law_problems(laws, [found], decided)]


@pytest.mark.parametrize(
    ("key", "before", "from_april"),
    [("nominal_rate", None, "0.06"), ("effective_rate", "0.15", "0.12"),
     ("late_penalty", None, "0.05"), ("most_total_cost", None, "1")],
)  # fmt: skip
def test_a_ceiling_is_the_one_of_the_day(key, before, from_april):
    """Loans from 2026-04-01 on have four ceilings; the day before there was one, of 15 %."""
    assert LAW.most(key, date(2026, 3, 31)) == (before and Decimal(before))
    assert LAW.most(key, date(2026, 4, 1)) == Decimal(from_april)


def test_four_months_are_seventeen_weeks():
    """No four months hold eighteen weeks, and all hold seventeen."""
    assert LAW.weeks == 17


@pytest.mark.parametrize(("lines", "edits", "within"), cases("ruleset/law")["scope"])
def test_whether_an_offer_may_be_within_a_law(lines, edits, within):
    """Amount and term are inclusive; of months and weeks the shorter counts."""
    assert may_apply(version(lines, edits), LAW) is within


@pytest.mark.parametrize(("old", "new", "codes"), cases("ruleset/law")["broken"])
def test_a_law_that_cannot_be_read_is_no_law(old, new, codes):
    """Its faults have a place and a code, and nothing is judged by half of it."""
    assert old in TEXT
    found = read_law("rules/_law/ph-prices.yaml", "ph-prices", TEXT.replace(old, new))
    assert found.law is None
    assert [d.code for d in found.diagnostics] == codes


def test_an_offer_within_the_law_says_its_price_and_proves_it():
    """Without a price R530, without a guarantee R531: errors, and warnings of what has decided."""
    bare, silent = version({}), version(PRICE)
    assert told(bare) == [("R530", Severity.ERROR)]
    assert told(bare, {bare.digest}) == [("R530", Severity.WARNING)]
    assert told(silent) == [("R531", Severity.ERROR)]
    assert told(silent, {silent.digest}) == [("R531", Severity.WARNING)]
    assert told(version(PRICE, tail=PROMISE)) == []


def test_a_guarantee_of_a_law_that_is_not_there_is_named():
    """R532 is also for a law of another currency, which would prove nothing."""
    whole = version(PRICE, tail=PROMISE)
    assert told(whole, laws={}) == [("R532", Severity.ERROR)]
    assert told(whole, laws={"ph-prices": replace(LAW, currency="USD")}) == [
        ("R532", Severity.ERROR)
    ]


def test_a_version_without_a_price_keeps_its_digest():
    """The digest of before the law: no version that has decided looks altered."""
    assert version({}).digest == KNOWN
    assert version(PRICE).digest != version({**PRICE, "price": "0.05"}).digest


KNOWN = "c9e327a82f4ef18bacda3e0168a09590a473f0626df5888ecdfb89b9cdaa6870"
