"""The worked example of the rule language, with every construct, and its cases."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.values import Cause
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.explain import traces
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import ROOT, codes, facts, php

FOLDER = ROOT / "tests" / "rulesets" / "worked_example"
PATH = "rules/personal-loan-ph/v1.yaml"


@pytest.fixture(scope="module")
def compilation():
    """The worked example, compiled."""
    text = (FOLDER / "v1.yaml").read_text()
    return compile_ruleset(RulesetFiles("personal-loan-ph", PATH, text), CATALOGUE)


@pytest.fixture(scope="module")
def example(compilation):
    """The worked example's ruleset."""
    assert compilation.ruleset is not None, render_all(compilation.diagnostics)
    return compilation.ruleset


def _facts(months_24, months_12, income, contributions, debt=0, **inputs):
    factors = {
        "accounts.connected_count": 1,
        "income.months_24m": months_24,
        "income.months_12m": months_12,
        "income.conservative_6m": php(income),
        "contributions.months_12m": contributions,
        "liabilities.monthly_amortization": php(debt),
    }
    asked = {"requested_amount": php(20000), "requested_term_months": 6}
    return facts(factors, **{**asked, **inputs})


def test_the_example_loads_with_two_warnings(compilation):
    """The worked example compiles; its unused input and what it does to first jobs are told."""
    found = [(d.code, d.severity) for d in compilation.diagnostics]
    assert found == [("R504", "warning"), ("R509", "warning")]
    assert "of 4 to 5" in compilation.diagnostics[1].message


def test_the_cases_of_the_example_pass(example):
    """The worked cases pass."""
    text = (FOLDER / "cases.yaml").read_text()
    file = parse_cases("cases.yaml", text, example, CATALOGUE)
    assert file.diagnostics == ()
    results = run_cases(example, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert len(results) == 3
    assert 0 < coverage(example, results).percent < 100


def test_a_steady_earner_is_approved(example):
    """Full history and all contributions reach band A and tier T1 or T2 by income."""
    verdict = evaluate(example, _facts(24, 12, 25000, 12))
    assert (verdict.outcome, verdict.scores[0].band, verdict.offer.tier) == (
        Outcome.APPROVE,
        "A",
        "T2",
    )
    assert evaluate(example, _facts(24, 12, 35000, 12)).offer.tier == "T1"


def test_too_few_months_decline_with_all_reasons(example):
    """A short history declines by knock-out, affordability and score, with all four reasons."""
    verdict = evaluate(example, _facts(3, 3, 13000, 3, debt="4468.79"))
    assert verdict.outcome is Outcome.DECLINE
    assert codes(verdict) == [
        "SHORT_INCOME_HISTORY",
        "DEBT_TOO_HIGH",
        "INCOME_GAPS",
        "CONTRIBUTION_GAPS",
    ]
    shown = [(r.actual, r.required) for r in verdict.reasons]
    assert shown == [("3", ">= 4"), ("₱ 412.19", ">= ₱ 1,000"), ("3", ">= 10"), ("3", ">= 6")]
    assert (verdict.scores[0].score, verdict.scores[0].band) == (200, "D")


def test_a_grey_band_refers_with_a_reduced_offer(example):
    """A grey score refers with kind SCORE and an offer reduced to the limit that binds."""
    verdict = evaluate(example, _facts(14, 8, 9700, 4))
    assert (verdict.outcome, verdict.refer_kind, verdict.scores[0].band) == (
        Outcome.REFER,
        ReferKind.SCORE,
        "C",
    )
    assert codes(verdict) == ["CONTRIBUTION_GAPS", "INCOME_GAPS"]
    assert (verdict.offer.approved_amount, verdict.offer.tier) == (php(9500), "T4")
    assert verdict.offer.binding == "limit.max_amount"


def test_contributions_that_failed_refer_whatever_the_rest(example):
    """A failed source in the score refers although the worst total would approve."""
    given = _facts(24, 12, 25000, Cause.SOURCE_FAILED)
    verdict = evaluate(example, given)
    assert (verdict.outcome, verdict.refer_kind, codes(verdict)) == (
        Outcome.REFER,
        ReferKind.DATA,
        ["SOURCE_FAILED"],
    )
    score = verdict.scores[0]
    assert (score.score, score.best_score, score.band) == (280, 340, "B")


def test_the_legal_cap_is_checked_last(example):
    """A small, short loan over the rate cap is referred with kind LEGAL."""
    text = (FOLDER / "v1.yaml").read_text().replace("0.05", "0.13")
    files = RulesetFiles("personal-loan-ph", PATH, text)
    priced = compile_ruleset(files, CATALOGUE).ruleset
    asked = {"requested_amount": php(10000), "requested_term_months": 4}
    verdict = evaluate(priced, _facts(24, 12, 25000, 12, **asked))
    assert (verdict.outcome, verdict.refer_kind, codes(verdict)) == (
        Outcome.REFER,
        ReferKind.LEGAL,
        ["RATE_CAP"],
    )
    before = evaluate(example, _facts(24, 12, 25000, 12, **asked))
    assert before.outcome is Outcome.APPROVE


def test_every_stage_is_recorded_even_for_the_declined(example):
    """All stages run and are traced whatever the first concludes; offers only where made."""
    verdict = evaluate(example, _facts(3, 3, 13000, 3, debt="4468.79"))
    rows = {t.name: t for t in traces(example, verdict)}
    assert list(rows) == [
        "eligibility",
        "affordability",
        "score",
        "limit",
        "offer",
        "conditions",
        "post_checks",
    ]
    assert rows["score"].note == "stability = 200, band D"
    assert rows["limit"].note == "row 5"
    assert rows["offer"].rules == ()
    (no_source, short) = rows["eligibility"].rules
    assert (no_source.truth, no_source.effect) == ("FALSE", "")
    assert (short.truth, short.effect, short.reason) == ("TRUE", "DECLINE", "SHORT_INCOME_HISTORY")
    (seen,) = short.comparisons
    assert (seen.left, seen.actual, seen.operator, seen.right, seen.required) == (
        "income.months_24m",
        "3",
        "<",
        "params.min_income_months",
        "4",
    )


def test_no_facts_at_all_are_referred(example):
    """With no facts whatever the answer is REFER of kind DATA."""
    verdict = evaluate(example, Facts({}, {}, facts().as_of))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
