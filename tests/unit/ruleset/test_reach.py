"""Cases that are offered for what no case reaches."""

from __future__ import annotations

import re

import pytest

from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import Goal, coverage, run_cases
from decision_service.rules.tests_file import parse_cases
from decision_service.workbench.new_cases import ready_cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, compiled, rules, stages

OFFER = "offer:\n  approved_amount: inputs.requested_amount\n"
TEXT = stages(
    rules(
        "id: short, when: income.months_12m < 4, then: DECLINE, reason: SHORT",
        "id: kind, when: 'inputs.customer_type == \"new\"', then: REFER, reason: GAPS",
        "id: debt, when: inputs.declared_monthly_debt > 5000, then: REFER, reason: DEBT",
        "id: both, when: income.months_24m < 6 and income.volatility_6m > 3, then: DECLINE, "
        "reason: SHORTER",
        "id: fine, when: income.months_12m >= 6, then: APPROVE",
    ),
    head=HEAD,
    tail=OFFER,
)
CASES = """\
ruleset: test-loan
version: 1
as_of: 2026-11-15
defaults:
  inputs: {requested_amount: 20000, customer_type: existing, declared_monthly_debt: 0}
  factors: {income.months_12m: 12, income.months_24m: 24, income.volatility_6m: 0.1}
cases:
  - name: a case
    expect: {outcome: APPROVE}
"""


@pytest.fixture(scope="module")
def ruleset():
    """A ruleset with rules on factors, on labels, on an input that may be left out, and on two."""
    return compiled(TEXT)


def run(ruleset, text):
    """The results of a file of cases, which must have no fault."""
    file = parse_cases("tests/a.yaml", text, ruleset, CATALOGUE)
    assert render_all(file.diagnostics) == ""
    return run_cases(ruleset, file.cases)


def offered(ruleset, text):
    """The cases that are offered beside a file's own, by goal."""
    results = run(ruleset, text)
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    missed = coverage(ruleset, results).missed
    return missed, ready_cases(files, ruleset, CATALOGUE, results, missed)


def test_offered_cases_pass_and_reach_everything(ruleset):
    """Pasted under `cases`, they pass at once, and nothing is missed any more."""
    missed, found = offered(ruleset, CASES)
    assert set(found) == set(missed) != set()
    results = run(ruleset, CASES + "".join(f"{case}\n" for case in found.values()))
    assert [r.case.name for r in results if not r.passed] == []
    assert coverage(ruleset, results).missed == ()


def test_an_offered_case_changes_no_more_than_it_must(ruleset):
    """One value is changed where one is enough; an input that may be left out is taken back."""
    _, found = offered(ruleset, CASES)
    short = found[Goal("rule `short`", "true")]
    assert re.search(r"    factors: \{income\.months_12m: [0-3]\}\n", short)
    assert short.endswith("    expect: {outcome: DECLINE, reasons: [SHORT]}")
    assert "inputs: {customer_type: new}" in found[Goal("rule `kind`", "true")]
    unknown = found[Goal("rule `debt`", "unknown")]
    assert "inputs: {declared_monthly_debt: missing NOT_SENT}" in unknown
    assert "factors" not in unknown


def test_what_the_case_before_changed_is_left_out_where_it_does_not_matter(ruleset):
    """Made-up facts begin with a case that changes two factors; the goal needs neither."""
    own = "a case\n    factors: {income.volatility_6m: 0.2, income.months_24m: 20}\n"
    _, found = offered(ruleset, CASES.replace("a case\n", own))
    assert "months_24m" not in found[Goal("rule `short`", "true")]
    assert "factors" not in found[Goal("rule `kind`", "true")]


def test_without_a_case_to_begin_with_none_is_offered(ruleset):
    """A version that nobody has described an applicant of has no defaults to change."""
    missed = coverage(ruleset, ()).missed
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    assert ready_cases(files, ruleset, CATALOGUE, (), missed) == {}


LISTED = stages(
    rules(
        "id: listed, when: inputs.employer_code in lists.blocked, then: REFER, reason: GAPS",
        "id: outside, when: inputs.employer_code not in lists.pilot, then: REFER, reason: SMALL",
        "id: fine, when: income.months_12m >= 6, then: APPROVE",
    ),
    head=HEAD.replace("reasons:", "  employer_code: {type: text}\nreasons:", 1),
)
LISTS = {"lists/blocked.csv": "key\nBAD\n", "lists/pilot.csv": "key\nGOOD\n"}
LISTED_CASES = """\
ruleset: test-loan
version: 1
as_of: 2026-11-15
defaults:
  inputs: {employer_code: GOOD}
  factors: {income.months_12m: 12}
  lists: {blocked: []}
cases:
  - name: a case
    expect: {outcome: APPROVE}
"""


def test_what_lists_decide_is_reached_by_their_contents():
    """A case that is offered gives the lists, so that it stands whatever their files hold."""
    ruleset = compiled(LISTED, lists=LISTS)
    results = run(ruleset, LISTED_CASES)
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", LISTED, lists=LISTS)
    missed = coverage(ruleset, results).missed
    found = ready_cases(files, ruleset, CATALOGUE, results, missed)
    assert set(found) == set(missed)
    assert "lists: {blocked: [GOOD]}" in found[Goal("rule `listed`", "true")]
    assert "lists: {pilot: []}" in found[Goal("rule `outside`", "true")]
    text = LISTED_CASES + "\n".join(found.values()) + "\n"
    again = run(ruleset, text)
    assert all(result.passed for result in again)
    assert coverage(ruleset, again).missed == ()


DATED = stages(
    rules(
        "id: ends, when: inputs.contract_end <= derived.latest, then: REFER, reason: GAPS, "
        "when_missing: SKIP, because: open contracts have no end",
        "id: listed, when: inputs.employer_code in lists.blocked, then: REFER, reason: SMALL, "
        "when_missing: SKIP, because: some have no employer",
        "id: low, when: income.conservative_6m < 9000, then: DECLINE, reason: SHORT",
        "id: fine, when: income.conservative_6m >= 9000, then: APPROVE",
    ),
    head=HEAD.replace(
        "reasons:",
        "  contract_end: {type: date}\n  employer_code: {type: text}\n"
        'derived:\n  latest: add_days("2026-12-31", 30)\nreasons:',
        1,
    ),
)
DATED_CASES = """\
ruleset: test-loan
version: 1
as_of: 2026-11-15
defaults:
  factors: {income.conservative_6m: 25000}
cases:
  - name: a case
    expect: {outcome: APPROVE}
"""


def test_dates_lists_and_amounts_are_reached_next_to_the_usual_case():
    """A date on either side of what it is compared with, a key sent to be found, no odd income."""
    lists = {"lists/blocked.csv": "key\nBAD\n"}
    ruleset = compiled(DATED, lists=lists)
    results = run(ruleset, DATED_CASES)
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", DATED, lists=lists)
    missed = coverage(ruleset, results).missed
    found = ready_cases(files, ruleset, CATALOGUE, results, missed)
    assert set(found) == set(missed)
    assert "inputs: {contract_end: 2027-01-30}" in found[Goal("rule `ends`", "true")]
    assert "inputs: {contract_end: 2027-01-31}" in found[Goal("rule `ends`", "false")]
    assert "lists: {blocked: [X1]}" in found[Goal("rule `listed`", "true")]
    assert "factors: {income.conservative_6m: 8999.99}" in found[Goal("rule `low`", "true")]
