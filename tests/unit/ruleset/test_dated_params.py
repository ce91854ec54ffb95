"""Dated parameters and the day on which a version is to decide."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, rules, stages

PARAM = "params:\n  least: {type: integer, value: {2026-12-01: 4}}\n"
TEXT = stages(
    rules(
        "id: fine, when: income.months_12m >= params.least, then: APPROVE",
        "id: low, when: income.months_12m < params.least, then: DECLINE, reason: SHORT",
    ),
    head=HEAD + PARAM,
)


def errors(now):
    """The codes of what is wrong with the text on a day, as it is when nobody says the day."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    found = compile_ruleset(files, CATALOGUE, now=now).diagnostics
    return [d.code for d in found if d.code < "R5"]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (None, []),
        (datetime(2026, 11, 30, 15, 59, tzinfo=UTC), ["R431"]),  # 23:59 in Manila
        (datetime(2026, 11, 30, 16, 0, tzinfo=UTC), []),  # midnight there
    ],
)
def test_a_parameter_needs_a_value_today(now, expected):
    """A parameter that only begins tomorrow, in the ruleset's zone, would refer everybody today."""
    assert errors(now) == expected
