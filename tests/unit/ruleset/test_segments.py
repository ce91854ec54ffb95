"""Stages for a segment: to whom they apply, and what becomes of what they give."""

from __future__ import annotations

import pytest

from decision_service.rules.evaluate import evaluate, traces
from decision_service.rules.tests import coverage
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import (
    HEAD,
    compiled,
    decide,
    facts,
    problems,
    rules,
)
from tests.unit.ruleset.rulesets import stages as stages_of

FINE = rules(
    "id: fine, when: income.months_24m >= 1, then: APPROVE", name="fine", component="POLICY"
)
DECLINES = "id: short, when: income.months_12m < 6, then: DECLINE, reason: SHORT"
NEW = 'inputs.customer_type == "new"'
NAMED = f"{HEAD}segments: [inputs.customer_type, employment.status]\n"
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 100
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins: [{in: "[0, 6)", points: 0}, {in: "[6, 12]", points: 50}]
      bands: [{name: A, from: 150, then: APPROVE}, {name: B, then: APPROVE}]
"""
LIMIT = """\
  - name: limit
    component: TABLE
    table:
      id: limit
      hit: first
      when: [income.months_12m]
      give: {most: money}
      rows: [[">= 6", 9000], ["-", 2000]]
"""
FULL = {"income.months_24m": 24, "income.months_12m": 12, "income.months_3m": 3}


def stages(*bodies, head=NAMED, tail=""):
    """A ruleset with two names of segments."""
    return stages_of(*bodies, head=head, tail=tail)


def only(stage, segment="new"):
    """A stage for the applicants of a segment."""
    return stage.replace("    component:", f"    segment: {segment}\n    component:", 1)


def after(*lines):
    """Rules that read what the stage before gave."""
    return rules(*lines, name="after", component="POLICY")


def outcome(text, factors=FULL, **inputs):
    """The outcome's word of a text on facts."""
    return str(decide(text, factors, **inputs).outcome)


def test_a_trace_shows_the_condition_and_no_row_of_a_stage_that_did_not_apply():
    """The first row is the condition with what it saw; the rules follow only where it holds."""
    ruleset = compiled(stages(FINE, only(rules(DECLINES))))
    shown = {}
    for customer in ("new", "existing"):
        verdict = evaluate(ruleset, facts(FULL, customer_type=customer))
        rows = traces(ruleset, verdict)[1].rules
        shown[customer] = [(r.id, str(r.truth), r.effect) for r in rows]
    assert shown == {
        "new": [("segment", "TRUE", ""), ("short", "FALSE", "")],
        "existing": [("segment", "FALSE", "does not apply")],
    }


def asked(text):
    """What coverage asks for of stages and of rules that may be unknown."""
    goals = coverage(compiled(text), ()).missed
    return {f"{g.what} {g.which}" for g in goals if "stage" in g.what or g.which == "unknown"}


REQUIRED = NAMED.replace("existing]}", "existing], required: true}")


def test_coverage_asks_for_a_stage_each_way():
    """A stage applies, does not, and is unknown where its condition can be."""
    gate = only(rules(DECLINES))
    each = {"stage `gate` applies", "stage `gate` does not apply"}
    assert asked(stages(FINE, gate)) >= {*each, "stage `gate` unknown"}
    assert asked(stages(FINE, gate, head=REQUIRED)) >= each
    assert "stage `gate` unknown" not in asked(stages(FINE, gate, head=REQUIRED))


@pytest.mark.parametrize(("rule", "unknown"), cases("ruleset/segments")["scores"])
def test_a_score_is_there_where_its_stage_applied(rule, unknown):
    """Coverage asks for no unknown score of those whom the card scores."""
    text = stages(
        FINE, only(CARD), after(f"id: low, {rule}, then: REFER, reason: SHORT"), head=REQUIRED
    )
    assert ("rule `low` unknown" in asked(text)) is unknown
    same = only(after("id: low, when: card.score < 120, then: REFER, reason: SHORT"))
    assert "rule `low` unknown" not in asked(stages(FINE, only(CARD), same, head=REQUIRED))


@pytest.mark.parametrize(("segment", "code"), cases("ruleset/segments")["checked"])
def test_a_segment_is_checked_like_a_cell(segment, code):
    """One of everybody, or of nobody there is, is an error."""
    found = [c for c in problems(stages(FINE, only(rules(DECLINES), segment))) if c < "R5"]
    assert found == ([] if code is None else [code])


def test_a_derived_name_may_say_the_segment_of_a_stage():
    """Its labels are those of its text; what a score gives comes too late for it."""
    line = 'derived:\n  kind: \'"thin" if income.months_24m < 9 else "thick"\'\n'
    head = f"{HEAD}segments: [derived.kind]\n{line}"
    text = stages(FINE, only(rules(DECLINES), "thin"), head=head)
    for months, expected in ((8, "DECLINE"), (9, "APPROVE")):
        assert outcome(text, {"income.months_24m": months, "income.months_12m": 3}) == expected
    late = head.replace("income.months_24m < 9", "card.score < 120")
    assert "R209" in problems(stages(FINE, CARD, only(rules(DECLINES), "thin"), head=late))


def logic(*bodies):
    """The codes that the checks of logic find in some stages."""
    return [code for code in problems(stages(FINE, *bodies)) if code.startswith("R4")]


def test_an_approval_is_possible_where_the_stage_that_declines_does_not_apply():
    """R409 is for a rule that others overrule for everybody whom it approves."""
    worse = rules("id: worse, when: income.months_24m >= 1, then: REFER, reason: SHORT")
    assert logic(worse) == ["R409"]
    assert logic(only(worse)) == []


@pytest.mark.parametrize(
    ("other", "found"),
    [("existing", []), ("EMPLOYED", ["R410"])],
)
def test_knock_outs_that_leave_somebody_out_are_warned_of(other, found):
    """Conditions that cover every label leave nobody without a knock-out."""
    one, two = only(rules(DECLINES, name="one")), DECLINES.replace("short", "too")
    both = (one, only(rules(two, name="two"), other))
    assert logic(*both) == found
    everybody = rules("id: any, when: income.months_12m < 2, then: DECLINE, reason: SHORTER")
    assert logic(everybody, *both) == []
