"""Traces noted while a ruleset ran, beside those made afterwards from its values."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.missing import Cause
from decision_service.domain.verdict import Outcome, Truth
from decision_service.language.arithmetic import exactly
from decision_service.language.threevalued import compile_tree
from decision_service.ruleset.carefully import Parts
from decision_service.ruleset.constructs.cell_trees import cell_tree
from decision_service.ruleset.constructs.lookup import TableRunner
from decision_service.ruleset.evaluator import evaluate
from decision_service.ruleset.explain import traces
from decision_service.ruleset.passed_over import passed_over
from decision_service.ruleset.wording import truth_of
from tests.unit.ruleset.generated import ASKED, anything, loosely_compiled, texts, with_inputs
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, php
from tests.unit.ruleset.test_quick import EVERYTHING, LAWS, RUNNERS, some_facts


@pytest.fixture(scope="module")
def everything():
    """A ruleset with every construct and kind of cell."""
    return compiled(HEAD + EVERYTHING)


def both(ruleset, given_facts):
    """The verdict with a trace, and without."""
    return evaluate(ruleset, given_facts, traced=True), evaluate(ruleset, given_facts)


def check_agreement(ruleset, given_facts):
    """The verdicts are equal but for the trace, and so is all that is made of them."""
    traced, plain = both(ruleset, given_facts)
    assert traced.raw_trace[0] == plain.raw_trace[0]
    assert msgspec.structs.replace(traced, raw_trace=plain.raw_trace) == plain
    parts = ruleset.program.parts
    assert parts.retraced(traced) == parts.retraced(plain)
    assert traces(ruleset, traced) == traces(ruleset, plain)
    assert passed_over(ruleset, traced) == passed_over(ruleset, plain)


@LAWS
@given(texts(handling=True), some_facts())
def test_generated_rulesets_note_what_the_careful_way_finds(text, given_facts):
    """A trace noted on the way is the one that the closures make of the values."""
    check_agreement(loosely_compiled(text), with_inputs(given_facts))


@LAWS
@given(some_facts(), st.sampled_from([ASKED, {}, {"requested_amount": php(900)}]), anything)
def test_every_construct_notes_what_the_careful_way_finds(everything, given_facts, asked, debt):
    """Derived names, all hit policies, offer, conditions and post-checks are noted alike."""
    check_agreement(everything, facts(given_facts, **{**asked, "declared_monthly_debt": debt}))


@LAWS
@given(texts(handling=True), some_facts())
def test_a_cell_of_a_table_has_the_truth_of_its_condition(text, given_facts):
    """The rows noted for a column say of each cell what the cell as a condition says."""
    ruleset = loosely_compiled(text)
    values, (noted, _) = evaluate(ruleset, with_inputs(given_facts), traced=True).raw_trace
    for stage, each in zip(ruleset.program.stages, noted, strict=True):
        if isinstance(stage.runner, TableRunner):
            matches = stage.reviewed(each, values).record[2]
            assert _by_masks(stage.runner, matches) == _by_conditions(stage.runner, values)


def _by_masks(runner, matches):
    def truth(row, column):
        if column.sure >> row & 1:
            return Truth.TRUE
        return Truth.UNKNOWN if column.open >> row & 1 else Truth.FALSE

    return [[truth(row, column) for column in matches] for row in range(len(runner.grid.rows))]


def _by_conditions(runner, values):
    names = runner.grid.names
    with exactly():
        return [
            [
                truth_of(compile_tree(cell_tree(cell, name))(values))
                for cell, name in zip(row.cells, names, strict=True)
            ]
            for row in runner.grid.rows
        ]


FULL = {
    "income.months_12m": 12,
    "income.volatility_6m": Decimal("0.1"),
    "income.conservative_6m": php(30000),
    "liabilities.monthly_amortization": php(0),
    "employment.status": "EMPLOYED",
    "employment.has_payroll": True,
}


def test_where_all_values_are_there_nothing_is_evaluated_again(everything, monkeypatch):
    """A noted trace is put into words without running any part a second time."""
    asked = {**ASKED, "requested_amount": php(200000)}
    traced, plain = both(everything, facts(FULL, **asked))
    expected = traces(everything, plain), passed_over(everything, plain)
    for runner in RUNNERS:
        monkeypatch.setattr(runner, "run", _refuse)
    monkeypatch.setattr(Parts, "_examine", _refuse)
    assert evaluate(everything, facts(FULL, **asked), traced=True) == traced
    assert (traces(everything, traced), passed_over(everything, traced)) == expected
    assert traced.outcome is Outcome.APPROVE


def _refuse(*_given):
    raise AssertionError("the careful way was asked")


def test_a_row_that_a_missing_value_leaves_open_is_unknown_not_false(everything):
    """Of a row passed over the first false cell is shown, and only else the first UNKNOWN one."""
    given_facts = {**FULL, "employment.status": "GIG", "employment.has_payroll": Cause.NO_DATA}
    for verdict in both(everything, facts(given_facts, **ASKED)):
        rows = passed_over(everything, verdict)["price"]
        assert [(each.row, each.name, each.truth) for each in rows] == [
            (1, "card.band", "FALSE"),
            (2, "employment.has_payroll", "UNKNOWN"),
            (3, "employment.has_payroll", "UNKNOWN"),
            (4, "card.band", "FALSE"),
        ]


RULES = """\
stages:
  - name: gate
    component: KNOCKOUT
    rules:
      - id: both
        when: income.months_12m < 3 and income.months_3m < 2
        then: DECLINE
        reason: SHORT
      - {id: default, when: income.months_12m >= 1, then: APPROVE}
"""


def test_a_noted_trace_has_every_comparison_of_a_rule():
    """A comparison is noted also where an earlier one has decided the condition."""
    found = facts({"income.months_12m": 12, "income.months_3m": 1})
    _, noted = evaluate(compiled(HEAD + RULES), found, traced=True).raw_trace
    assert noted == ((((False, (False, True)), (True, (True,))),), ())


def test_a_rule_that_misses_a_value_notes_which_comparison_was_unknown():
    """Only the comparison that read the missing factor is UNKNOWN."""
    found = facts({"income.months_12m": 2, "income.months_3m": Cause.NO_DATA})
    _, ((gate,), _) = evaluate(compiled(HEAD + RULES), found, traced=True).raw_trace
    (truth, weighed), default = gate
    assert [truth_of(each) for each in (truth, *weighed)] == ["UNKNOWN", "TRUE", "UNKNOWN"]
    assert default == (True, (True,))


def test_bins_points_and_rows_are_noted(everything):
    """A characteristic notes its bin and points, a table its row and each column's rows."""
    _, ((_, card, price, limit), _) = evaluate(
        everything, facts(FULL, **ASKED), traced=True
    ).raw_trace
    assert card == ((0, 2), (Decimal(40), Decimal(30)))
    assert price == (0, (0b0001, 0b1011))
    assert limit == (2, (0b100,))


def test_the_function_that_notes_is_made_when_it_is_first_asked_for(everything):
    """A ruleset that nobody traces has no second function; one that somebody does has one."""
    made = []
    program = everything.program
    counted = replace(program, traced=lambda: made.append(1) or program.traced())
    ruleset = replace(everything, program=counted)
    evaluate(ruleset, facts(FULL, **ASKED))
    assert made == []
    evaluate(ruleset, facts(FULL, **ASKED), traced=True)
    assert made == [1]
    assert program.traced() is program.traced()
