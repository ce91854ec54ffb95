"""Evaluation as a whole, held against a slow reading of the same files, and worked examples."""

from __future__ import annotations

import os
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.author.mutation import FiguresRun, report_on
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.values import Money
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate, load, traces
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from tests.fakes.examples import FIRST
from tests.kits.cases import case_text
from tests.oracles.rule_facts import facts as facts_of_oracle
from tests.oracles.rules import Answer, Rulebook
from tests.oracles.rulesets import FACTORS, ruleset_text
from tests.unit.rules.kit import (
    CATALOGUE,
    HEAD,
    LAWS,
    ROOT,
    anything,
    compiled,
    facts,
    loosely_compiled,
    php,
)

ASKED = {"requested_amount": php(20000), "requested_term_months": 6}

EVERYTHING = case_text("ruleset/everything")

VALUES = {
    "income.months_12m": st.integers(0, 12),
    "contributions.months_12m": st.integers(0, 12),
    "income.volatility_6m": st.decimals(0, 2, places=3),
    "income.conservative_6m": st.integers(0, 60_000).map(php),
    "liabilities.monthly_amortization": st.sampled_from([0, 500, "12000.50", 30000]).map(php),
    "employment.status": st.sampled_from(["EMPLOYED", "GIG", "UNEMPLOYED"]),
    "employment.has_payroll": st.booleans(),
}


@st.composite
def some_facts(draw):
    """Facts in which up to three factors have no value, or one of another type."""
    odd = st.dictionaries(st.sampled_from(sorted(VALUES)), anything, max_size=3)
    return {name: draw(values) for name, values in VALUES.items()} | draw(odd)


@pytest.fixture(scope="module")
def everything():
    """A ruleset with every construct and kind of cell."""
    return compiled(HEAD + EVERYTHING)


@LAWS
@given(some_facts(), st.lists(st.sampled_from([ASKED, {}, {"customer_type": "new"}]), max_size=3))
def test_factors_are_loaded_once_for_any_inputs(everything, given_facts, asked):
    """What was loaded before gives the same verdicts, and is left as it was."""
    found = facts(given_facts)
    loaded = load(everything, found.factors, found.as_of)
    for inputs in asked:
        plain = Facts(found.factors, inputs, found.as_of)
        again = Facts(found.factors, inputs, found.as_of, loaded)
        assert evaluate(everything, again) == evaluate(everything, plain)
    assert load(everything, found.factors, found.as_of) == loaded


def test_every_construct_has_its_part_in_a_verdict(everything):
    """A complete applicant gets a reduced offer, what binds it, and a condition."""
    given_facts = {
        "income.months_12m": 12,
        "income.volatility_6m": Decimal("0.1"),
        "income.conservative_6m": php(30000),
        "liabilities.monthly_amortization": php(0),
        "employment.status": "EMPLOYED",
        "employment.has_payroll": True,
    }
    asked = {**ASKED, "requested_amount": php(200000)}
    verdict = evaluate(everything, facts(given_facts, **asked))
    assert (verdict.outcome, verdict.offer.kind) == (Outcome.APPROVE, "REDUCED")
    assert verdict.offer.binding == "annuity_amount(derived.room, params.rate, 6)"
    assert [condition.id for condition in verdict.conditions] == ["slip"]


def test_one_missing_value_leaves_the_other_parts_alone(everything):
    """A scorecard that needs no missing value has a certain total."""
    given_facts = {"employment.status": "GIG", "income.conservative_6m": php(30000)}
    verdict = evaluate(everything, facts(given_facts, **ASKED))
    assert [(s.band, s.score, s.best_score) for s in verdict.scores] == [
        ("B", Decimal("42.75"), Decimal("42.75"))
    ]


CASES = int(os.environ.get("ORACLE_CASES", "1000"))

PER_RULESET = 25

CHUNKS = 8

BINDINGS = ("binding", "term_binding")

_BLANKS = re.compile(r"\s")


def answer_of(ruleset, verdict):
    """A verdict in the oracle's form."""
    return Answer(
        outcome=str(verdict.outcome),
        refer_kind=str(verdict.refer_kind or ""),
        reasons=tuple((r.code, r.component, r.factor, r.points_lost) for r in verdict.reasons),
        scores=tuple((s.scorecard, s.score, s.best_score, s.band) for s in verdict.scores),
        offer=None if verdict.offer is None else _terms(verdict.offer),
        conditions=tuple(c.id for c in verdict.conditions),
        valid_until=verdict.valid_until,
        param_change=verdict.param_change,
        truths=dict(_truths(traces(ruleset, verdict))),
        tags=tuple((tag.name, tag.told) for tag in verdict.tags),
    )


def _terms(offer):
    fixed = ("approved_amount", "max_amount", "term_months", "monthly_rate", *BINDINGS)
    named = {name: getattr(offer, name) for name in fixed}
    found = {"kind": offer.kind, **named, **offer.outputs}
    plain = {n: v.major if isinstance(v, Money) else v for n, v in found.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _truths(stages):
    for stage in stages:
        for row in stage.rules:
            if row.id == "segment":
                yield f"applies {stage.name}", str(row.truth)
            elif stage.component == "SCORECARD":
                yield f"bin {row.id}", row.comparisons[0].right
            elif stage.component == "TABLE":
                yield from _rows(stage)
            elif stage.name != "offer":
                yield row.id, str(row.truth)


def _rows(stage):
    """The number of the row that counted; the last line has none where none did."""
    rows = [row for row in stage.rules if row.id != "segment"]
    name = f"table {rows[0].id.partition(' ')[0]}"
    yield name, [int(row.id.rpartition(" ")[2]) for row in rows if row.truth == "TRUE"]


def _spaceless(answer):
    """An answer whose expressions are compared without their blanks."""
    reasons = tuple((c, k, _BLANKS.sub("", f), p) for c, k, f, p in answer.reasons)
    bindings = {name: _BLANKS.sub("", (answer.offer or {}).get(name, "")) for name in BINDINGS}
    return {**vars(answer), "reasons": reasons, "offer": answer.offer and answer.offer | bindings}


def assert_same(text, number, ruleset=None, oracle=None):
    """The oracle and the evaluator agree on one made-up set of facts."""
    ruleset, oracle = ruleset or loosely_compiled(text), oracle or Rulebook(text, FACTORS)
    factors, inputs, as_of = facts_of_oracle(text, number)
    verdict = evaluate(ruleset, Facts(factors, inputs, as_of))
    expected = oracle.decide(factors, inputs, as_of.instant, as_of.date)
    assert _spaceless(answer_of(ruleset, verdict)) == _spaceless(expected)
    asked = {request.factor for request in verdict.data_requests}
    assert asked >= {r.factor for r in verdict.reasons if r.actual.startswith("missing ")}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_evaluator_agrees_with_a_slow_reading(chunk):
    """Outcome, kind, reasons, scores, offer, conditions, tags, expiry and all truths are equal."""
    for seed in range(FIRST + chunk, FIRST + CASES // PER_RULESET, CHUNKS):
        text = ruleset_text(seed)
        ruleset, oracle = loosely_compiled(text), Rulebook(text, FACTORS)
        for number in range(seed * PER_RULESET, (seed + 1) * PER_RULESET):
            try:
                assert_same(text, number, ruleset, oracle)
            except AssertionError as error:
                error.add_note(f"ruleset {seed}, facts {number}")
                raise


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


def test_no_facts_at_all_are_referred(example):
    """With no facts whatever the answer is REFER of kind DATA."""
    verdict = evaluate(example, Facts({}, {}, facts().as_of))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


CONSTRUCTS = read_rules(ROOT / "tests" / "rulesets" / "constructs")

PRODUCTS = {product.product: product for product in CONSTRUCTS.products}


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_construct_is_checked_tested_covered_and_its_figures_are_noticed(name):
    """Nothing is remarked on, every case passes, and no branch or figure goes untested."""
    product = PRODUCTS[name]
    files = files_of(CONSTRUCTS, product, 1)
    compilation = compile_ruleset(files, catalogue())
    assert render_all(compilation.diagnostics) == ""
    file = parse_cases(
        product.tests[0].path, product.tests[0].text, compilation.ruleset, catalogue()
    )
    assert render_all(file.diagnostics) == ""
    results = run_cases(compilation.ruleset, file.cases)
    assert [(r.case.name, r.differences, r.problem) for r in results if not r.passed] == []
    assert coverage(compilation.ruleset, results).missed == ()
    run = FiguresRun(files, compilation.ruleset, catalogue(), results)
    unnoticed = [t.change for t in report_on(run, file.marks).unnoticed]
    assert [f"{c.place.line} {c.at} {c.before} to {c.after}" for c in unnoticed] == []
