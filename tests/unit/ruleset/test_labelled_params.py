"""Parameters by segment: which value counts for whom, from when on, and for whom none does."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from decision_service.domain.values import Cause
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import read
from decision_service.rules.tests import coverage
from decision_service.steering.compare import untried
from decision_service.workbench.mutants import find_changes
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import HEAD, compiled, decide, php, problems, rules, stages

REGION = "  region: {type: text, one_of: [NCR, VIS, MIN]}\n  repeat: {type: flag}\n"
WITH_REGION = HEAD.replace("  customer_type:", f"{REGION}  customer_type:")
DATED = "value: {NCR: {2026-01-01: 9000, 2026-12-01: 9500}, default: 8000}"
FLAT = "value: {NCR: 9000, default: 8000}"
GATE = rules(
    "id: low, when: income.conservative_6m < params.least, then: DECLINE, reason: SHORT",
    "id: fine, when: income.conservative_6m >= params.least, then: APPROVE",
)


def text(values, *, more=(), head=WITH_REGION, segments="inputs.region"):
    """A ruleset whose smallest income is a parameter with these values."""
    named = f"segments: [{segments}]\n" if segments else ""
    return stages(GATE, *more, head=f"{head}{named}params:\n  least: {{type: money, {values}}}\n")


def outcome(values, income, at=None, **inputs):
    """The outcome's word for an income."""
    when = at or datetime(2026, 11, 15, 4, tzinfo=UTC)
    return str(
        decide(text(values), {"income.conservative_6m": php(income)}, when, **inputs).outcome
    )


def test_a_flag_and_a_factor_have_labels_too():
    """A flag's labels are true and false; a factor that could not be read gives no value."""
    repeat = text("value: {true: 5000, false: 9000}", segments="inputs.repeat")
    pay = {"income.conservative_6m": php(5000)}
    found = [str(decide(repeat, pay, repeat=known).outcome) for known in (True, False)]
    assert found == ["APPROVE", "DECLINE"]
    named = "inputs.region, employment.status"
    status = text("value: {EMPLOYED: 5000, default: 9000}", segments=named)
    facts = {**pay, "employment.status": "EMPLOYED"}
    assert str(decide(status, facts).outcome) == "APPROVE"
    failed = decide(status, {**facts, "employment.status": Cause.SOURCE_FAILED})
    assert [str(r.code) for r in failed.reasons] == ["SOURCE_FAILED"]


def test_a_reason_shows_the_figure_of_the_label():
    """What was required is the value that counted for the applicant."""
    verdict = decide(text(FLAT), {"income.conservative_6m": php(8500)}, region="NCR")
    assert [r.required for r in verdict.reasons] == [">= ₱ 9,000"]


@pytest.mark.parametrize(("values", "segments", "code"), cases("ruleset/labelled_params"))
def test_what_does_not_fit_is_told(values, segments, code):
    """A label without a value, one that there is not, a default for nobody, and so on."""
    assert code in problems(text(values, segments=segments))


def test_every_value_start_and_label_is_a_figure():
    """Values move, days move, and labels change places with their neighbours."""
    written = text(DATED)
    symbols = compiled_symbols(written)
    root = read("v1.yaml", written, Report())
    found = {(c.at, c.before, c.after) for c in find_changes(root, symbols) if "least" in c.at}
    assert found == {
        ("params.least.NCR.label", "NCR", "VIS"),
        ("params.least.NCR.2026-01-01", "9000", "9900"),
        ("params.least.NCR.2026-01-01", "9000", "8100"),
        ("params.least.NCR.2026-01-01.from", "2026-01-01", "2026-01-02"),
        ("params.least.NCR.2026-01-01.from", "2026-01-01", "2025-12-31"),
        ("params.least.NCR.2026-12-01", "9500", "10450"),
        ("params.least.NCR.2026-12-01", "9500", "8550"),
        ("params.least.NCR.2026-12-01.from", "2026-12-01", "2026-12-02"),
        ("params.least.NCR.2026-12-01.from", "2026-12-01", "2026-11-30"),
        ("params.least.default", "8000", "8800"),
        ("params.least.default", "8000", "7200"),
    }


def compiled_symbols(written):
    """The symbols of the inputs, by name."""
    entries = compiled(written).program.intake.inputs
    return {entry.symbol.name: entry.symbol for entry in entries}


def test_coverage_asks_for_each_label_and_for_none():
    """Each value counts in some case, and one case has no label where it may be left out."""
    asked = {g.which for g in coverage(compiled(text(FLAT)), ()).missed if "`least`" in g.what}
    assert asked == {"NCR", "default", "unknown"}
    needed = WITH_REGION.replace("VIS, MIN]", "VIS, MIN], required: true")
    goals = coverage(compiled(text(FLAT, head=needed)), ()).missed
    assert {g.which for g in goals if "`least`" in g.what} == {"NCR", "default"}


def test_a_coming_value_of_a_label_that_nobody_tried_is_told():
    """A comparison of past days says which label's value it has not tried."""
    found = untried([compiled(text(DATED))], frozenset({date(2026, 11, 1)}), date(2026, 11, 15))
    assert [(u.param, u.start, u.value) for u in found] == [
        ("least of NCR", date(2026, 12, 1), "₱ 9,500")
    ]
