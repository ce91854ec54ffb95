"""Old, missing and tainted data, and what a verdict keeps of every part."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.decision import Outcome, Truth
from decision_service.domain.needs import ClassRule, DataPolicy, SchemeCeiling, TransactionClass
from decision_service.domain.snapshot import Provider
from decision_service.domain.values import Cause
from decision_service.rules.cells import cell_tree
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.language.evaluation import compile_tree
from decision_service.rules.language.values import Unknown, exactly
from decision_service.rules.stages import unconditional
from decision_service.rules.table import TableRunner
from decision_service.rules.wording import truth_of
from tests.oracles.rulesets import FACTORS
from tests.unit.rules.kit import (
    HEAD,
    LAWS,
    absent,
    anything,
    cases,
    compiled,
    facts,
    php,
    problems,
    rules,
    stages,
    tainted,
    value,
)
from tests.unit.rules.test_evaluation import ASKED, EVERYTHING

PLAIN = stages(rules("id: fine, when: income.months_12m >= 6, then: APPROVE"))

CLASSES = """\
classes:
  - {provider: "grab_*", words: [Trip, BONUS], sign: "+", class: EARNING}
  - {provider: "*", words: [], sign: "-", class: WITHDRAWAL}
  - {provider: "*", words: [refund], class: OTHER}
"""

PROVIDERS = """\
providers:
  grab_ph: {type: GIG, supported: [IDENTITIES, TRANSACTIONS]}
  sss_ph: {type: GOVERNMENT, supported: [CONTRIBUTIONS]}
"""


def test_without_a_section_the_policy_is_the_default():
    """Without `max_age` the maximum age is 35 days, partial data refers and nothing is late."""
    assert compiled(PLAIN).needs.policy == DataPolicy("PHP")


LAGS = """\
posting_lag: {"sss_*": 2 months, "grab_*": 3 days, "*_id": 5 days, "*": 1 month, payroll: 7 days}
"""


def test_the_age_and_the_posting_lags_are_read():
    """Of patterns the first that matches counts; `payroll` is read and does not count."""
    data = {"posting_lags.yaml": LAGS}
    policy = compiled(PLAIN + "max_age: 12h\n", data=data).needs.policy
    assert policy.max_age == timedelta(hours=12)
    assert [policy.lag_months(p) for p in ("sss_ph", "grab_id", "gojek_id", "bps")] == [2, 0, 0, 1]
    assert [policy.lag_days(p) for p in ("grab_id", "gojek_id", "bps")] == [3, 5, 0]
    named = {p: policy.named_lag(p) for p in ("sss_ph", "grab_id", "gojek_id", "bps")}
    assert named == {"sss_ph": (2, 0), "grab_id": (0, 3), "gojek_id": (0, 5), "bps": (1, 0)}
    rest = compiled(
        PLAIN, data={"posting_lags.yaml": "posting_lag: {default: 2 days}"}
    ).needs.policy
    assert (rest.default_lag_days, rest.default_lag) == (2, 0)
    assert rest.named_lag("bps") is None


def test_our_own_marks_of_providers_are_read():
    """Providers that pass on documents, and such as charge fees, are marked in their file."""
    text = PROVIDERS.replace("[IDENTITIES, TRANSACTIONS]", "[TRANSACTIONS], charges_fees: true")
    text = text.replace("[CONTRIBUTIONS]", "[CONTRIBUTIONS], documents: true, charges_fees: false")
    policy = compiled(PLAIN, data={"provider_types.yaml": text}).needs.policy
    assert policy.fee_providers == {"grab_ph"}
    assert policy.document_providers == {"sss_ph"}


def test_usual_fee_shares_are_read():
    """A provider of the list may have one; without the section nothing of it is written."""
    text = PROVIDERS + "fee_shares: {grab_ph: 0.20}\n"
    policy = compiled(PLAIN, data={"provider_types.yaml": text}).needs.policy
    assert policy.fee_shares == {"grab_ph": Decimal("0.20")}
    assert compiled(PLAIN, data={"provider_types.yaml": PROVIDERS}).needs.policy.fee_shares is None


@pytest.mark.parametrize("wrong", ["gojek_id: 0.2", "grab_ph: 0", "grab_ph: 0.6", "grab_ph: much"])
def test_a_fee_share_is_of_a_listed_provider_and_within_bounds(wrong: str):
    """One of an unknown provider, and one that no platform keeps, is an error."""
    text = PROVIDERS + f"fee_shares: {{{wrong}}}\n"
    assert problems(PLAIN, data={"provider_types.yaml": text})


def test_ceilings_are_read_in_minor_units():
    """A ceiling is an amount of its currency from a date on."""
    text = "ceilings: [{provider: 'sss_*', currency: PHP, since: 2025-01-01, amount: 35000.50}]\n"
    policy = compiled(PLAIN, data={"scheme_ceilings.yaml": text}).needs.policy
    assert policy.ceilings == (SchemeCeiling("sss_*", "PHP", date(2025, 1, 1), 3_500_050),)


def test_words_about_employers_are_folded():
    """Case, punctuation and blanks are left out of what names no employer and of legal forms."""
    text = "not_employers: [Voluntary, Self-Employed, Land based OFW]\nlegal_forms: [Inc, PT]\n"
    policy = compiled(PLAIN, data={"employers.yaml": text}).needs.policy
    assert policy.not_employers == ("voluntary", "selfemployed", "landbasedofw")
    assert policy.legal_forms == ("inc", "pt")


def test_patterns_are_held_against_the_list_of_providers_where_there_is_one():
    """Without a list nothing is known of a pattern; with one, each must match."""
    lags = {"posting_lags.yaml": LAGS.replace("grab_*", "nss_*")}
    assert "R136" not in problems(PLAIN, data=lags)
    known = {"provider_types.yaml": PROVIDERS.replace("grab_ph", "grab_id")}
    assert problems(PLAIN, data=lags | known).count("R136") == 1


def test_the_data_files_are_read():
    """Classes keep their order with case-folded words; providers keep type and kinds."""
    data = {"transaction_classes.yaml": CLASSES, "provider_types.yaml": PROVIDERS}
    policy = compiled(PLAIN, data=data).needs.policy
    assert policy.transaction_classes == (
        ClassRule("grab_*", ("trip", "bonus"), 1, TransactionClass.EARNING),
        ClassRule("*", (), -1, TransactionClass.WITHDRAWAL),
        ClassRule("*", ("refund",), 0, TransactionClass.OTHER),
    )
    assert policy.provider_types["grab_ph"] == Provider(
        "grab_ph", "GIG", ("IDENTITIES", "TRANSACTIONS")
    )


def test_a_fault_in_a_data_file_refuses_the_ruleset():
    """A fault in a data file is reported like one in the rule file."""
    data = {
        "transaction_classes.yaml": CLASSES.replace("EARNING", "EARNINGS"),
        "provider_types.yaml": PROVIDERS.replace("CONTRIBUTIONS", "CONTRIBUTION"),
    }
    assert problems(PLAIN, data=data).count("R123") == 2


def test_only_named_factors_are_needed():
    """The needs are exactly the factors that the rules name, sorted."""
    text = PLAIN.replace(
        "income.months_12m >= 6", "income.months_12m >= 6 and accounts.connected_count > 1"
    )
    assert compiled(text).needs.factors == ("accounts.connected_count", "income.months_12m")


NAMES = st.sampled_from(sorted(FACTORS))


def _same_or_refer(case, causes):
    ruleset, factors, inputs, as_of = case
    before = evaluate(ruleset, Facts(factors, inputs, as_of)).outcome
    worse = {name: value(name, cause) for name, cause in causes.items()}
    after = evaluate(ruleset, Facts({**factors, **worse}, inputs, as_of)).outcome
    assert after in (before, Outcome.REFER)


@LAWS
@given(cases(handling=False, complete=True), NAMES, absent)
def test_a_missing_factor_leaves_the_outcome_or_refers(case, name, cause):
    """Where a ruleset handles nothing, making a factor absent keeps the outcome or refers."""
    _same_or_refer(case, {name: cause})


@LAWS
@given(cases(complete=True), st.dictionaries(NAMES, tainted, min_size=1))
def test_taints_leave_the_outcome_or_refer(case, causes):
    """Whatever a ruleset does about absent data, tainted factors keep the outcome or refer."""
    _same_or_refer(case, causes)


@LAWS
@given(cases(anything), anything)
def test_evaluation_and_explanation_never_raise(case, amount):
    """Facts of whatever kind give a verdict with reasons, and the verdict can be explained."""
    ruleset, factors, inputs, as_of = case
    facts = Facts(factors, {**inputs, "requested_amount": amount}, as_of)
    verdict = evaluate(ruleset, facts)
    assert evaluate(ruleset, facts) == verdict
    assert len(traces(ruleset, verdict)) == len(ruleset.program.stages + ruleset.program.closing)
    assert len(verdict.reasons) <= 4
    assert bool(verdict.reasons) is (verdict.outcome is not Outcome.APPROVE) or verdict.scores


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
