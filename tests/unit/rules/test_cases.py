"""Rule tests: how they are read, run and counted, what coverage asks for, and cases offered."""

from __future__ import annotations

import re

import pytest

from decision_service.author.coverage import covers, reached_by_made_up
from decision_service.author.mutation import FiguresRun
from decision_service.domain.decision import Outcome
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.knockouts import Rule
from decision_service.rules.language.diagnostics import Place, render_all
from decision_service.rules.language.types import FLAG, Constant
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import Goal, certain_rules, coverage, goals_reached, run_cases
from decision_service.rules.tests_file import LegalMark, case_target, parse_cases
from tests.kits.cases import cases
from tests.oracles.rule_facts import facts as drawn_facts
from tests.oracles.rulesets import ruleset_text
from tests.unit.rules.kit import CATALOGUE, HEAD, compiled, legal, loosely_compiled, rules, stages

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


REQUIRED = HEAD.replace("max: 500000}", "max: 500000, required: true}").replace(
    "max: 36}", "max: 36, required: true}"
)

PARAMS = "params:\n  cap: {type: number, value: 0.15}\n"

DERIVED = """\
derived:
  debt: coalesce(inputs.declared_monthly_debt, 0)
  share: derived.debt / inputs.requested_amount
  factor_debt: derived.debt + liabilities.monthly_amortization
  instalment: annuity(inputs.requested_amount, params.cap, inputs.requested_term_months)
  is_new: coalesce(inputs.customer_type, "new") == "new"
"""

PRICED_OFFER = """\
offer:
  approved_amount: min(inputs.requested_amount, 3 * income.conservative_6m)
  term_months: inputs.requested_term_months
  monthly_rate: params.cap / 2
  instalment: annuity(offer.approved_amount, offer.monthly_rate, offer.term_months)
"""


def unknown_asked(when, *, offered=False):
    """Whether coverage asks for the UNKNOWN of a rule with this condition."""
    fine = "id: fine, when: income.months_24m >= 6, then: APPROVE"
    line = f"id: asked, when: '{when}', then: REFER, reason: LEGAL"
    gates = [rules(fine), legal(line)] if offered else [rules(fine, line)]
    ruleset = compiled(stages(*gates, head=REQUIRED + PARAMS + DERIVED, tail=PRICED_OFFER))
    asked = {goal.what for goal in coverage(ruleset, ()).missed if goal.which == "unknown"}
    assert "rule `fine`" in asked
    return "rule `asked`" in asked


@pytest.mark.parametrize("when", cases("ruleset/coverage")["known"])
def test_what_cannot_be_unknown_is_not_asked_for(when):
    """Required inputs, parameters, and what `coalesce` and bounds make of them have a truth."""
    assert not unknown_asked(when)


@pytest.mark.parametrize("when", cases("ruleset/coverage")["unknown"])
def test_what_can_be_unknown_is_asked_for(when):
    """A factor, an input that may be left out, and a divisor that may be zero need a case."""
    assert unknown_asked(when)


@pytest.mark.parametrize(("when", "asked"), cases("ruleset/coverage")["post_checks"])
def test_a_post_check_sees_an_offer_that_was_made(when, asked):
    """Its amount is above zero, and lines over what has values have values."""
    assert unknown_asked(when, offered=True) is asked


CHOSEN = """\
offer:
  term_months:
    of: {terms}
    when: {fits}
  approved_amount: inputs.requested_amount
  minimum_amount: 1000
  reason: LEGAL
"""

RATE = "  rate: {type: number, value: {new: 0.1, existing: 0.05}}\n"

SEGMENTS = "segments: [inputs.customer_type]\n"


@pytest.mark.parametrize("terms", [[12, 3], [3, 12]])
@pytest.mark.parametrize(("fits", "asked"), cases("ruleset/coverage")["chosen_terms"])
def test_what_a_chosen_term_rests_on_has_a_value_in_an_offer(terms, fits, asked):
    """A post-check on a parameter by label that each fitting term needs is never UNKNOWN."""
    fine = rules("id: fine, when: income.months_24m >= 6, then: APPROVE")
    check = "id: asked, when: 'params.rate > 0.07', then: REFER, reason: LEGAL"
    tail = CHOSEN.format(terms=terms, fits=fits)
    derived = DERIVED + "  priced: params.rate * 40\n"
    head = REQUIRED + PARAMS + RATE + SEGMENTS + derived
    ruleset = compiled(stages(fine, legal(check), head=head, tail=tail))
    missed = {goal.what for goal in coverage(ruleset, ()).missed if goal.which == "unknown"}
    assert ("rule `asked`" in missed) is asked
    assert "parameter `rate`" in missed


INPUTS_TO_SEND = re.compile(r"(?m)^(  \w+: \{type: (?:money|integer|flag|text, one_of: .*))\}$")


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("seed", [*range(30), 1010, 1324])
def test_what_is_not_asked_for_never_comes(seed, required):
    """No made-up applicant makes a condition UNKNOWN that is held to have a truth."""
    text = ruleset_text(seed)
    head, stages_, rest = text.partition("reasons:\n")
    ruleset = loosely_compiled(
        INPUTS_TO_SEND.sub(r"\1, required: true}", head) + stages_ + rest if required else text
    )
    certain = certain_rules(ruleset)
    for number in range(25 if certain else 0):
        factors, inputs, as_of = drawn_facts(text, number)
        if not _unsent(ruleset, inputs):
            verdict = evaluate(ruleset, Facts(factors, inputs, as_of))
            reached = goals_reached(ruleset, verdict)
            assert not {goal.what for goal in reached if goal.which == "unknown"} & certain


def _unsent(ruleset, inputs):
    """Required inputs that are not there: such an application reaches no rule."""
    return {name for name, spec in ruleset.inputs.items() if spec.required} - inputs.keys()


PLAIN_OFFER = "offer:\n  approved_amount: inputs.requested_amount\n"

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
    tail=PLAIN_OFFER,
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
def gated():
    """A ruleset with rules on factors, on labels, on an input that may be left out, and on two."""
    return compiled(TEXT)


def run(ruleset, text):
    """The results of a file of cases, which must have no fault."""
    file = parse_cases("tests/a.yaml", text, ruleset, CATALOGUE)
    assert render_all(file.diagnostics) == ""
    return run_cases(ruleset, file.cases)


def left_out(ruleset, text, source=TEXT, **files):
    """The goals that no case of a file reaches, and of them those that made-up facts reach."""
    results = run(ruleset, text)
    missed = coverage(ruleset, results).missed
    given = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", source, **files)
    tried = FiguresRun(given, ruleset, CATALOGUE, results=results)
    return set(missed), set(reached_by_made_up(tried, frozenset(missed)))


def test_made_up_facts_reach_everything(gated):
    """Rules on factors, on labels and on an input that may be left out: a mark hides none."""
    missed, found = left_out(gated, CASES)
    assert found == missed != set()


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
    """Made-up facts have other keys on lists than the files hold."""
    ruleset = compiled(LISTED, lists=LISTS)
    missed, found = left_out(ruleset, LISTED_CASES, LISTED, lists=LISTS)
    assert found == missed != set()


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
    missed, found = left_out(ruleset, DATED_CASES, DATED, lists=lists)
    assert found == missed != set()
