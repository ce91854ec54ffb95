"""Tables: hit policies, missing inputs and CSV files."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome
from decision_service.domain.values import Cause
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import evaluate, traces
from decision_service.rules.program import RulesetFiles
from decision_service.rules.table import MOST_SHOWN
from tests.kits.cases import cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import compiled, decide, facts, php, problems, rules, stages

FINE = rules("id: fine, when: income.months_24m >= 6, then: APPROVE", name="fine")


def table(hit, give, *rows, when="employment.status, income.conservative_6m"):
    lines = "".join(f"        - [{row}]\n" for row in rows)
    return (
        "  - name: limit\n    component: TABLE\n    table:\n      id: limit\n"
        f"      hit: {hit}\n      when: [{when}]\n      give: {{{give}}}\n"
        f"      rows:\n{lines}"
    )


LIMIT = table(
    "first",
    "max_amount: money, tier: text",
    'EMPLOYED, ">= 30000", 3 * income.conservative_6m, T1',
    'EMPLOYED, "-", 2 * income.conservative_6m, T2',
    '"-", "-", 1000, T3',
)
OFFER = "offer:\n  approved_amount: limit.max_amount\n  tier: limit.tier\n"


def _offer(text, status="EMPLOYED", pay=30000):
    pay = pay if isinstance(pay, Cause) else php(pay)
    factors = {"employment.status": status, "income.conservative_6m": pay, "income.months_24m": 12}
    return decide(text, factors)


CSV = """\
tier,employment.status,income.conservative_6m,max_amount
T1,EMPLOYED,">= 30000",3 * income.conservative_6m
T2,EMPLOYED,-,2 * income.conservative_6m

T3,-,-,"min(1000, income.conservative_6m)"
"""


def test_rows_may_come_from_a_csv_file():
    """Rows of a CSV file, its columns in any order, mean what the same rows in YAML mean."""
    inline = compiled(
        stages(LIMIT.replace(" 1000,", ' "min(1000, income.conservative_6m)",'), FINE, tail=OFFER)
    )
    text = stages(
        LIMIT[: LIMIT.index("      rows:")],
        "      rows: tables/limit.csv\n",
        FINE,
        tail=OFFER,
    )
    from_file = compiled(text, tables={"tables/limit.csv": "\ufeff" + CSV})
    assert from_file.digest == inline.digest
    assert (
        from_file.digest
        != compiled(text, tables={"tables/limit.csv": CSV.replace("T2", "T4")}).digest
    )


def test_a_csv_larger_than_allowed_is_refused():
    """A table file over 256 KiB is refused before it is split."""
    text = stages(
        LIMIT[: LIMIT.index("      rows:")],
        "      rows: tables/limit.csv\n",
        FINE,
        tail=OFFER,
    )
    assert "R102" in problems(text, tables={"tables/limit.csv": CSV + "\n" * 300_000})


def test_a_large_table_is_looked_up_by_value():
    """A table of a hundred rows finds the row of a value; its trace has fifty before it."""
    rows = [f'"[{n * 10}, {n * 10 + 10})", {1000 + n}, T{n}' for n in range(100)]
    text = stages(
        table(
            "unique", "max_amount: money, tier: text", '"< 0", 1, T', *rows, '">= 1000", 2, TT',
            when="income.conservative_6m",
        ),
        FINE,
        tail=OFFER,
    )  # fmt: skip
    ruleset = compiled(text)
    for pay, tier in [
        (0, "T0"),
        ("9.99", "T0"),
        (10, "T1"),
        ("999.99", "T99"),
        (-1, "T"),
        (1000, "TT"),
    ]:
        verdict = evaluate(
            ruleset, facts({"income.conservative_6m": php(pay), "income.months_24m": 12})
        )
        assert verdict.offer.tier == tier
        shown = [int(row.id.rpartition(" ")[2]) for row in traces(ruleset, verdict)[0].rules]
        assert shown == [*range(1, shown[-1] + 1)][-MOST_SHOWN - 1 :]


def test_the_trace_shows_the_row_that_counted():
    """A table's trace has the matching row with its cells and what it gave, and why none before."""
    ruleset = compiled(stages(LIMIT, FINE, tail=OFFER))
    given = facts(
        {
            "employment.status": "EMPLOYED",
            "income.conservative_6m": php(100),
            "income.months_24m": 12,
        }
    )
    trace = traces(ruleset, evaluate(ruleset, given))[0]
    assert trace.note == "row 2"
    passed, decided = trace.rules
    assert decided.effect == "max_amount ₱ 200, tier T2"
    assert [c.actual for c in decided.comparisons] == ["EMPLOYED", "₱ 100"]
    [short] = passed.comparisons
    assert (passed.id, passed.truth, passed.effect) == ("limit row 1", "FALSE", "")
    assert (short.left, short.right, short.actual) == (
        "income.conservative_6m",
        ">= 30000",
        "₱ 100",
    )


def test_a_missing_cell_that_is_satisfied_is_no_reason():
    """A row left open by one name does not blame another whose `missing` cell it satisfies."""
    rows = ("EMPLOYED, missing, 500, T0", '"-", "-", 1000, T3')
    text = stages(table("first", "max_amount: money, tier: text", *rows), FINE, tail=OFFER)
    verdict = _offer(text, Cause.NO_EVIDENCE, Cause.NO_DATA)
    assert [reason.factor for reason in verdict.reasons] == ["employment.status"]


def _messages(text):
    source = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    return [d.message for d in compile_ruleset(source, CATALOGUE).diagnostics]


@pytest.mark.parametrize(("cells", "where"), cases("ruleset/table")["regions"])
def test_a_doubly_or_uncovered_region_is_told_whole(cells, where):
    """Overlaps and gaps are told as the whole region, in the form of a cell."""
    rows = [f"{cell}, 1000" for cell in cells]
    text = stages(table("unique", "max_amount: money", *rows, when="income.months_12m"), FINE)
    assert any(where in message for message in _messages(text))


FLAGS = """\
  - name: speed
    component: TABLE
    table:
      id: speed
      hit: first
      when: [employment.has_payroll, income.months_12m, employment.status]
      give: {fast: flag, always: flag}
      rows:
        - [true, 12, EMPLOYED, true, true]
        - ["-", "-", "-", false, true]
"""


@pytest.mark.parametrize(
    ("months", "payroll", "status", "outcome"), cases("ruleset/table")["flags"]
)
def test_flags_are_outputs_and_a_bare_cell_is_what_it_equals(months, payroll, status, outcome):
    """A table gives flags that rules and offers read; 12 means == 12, EMPLOYED means that label."""
    text = stages(
        FLAGS,
        rules("id: quick, when: speed.fast and speed.always, then: APPROVE", name="quick"),
        rules("id: slow, when: not speed.fast, then: REFER, reason: GAPS", name="slow"),
        tail="offer:\n  approved_amount: inputs.requested_amount\n  fast: speed.fast\n",
    )
    assert not [code for code in problems(text) if code < "R500"]
    factors = {
        "income.months_12m": months,
        "employment.has_payroll": payroll,
        "employment.status": status,
    }
    verdict = decide(text, factors, requested_amount=php(5000))
    assert verdict.outcome == outcome
    assert verdict.offer.outputs["fast"] is (outcome == Outcome.APPROVE)


def test_a_bare_cell_is_the_operator_written_out():
    """`6` and `== 6` are one table, with one digest."""
    bare = stages(LIMIT.replace('">= 30000"', "30000"), FINE, tail=OFFER)
    written = stages(LIMIT.replace('">= 30000"', '"== 30000"'), FINE, tail=OFFER)
    assert compiled(bare).digest == compiled(written).digest


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda text: text.replace(",", ";"), "R135", "separated by `;`, not by commas"),
        (lambda text: text.replace(",", "\t"), "R135", "separated by tabs, not by commas"),
        (lambda text: text.replace("max_amount", "max_amont", 1), "R132", "`max_amont` is not"),
        (lambda text: text + "-,-,5,T9\n" * 2_000, "R123", "2,002 rows; 2,000 are allowed"),
    ],
)
def test_one_slip_of_a_table_file_is_one_error(change, code, words):
    """Another separator, a misspelt column, and too many rows are told once and alone."""
    rows = "      rows: tables/limit.csv\n"
    head, _, _ = LIMIT.partition("      rows:\n")
    text = stages(head + rows, FINE, tail=OFFER)
    csv = "employment.status,income.conservative_6m,max_amount,tier\nGIG,-,5,T1\n-,-,6,T2\n"
    source = RulesetFiles(
        "test-loan", "rules/test-loan/v1.yaml", text, tables={"tables/limit.csv": change(csv)}
    )
    [found] = [d for d in compile_ruleset(source, CATALOGUE).diagnostics if d.severity == "error"]
    assert found.code == code
    assert words in found.message
