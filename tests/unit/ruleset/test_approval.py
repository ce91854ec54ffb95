"""What the checker says of approvals that nothing can reach."""

from __future__ import annotations

import pytest

from tests.unit.ruleset.rulesets import problems, rules, stages

FINE = "id: fine, when: inputs.requested_amount > 2000, then: APPROVE"
LOW = "id: low, when: income.months_12m < 6, then: DECLINE, reason: SHORT"
HIGH = "id: high, when: income.months_12m >= 6, then: REFER, reason: GAPS"
SKIPPED = f"{HIGH}, when_missing: SKIP, because: seen elsewhere"


def found(*lines):
    """The codes of the sense that these rules make, warnings left out."""
    return [code for code in problems(stages(rules(*lines))) if code < "R5"]


def test_rules_that_leave_no_value_to_approve_are_refused():
    """Two rules that together take every value leave nothing to a third that approves."""
    assert found(FINE, LOW, HIGH) == ["R406"]


def test_a_missing_value_that_is_skipped_can_be_approved():
    """Where one of the two skips what is missing, an approval is possible."""
    assert found(FINE, LOW, SKIPPED) == []


@pytest.mark.parametrize(
    ("then", "expected"), [("DECLINE", ["R409"]), ("REFER", ["R409"]), ("APPROVE", [])]
)
def test_a_later_rule_that_always_worsens_an_approval_is_found(then, expected):
    """An APPROVE that another rule covers is of no use; one that another APPROVE covers may be."""
    narrow = "id: narrow, when: income.months_12m >= 11, then: APPROVE"
    wide = f"id: wide, when: income.months_12m >= 9, then: {then}, reason: GAPS"
    assert found(narrow, wide) == expected


def test_an_approval_under_an_earlier_rule_is_told_once():
    """What R408 or R407 tells of a stage, R409 does not tell again."""
    wide = "id: wide, when: income.months_12m >= 9, then: REFER, reason: GAPS"
    narrow = "id: narrow, when: income.months_12m >= 11, then: APPROVE"
    assert found(wide, narrow, FINE) == ["R408"]
    same = "id: same, when: income.months_12m >= 9, then: APPROVE"
    assert found(same, wide, FINE) == ["R407"]
