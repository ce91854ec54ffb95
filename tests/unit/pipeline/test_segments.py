"""Segments of a plan that nobody can be in."""

from __future__ import annotations

import pytest

from decision_service.rulebook.folder import TextFile
from decision_service.rulebook.plans import plan_problems
from tests.kits.cases import cases
from tests.unit.rollout.plans import PATH, SMALL, good


def empty(*conditions):
    """The numbers of the segments that are told to be empty, and the lines where."""
    lines = [
        f"    - {{name: s{i}, when: '{when}', percent: 5}}\n" for i, when in enumerate(conditions)
    ]
    text = SMALL.replace("  salt: a\n", f"  salt: a\n  segments:\n{''.join(lines)}")
    found = plan_problems(TextFile(PATH, text), None, good(text), ())
    first = text.splitlines().index("  segments:") + 2
    assert {(d.code, str(d.severity)) for d in found} <= {("P213", "warning")}
    return [d.line - first for d in found]


@pytest.mark.parametrize("conditions", cases("pipeline/segments")["empty"])
def test_a_segment_that_nobody_is_in_is_told_at_its_line(conditions):
    """It contradicts itself, or an earlier one takes everybody who meets it."""
    assert empty(*conditions) == [len(conditions) - 1]


@pytest.mark.parametrize("conditions", cases("pipeline/segments")["open"])
def test_a_segment_that_somebody_could_be_in_is_not_told(conditions):
    """Who does not send what an earlier condition asks for does not meet it."""
    assert empty(*conditions) == []
