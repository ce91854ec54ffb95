"""What a verdict keeps of every part, for whoever asks for its trace."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from decision_service.domain.decision import Truth
from decision_service.domain.values import Cause
from decision_service.rules.cells import cell_tree
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.stages import unconditional
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
        runner, record = _run(stage, each)
        if isinstance(runner, TableRunner) and record is not None:
            assert _by_masks(runner, record[2]) == _by_conditions(runner, values)


@LAWS
@given(cases())
def test_the_only_true_row_of_a_tables_trace_is_the_last_and_the_one_that_decided(case):
    """Each row before it, or each of all where none decided, shows a cell that is not true."""
    ruleset, factors, inputs, as_of = case
    verdict = evaluate(ruleset, Facts(factors, inputs, as_of))
    shown = {stage.name: stage for stage in traces(ruleset, verdict)}
    values, noted, _ = verdict.raw_trace
    for stage, each in zip(ruleset.program.stages, noted, strict=True):
        runner, record = _run(stage, each)
        if not isinstance(runner, TableRunner) or record is None:
            continue
        *before, last = (row for row in shown[stage.name].rules if row.id != "segment")
        table, found, rows = runner.grid.id, record[0], _by_conditions(runner, values)
        decided = not isinstance(found, Unknown)
        assert last.id == (f"{table} row {found + 1}" if decided else table)
        assert last.truth == (Truth.TRUE if decided else Truth.UNKNOWN)
        rows = rows[:found] if decided else rows
        assert [row.id for row in before] == [f"{table} row {n}" for n in range(1, len(rows) + 1)]
        for row, truths in zip(before, rows, strict=True):
            assert row.truth == (Truth.FALSE if Truth.FALSE in truths else Truth.UNKNOWN)
            assert [c.truth for c in row.comparisons] == [row.truth] * (row.truth in truths)
            assert bool(row.comparisons) or (not decided and row.note)


def _run(stage, found):
    """What runs a stage once its segment holds, and its record; None where it was not run."""
    runner = unconditional(stage.runner)
    return runner, found.record if runner is stage.runner else found.record[0].inner


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
    """Of a row that did not count its first false cell is shown, else its first UNKNOWN one."""
    given_facts = {**FULL, "employment.status": "GIG", "employment.has_payroll": Cause.NO_DATA}
    found = traces(everything, evaluate(everything, facts(given_facts, **ASKED)))
    [rows] = (stage.rules for stage in found if stage.name == "price")
    assert [(row.id, row.truth, [c.left for c in row.comparisons]) for row in rows] == [
        ("price row 1", "FALSE", ["card.band"]),
        ("price row 2", "UNKNOWN", ["employment.has_payroll"]),
        ("price row 3", "UNKNOWN", ["employment.has_payroll"]),
        ("price row 4", "FALSE", ["card.band"]),
        ("price", "UNKNOWN", []),
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
