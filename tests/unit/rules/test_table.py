"""Tables with their hit policies, and lists of keys."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.decision import ListAnswer, Outcome
from decision_service.domain.values import Cause
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.inputs import MOST_KEYS, list_answers, read_list
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.program import ListQuestion, RulesetFiles, folded, hashed
from decision_service.rules.table import MOST_SHOWN
from decision_service.rules.tests import coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from tests.kits.cases import case_text, cases
from tests.unit.rules.kit import (
    CATALOGUE,
    HEAD,
    NOVEMBER,
    codes,
    compiled,
    decide,
    facts,
    php,
    problems,
    rules,
    stages,
)

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


WITH_CODE = HEAD.replace("reasons:", "  employer_code: {type: text}\nreasons:", 1)

BLOCKED = "id: blocked, when: inputs.employer_code in lists.blocked, then: DECLINE, reason: GAPS"

PILOT = "id: outside, when: inputs.employer_code not in lists.pilot, then: REFER, reason: SMALL"

LASTING = "id: fine, when: income.months_12m >= 6, then: APPROVE"

TEXT = stages(rules(BLOCKED, LASTING), head=WITH_CODE)

SALT = "00112233445566778899aabbccddeeff"

FILE = 'key,because,until\nACME-017,forged certificates,2026-11-15\n"Bad, Inc.",,\n'


def decided(text, lists, at=NOVEMBER, **inputs):
    """The verdict of a text with these list files on a year of income."""
    ruleset = compiled(text, lists={f"lists/{name}.csv": file for name, file in lists.items()})
    given = facts({"income.months_12m": 12}, at, **inputs)
    answers = list_answers(ruleset, given.inputs, given.as_of.date)
    return evaluate(ruleset, Facts(given.factors, given.inputs, given.as_of, answers=answers))


@pytest.mark.parametrize(("code", "outcome"), cases("ruleset/lists"))
def test_case_width_blanks_and_invisible_characters_hide_nobody(code, outcome):
    """A key is found however it is typed, and no part of one is taken for it."""
    assert decided(TEXT, {"blocked": FILE}, employer_code=code).outcome == outcome


def test_who_must_be_on_a_list_is_referred_where_not():
    """`not in` is the contrary of `in`."""
    text = stages(rules(PILOT, LASTING), head=WITH_CODE)
    inside, outside = (
        decided(text, {"pilot": "key\nGOOD\n"}, employer_code=code) for code in ("good", "other")
    )
    assert (inside.outcome, outside.outcome) == (Outcome.APPROVE, Outcome.REFER)
    assert codes(outside) == ["SMALL"]


@pytest.mark.parametrize("rule", [BLOCKED, PILOT])
def test_an_input_that_was_not_sent_is_on_no_list_and_off_none(rule):
    """It is missing as in any comparison, so that the decision refers and asks for it."""
    text = stages(rules(rule, LASTING), head=WITH_CODE)
    name = "blocked" if rule is BLOCKED else "pilot"
    verdict = decided(text, {name: FILE})
    assert (verdict.outcome, codes(verdict)) == (Outcome.REFER, ["DATA_MISSING"])
    assert [request.factor for request in verdict.data_requests] == ["inputs.employer_code"]


def test_an_entry_counts_on_its_last_day_and_no_longer():
    """The day is the ruleset's own: on the evening of the 15th in UTC it is the 16th in Manila."""
    last, after = NOVEMBER, datetime(2026, 11, 15, 16, 30, tzinfo=UTC)
    assert decided(TEXT, {"blocked": FILE}, last, employer_code="ACME-017").outcome == "DECLINE"
    assert decided(TEXT, {"blocked": FILE}, after, employer_code="ACME-017").outcome == "APPROVE"


def test_a_hashed_list_answers_like_the_plain_one():
    """The key that is compared is the hash of the folded key under the list's salt."""
    key = hashed(folded("ACME-017"), SALT)
    file = f"sha256:{SALT},until\n{key},2026-11-15\n"
    assert decided(TEXT, {"blocked": file}, employer_code="acme-017").outcome is Outcome.DECLINE
    assert decided(TEXT, {"blocked": file}, employer_code=key).outcome is Outcome.APPROVE


def test_a_products_own_list_and_one_of_all_products_are_asked_alike():
    """A list in `_shared/lists` answers by its name."""
    ruleset = compiled(TEXT, lists={"_shared/lists/blocked.csv": FILE})
    [answer] = list_answers(ruleset, {"employer_code": "ACME-017"}, date(2026, 11, 1))
    assert (answer.list, answer.listed, answer.ends) == ("blocked", True, date(2026, 11, 16))


def test_the_content_of_a_list_is_no_part_of_the_version():
    """Another list gives another answer under the same digest; another name, another digest."""
    one, other = (compiled(TEXT, lists={"lists/blocked.csv": f"key\n{key}\n"}) for key in "AB")
    assert one.digest == other.digest
    assert one.lists["blocked"].digest != other.lists["blocked"].digest
    renamed = compiled(TEXT.replace("lists.blocked", "lists.bad"), lists={"lists/bad.csv": FILE})
    assert renamed.digest != one.digest


def test_rules_of_another_time_compile_without_their_lists():
    """What is recorded of a version has no lists, and its answers are recorded with decisions."""
    ruleset = compiled(TEXT, lists=None)
    assert ruleset.questions == (ListQuestion("blocked", "employer_code"),)
    given = facts({"income.months_12m": 12}, employer_code="ACME-017")
    answer = ListAnswer("blocked", "employer_code", listed=True, digest="then")
    again = Facts(given.factors, given.inputs, given.as_of, answers=(answer,))
    assert evaluate(ruleset, again).outcome is Outcome.DECLINE
    assert evaluate(ruleset, given).outcome is Outcome.REFER  # nobody knows


def test_recorded_answers_stand_before_those_of_today():
    """A list that has changed since changes no decision that is judged again."""
    ruleset = compiled(TEXT, lists={"lists/blocked.csv": FILE})
    recorded = ListAnswer("blocked", "employer_code", listed=False, digest="then")
    sent = {"employer_code": "ACME-017"}
    assert list_answers(ruleset, sent, date(2026, 11, 1), [recorded]) == (recorded,)
    assert list_answers(ruleset, {}, date(2026, 11, 1), [recorded]) == ()


def test_a_trace_shows_the_value_and_the_list():
    """A case worker reads which value was looked for, and where."""
    ruleset = compiled(TEXT, lists={"lists/blocked.csv": FILE})
    verdict = decided(TEXT, {"blocked": FILE}, employer_code="ACME-017")
    [shown] = traces(ruleset, verdict)[0].rules[0].comparisons
    assert (shown.left, shown.operator, shown.right) == (
        "inputs.employer_code",
        "in",
        "lists.blocked",
    )
    assert (shown.actual, str(shown.truth)) == ("ACME-017", "TRUE")
    [reason] = verdict.reasons
    assert (reason.factor, reason.actual) == ("inputs.employer_code", "ACME-017")
    assert reason.required == "not in lists.blocked"


@pytest.mark.parametrize("written", ["{0} not in {1}", "not {0} in {1}"])
def test_a_trace_shows_not_in_as_it_is_written(written):
    """The comparison and its truth are those of `not in`, alone and within another condition."""
    asked = written.format("inputs.employer_code", "lists.pilot")
    rule = f"id: outside, when: {asked} and income.months_12m > 3, then: REFER, reason: SMALL"
    text = stages(rules(rule, LASTING), head=WITH_CODE)
    ruleset = compiled(text, lists={"lists/pilot.csv": "key\nGOOD\n"})
    for code, truth in (("other", "TRUE"), ("good", "FALSE")):
        verdict = decided(text, {"pilot": "key\nGOOD\n"}, employer_code=code)
        shown, months = traces(ruleset, verdict)[0].rules[0].comparisons
        assert (shown.operator, shown.right, str(shown.truth)) == ("not in", "lists.pilot", truth)
        assert (months.left, str(months.truth)) == ("income.months_12m", "TRUE")
        assert [r.required for r in verdict.reasons if r.code == "SMALL"] == (
            ["in lists.pilot"] if truth == "TRUE" else []
        )


CASES = case_text("ruleset/list_cases")


def test_cases_give_the_contents_of_lists():
    """Tests stand whatever the file holds, and reach true, false and unknown."""
    ruleset = compiled(TEXT, lists={"lists/blocked.csv": "key\nGOOD\n"})
    file = parse_cases("tests/a.yaml", CASES, ruleset, CATALOGUE)
    assert not file.diagnostics
    results = run_cases(ruleset, file.cases)
    assert [r.case.name for r in results if not r.passed] == []
    assert not [goal for goal in coverage(ruleset, results).missed if goal.what != "reason"]


def test_a_list_that_no_rule_asks_is_told_of_in_a_case():
    """The nearest name is offered."""
    ruleset = compiled(TEXT, lists={"lists/blocked.csv": FILE})
    file = parse_cases("a.yaml", CASES.replace("{blocked: [g", "{bloked: [g"), ruleset, CATALOGUE)
    [problem] = file.diagnostics
    assert (problem.code, problem.line) == ("R809", 12)
    assert problem.hint == "did you mean `blocked`?"


def test_a_list_beyond_its_limit_is_that_error_alone():
    """50,000 keys are read, and one more is an error of one line."""
    report = Report()
    text = "key\n" + "".join(f"K{n}\n" for n in range(MOST_KEYS + 1))
    assert read_list("lists/x.csv", text, report) is None
    assert [d.code for d in report.diagnostics()] == ["R102"]
    found = read_list("lists/x.csv", text[: text.rindex("K")], Report())
    assert found is not None
    assert len(found.keys) == MOST_KEYS


def test_a_list_that_could_not_be_read_is_not_unknown_too():
    """Its own fault is told, and no second one where a rule names it."""
    source = RulesetFiles(
        "test-loan", "rules/test-loan/v1.yaml", TEXT, unreadable={"lists/blocked.csv": "why"}
    )
    assert not [d for d in compile_ruleset(source, CATALOGUE).diagnostics if d.code == "R213"]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=12))
def test_folding_twice_is_folding_once(key):
    """Whatever is typed has one folded form, so that lists and inputs meet."""
    assert folded(folded(key)) == folded(key)
