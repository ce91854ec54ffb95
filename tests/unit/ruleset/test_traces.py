"""What a verdict keeps of every part, for whoever asks for its trace."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from decision_service.domain.decision import Truth
from decision_service.domain.values import Cause
from decision_service.rules.cells import cell_tree
from decision_service.rules.evaluate import Facts, evaluate, passed_over, traces
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.values import exactly
from decision_service.rules.stages import own_record, unconditional
from decision_service.rules.table import TableRunner
from decision_service.rules.wording import truth_of
from tests.unit.ruleset.generated import LAWS, cases
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, php
from tests.unit.ruleset.test_evaluator import ASKED, EVERYTHING


@pytest.fixture(scope="module")
def everything():
    """A ruleset with every construct and kind of cell."""
    return compiled(HEAD + EVERYTHING)


@LAWS
@given(cases())
def test_a_cell_of_a_table_has_the_truth_of_its_condition(case):
    """The rows noted for a column say of each cell what the cell as a condition says."""
    ruleset, factors, inputs, as_of = case
    values, noted, _ = evaluate(ruleset, Facts(factors, inputs, as_of)).raw_trace
    for stage, each in zip(ruleset.program.stages, noted, strict=True):
        runner, record = unconditional(stage.runner), own_record(stage.runner, each.record)
        if isinstance(runner, TableRunner) and record is not None:
            assert _by_masks(runner, record[2]) == _by_conditions(runner, values)


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


def test_a_row_that_a_missing_value_leaves_open_is_unknown_not_false(everything):
    """Of a row passed over the first false cell is shown, and only else the first UNKNOWN one."""
    given_facts = {**FULL, "employment.status": "GIG", "employment.has_payroll": Cause.NO_DATA}
    verdict = evaluate(everything, facts(given_facts, **ASKED))
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
    assert _weighed(found) == [
        ("FALSE", ["FALSE", "TRUE"]),
        ("TRUE", ["TRUE"]),
    ]


def test_a_rule_that_misses_a_value_notes_which_comparison_was_unknown():
    """Only the comparison that read the missing factor is UNKNOWN."""
    found = facts({"income.months_12m": 2, "income.months_3m": Cause.NO_DATA})
    assert _weighed(found) == [
        ("UNKNOWN", ["TRUE", "UNKNOWN"]),
        ("TRUE", ["TRUE"]),
    ]


def _weighed(found):
    ruleset = compiled(HEAD + RULES)
    [gate] = traces(ruleset, evaluate(ruleset, found))
    return [(str(r.truth), [str(c.truth) for c in r.comparisons]) for r in gate.rules]
