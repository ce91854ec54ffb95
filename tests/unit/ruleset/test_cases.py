"""Rule tests: how they are read, run and counted."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome
from decision_service.rules.knockouts import Rule
from decision_service.rules.language.diagnostics import Place, render_all
from decision_service.rules.language.types import FLAG, Constant
from decision_service.rules.tests import Goal, coverage, run_cases
from decision_service.rules.tests_file import LegalMark, case_target, parse_cases
from decision_service.workbench.coverage import covers
from tests.kits.cases import cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, compiled, rules, stages

OFFER = "offer:\n  approved_amount: inputs.requested_amount\n  tier: \"'T1'\"\n"
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 0
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins: [{in: "[0, 6)", points: 0}, {in: "[6, 12]", points: 10}]
      bands: [{name: A, from: 10, then: APPROVE}, {name: B, then: REFER}]
"""
PAYSLIP = """\
conditions:
  - {id: payslip, when: offer.approved_amount > 400000, text: {en: A payslip}}
"""
FILE = """\
ruleset: test-loan
version: 1
as_of: 2026-11-15
defaults:
  inputs: {requested_amount: 20000}
  factors: {income.months_12m: 12, contributions.months_12m: 12}
cases:
  - name: a case
    expect: {outcome: APPROVE}
"""


@pytest.fixture(scope="module")
def ruleset():
    """A ruleset with a decline, a referral, an approval, a scorecard and a condition."""
    return compiled(
        stages(
            rules(
                "id: short, when: income.months_12m < 4, then: DECLINE, reason: SHORT",
                "id: gaps, when: contributions.months_12m < 6, then: REFER, reason: GAPS",
                "id: fine, when: income.months_12m >= 6, then: APPROVE",
            ),
            CARD,
            head=HEAD,
            tail=OFFER + PAYSLIP,
        )
    )


def _parse(ruleset, text):
    return parse_cases("rules/test-loan/tests/a.yaml", text, ruleset, CATALOGUE)


def _run(ruleset, expect, more=""):
    text = FILE.replace("{outcome: APPROVE}", expect).replace("a case\n", f"a case\n{more}")
    file = _parse(ruleset, text)
    assert render_all(file.diagnostics) == ""
    (result,) = run_cases(ruleset, file.cases)
    return result


def test_a_case_that_agrees_passes(ruleset):
    """A case passes when everything it names is as expected."""
    expect = (
        "{outcome: APPROVE, reasons: [], conditions: [], data_requests: [], "
        "offer: {approved_amount: 20000, tier: T1, kind: FULL}}"
    )
    result = _run(ruleset, expect)
    assert (result.passed, result.differences) == (True, ())


@pytest.mark.parametrize(
    ("expect", "field", "expected", "actual"), cases("ruleset/cases")["differences"]
)
def test_a_difference_shows_expected_beside_actual(ruleset, expect, field, expected, actual):
    """Each unmet expectation is told with its field, the expected and the actual value."""
    (difference,) = _run(ruleset, expect).differences
    assert (difference.field, difference.expected, difference.actual) == (field, expected, actual)


def test_a_case_overrides_the_defaults(ruleset):
    """A case's own factors and inputs replace the defaults of the same name, and only those."""
    more = "    factors: {income.months_12m: 2}\n    inputs: {requested_amount: 30000}\n"
    expect = "{outcome: DECLINE, reasons: [SHORT], offer: none}"
    assert _run(ruleset, expect, more).differences == ()


EDGES = """\
  - name: at the edges
    inputs: {requested_amount: 30000}
    edges:
      income.months_12m: {3: DECLINE SHORT, 4: REFER SCORE scores.card=0, 6: APPROVE bands.card=A}
      contributions.months_12m: {5: REFER POLICY GAPS, missing STALE: REFER DATA STALE_DATA}
      inputs.requested_amount: {400000: APPROVE conditions=, 400001: APPROVE conditions=payslip}
      as_of: {2026-11-16: APPROVE offer.approved_amount=30000}
"""


def test_a_line_of_edges_is_a_case_for_each_value(ruleset):
    """Each value is a case of its own name and place, over what the edges share."""
    file = _parse(ruleset, FILE + EDGES)
    assert render_all(file.diagnostics) == ""
    _, *results = run_cases(ruleset, file.cases)
    assert [(r.case.name, r.differences) for r in results if not r.passed] == []
    assert [r.case.name.removeprefix("at the edges: ") for r in results] == [
        *(f"income.months_12m {months}" for months in (3, 4, 6)),
        *("contributions.months_12m 5", "contributions.months_12m missing STALE"),
        *("inputs.requested_amount 400000", "inputs.requested_amount 400001"),
        "as_of 2026-11-16",
    ]
    assert results[1].case.place == Place("rules/test-loan/tests/a.yaml", 13, 45, 46)


@pytest.mark.parametrize(("old", "new", "code", "at"), cases("ruleset/cases")["edges"])
def test_a_slip_in_a_line_of_edges_is_told_where_it_is(ruleset, old, new, code, at):
    """The slip is an error at its own place, once, whatever the number of values."""
    text = FILE + EDGES.replace(old, new, 1)
    told = _parse(ruleset, text).diagnostics
    [one] = [one for one in told if one.code == code]
    assert text.splitlines()[one.line - 1][one.column - 1 :].startswith(at)
    assert len(told) == (1 if at != "edgse" else 2)


def test_a_case_takes_back_an_input_of_the_defaults(ruleset):
    """`missing NOT_SENT` un-sends an input; a required one is then refused as a request is."""
    more = "    inputs: {requested_amount: missing NOT_SENT}\n"
    expect = "{outcome: REFER, data_requests: [inputs.requested_amount]}"
    assert _run(ruleset, expect, more).differences == ()
    strict = compiled(
        stages(
            rules("id: fine, when: income.months_12m >= 6, then: APPROVE"),
            head=HEAD.replace("min: 1000,", "required: true, min: 1000,"),
        )
    )
    text = FILE.replace("a case\n", f"a case\n{more}")
    assert "R804" in [d.code for d in _parse(strict, text).diagnostics]


MORE = """\
  - {name: another, expect: {outcome: APPROVE}}
  - {name: third, expect: {outcome: APPROVE}}
"""


@pytest.mark.parametrize(("old", "new", "code"), cases("ruleset/cases")["shared"])
def test_a_slip_that_all_cases_share_is_told_once(ruleset, old, new, code):
    """What the defaults or the file lack is one error, with the number of cases."""
    [told] = _parse(ruleset, FILE.replace(old, new, 1) + MORE).diagnostics
    assert told.code == code
    assert ("3 cases: " in told.hint) is (code != "R122")


def test_a_wrong_input_of_a_case_is_told_at_that_case(ruleset):
    """Two cases that each say the same wrong value are two errors at two lines."""
    wrong = "inputs: {requested_amount: 5}, expect: {outcome: APPROVE}}\n"
    more = "".join(f"  - {{name: case {number}, {wrong}" for number in (1, 2))
    told = _parse(ruleset, FILE + more).diagnostics
    assert [(one.code, one.hint) for one in told] == [("R804", ""), ("R804", "")]


def test_missing_factors_are_written_with_their_cause(ruleset):
    """`missing CAUSE` makes a factor missing for that cause."""
    more = "    factors: {contributions.months_12m: missing STALE}\n"
    expect = "{outcome: REFER, refer_kind: DATA, reasons: [STALE_DATA]}"
    assert _run(ruleset, expect, more).passed


@pytest.mark.parametrize(("old", "new", "code", "message"), cases("ruleset/cases")["faults"])
def test_a_faulty_file_is_reported_and_has_no_cases(ruleset, old, new, code, message):
    """A fault in a file of cases is located and leaves no case to run."""
    file = _parse(ruleset, FILE.replace(old, new))
    found = next(d for d in file.diagnostics if d.code == code)
    assert message in f"{found.message}: {found.hint}"
    assert found.line > 0
    assert file.cases == ()


def test_coverage_counts_truths_and_reasons(ruleset):
    """Coverage tells which rules were true, false and unknown and which reasons were given."""
    file = _parse(ruleset, FILE)
    found = coverage(ruleset, run_cases(ruleset, file.cases))
    assert Goal("rule `fine`", "true") in found.reached
    assert Goal("rule `short`", "false") in found.reached
    assert Goal("rule `short`", "unknown") in found.missed
    assert Goal("reason", "SHORT") in found.missed
    assert found.percent == 100 * len(found.reached) // (len(found.reached) + len(found.missed))


def test_the_target_of_a_file_is_read_without_its_ruleset():
    """A file of cases says which ruleset version it is about, or nothing."""
    target = case_target("a.yaml", FILE)
    assert (target.ruleset, target.version) == ("test-loan", 1)
    assert case_target("a.yaml", "cases: []\n") is None


def test_a_missing_factor_may_have_a_reason_of_its_own(ruleset):
    """`missing SOURCE_FAILED UPSTREAM_TIMEOUT` refers for that reason; another word is reported."""
    given = "income.months_12m: missing SOURCE_FAILED UPSTREAM_TIMEOUT"
    text = FILE.replace("income.months_12m: 12", given).replace(
        "{outcome: APPROVE}", "{outcome: REFER, reasons: [UPSTREAM_TIMEOUT]}"
    )
    (result,) = run_cases(ruleset, _parse(ruleset, text).cases)
    assert result.passed
    wrong = _parse(ruleset, text.replace(given, given.replace("TIMEOUT", "TIEMOUT")))
    fault = next(d for d in wrong.diagnostics if d.code == "R806")
    assert (fault.code, fault.hint) == ("R806", "did you mean `UPSTREAM_TIMEOUT`?")


@pytest.mark.parametrize(
    ("other", "covered"), [("params.cap_of_fees", True), ("params.cap", False)]
)
def test_a_mark_covers_the_figures_of_its_check_alone(other, covered):
    """A figure whose name only begins like the check's is no second use of it."""
    here = Place("v1.yaml", 1, 1, 2)
    when = Constant(FLAG, value=True, text="offer.rate > params.cap", place=here)
    rule = Rule("cap", when, Outcome.DECLINE, "CAP", "", Outcome.REFER, "", (), here)
    mark = LegalMark(rule, "legal", "the rate is far below it", here)
    assert covers(mark, "params.cap", f"{when.text}\nderived: {other}") is covered
