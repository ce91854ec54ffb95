"""Derived lines over what stages give: when they are evaluated, and who can use them."""

from __future__ import annotations

import pytest

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import coverage
from tests.kits.cases import cases
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, compiled, decide, php, problems, rules, stages

LIMIT = """\
  - name: limit
    component: TABLE
    table:
      id: limit
      hit: first
      when: [income.months_12m]
      give: {most: money, share: number}
      rows: [[">= 6", 9000, 0.5], ["-", 2000, 0.25]]
"""
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 0
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins: [{in: "[0, 6)", points: 10}, {in: "[6, 12]", points: 60}]
      bands: [{name: A, from: 60, then: APPROVE}, {name: B, then: APPROVE}]
"""
FINE = rules("id: fine, when: income.months_24m >= 1, then: APPROVE", name="fine")
FULL = {"income.months_24m": 24, "income.months_12m": 12, "income.conservative_6m": php(20000)}
NEW = 'inputs.customer_type == "new"'


def text(derived, *bodies, tail=""):
    """A ruleset with these derived lines and stages."""
    lines = "".join(f"  {name}: {line}\n" for name, line in derived.items())
    head = f"{HEAD}segments: [inputs.customer_type]\nderived:\n{lines}"
    return stages(*bodies, head=head, tail=tail)


def rule(when, id_="small"):
    """A stage that declines where a condition holds."""
    return rules(f"id: {id_}, when: '{when}', then: DECLINE, reason: SMALL", name=f"{id_}_stage")


def outcome(written, factors=FULL, **inputs):
    """The outcome's word of a text on facts."""
    return str(decide(written, factors, **inputs).outcome)


ROOM = {"room": "limit.share * income.conservative_6m", "half": "derived.room / 2"}


@pytest.mark.parametrize(
    "bodies",
    [
        (FINE, rule("derived.half < 1"), LIMIT),
        (FINE, LIMIT.replace("[income.months_12m]", "[derived.half]")),
        (FINE, LIMIT.replace("9000", "derived.half")),
    ],
)
def test_a_stage_before_its_table_cannot_use_it(bodies):
    """Neither an earlier stage nor the table itself; the message names what is waited for."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text(ROOM, *bodies))
    found = [d for d in compile_ruleset(files, CATALOGUE).diagnostics if d.code < "R5"]
    assert [d.code for d in found] == ["R209"]
    assert "it rests on `limit.share`" in render_all(found)


@pytest.mark.parametrize(("derived", "code"), cases("ruleset/late_derived"))
def test_the_order_of_lines_holds_for_those_that_wait(derived, code):
    """A line below, a circle, a wrong output, the offer and a wrong type are told as ever."""
    tail = "offer:\n  approved_amount: limit.most\n"
    assert code in problems(text(derived, FINE, LIMIT, rule("derived.a > 1"), tail=tail))


def test_a_line_of_a_table_that_cannot_be_read_is_told_once():
    """The table's own fault is the only one."""
    broken = LIMIT.replace("hit: first", "hit: frist")
    found = problems(text(ROOM, FINE, broken, rule("derived.half < 1")))
    assert [code for code in found if code < "R5"] == ["R123"]


def segment(name, customer):
    """The card of some customers."""
    card = CARD.replace("id: card", f"id: {name}").replace("name: score", f"name: {name}_score")
    only = f"    segment: {customer}\n"
    return card.replace("    component:", f"{only}    component:")


def test_two_cards_make_one_band_whose_labels_are_known():
    """A table over the joint band needs a row for each of its labels, and for no other text."""
    fresh, again = segment("fresh", "new"), segment("again", "existing")
    derived = {"band": f"fresh.band if {NEW} else again.band"}
    table = LIMIT.replace("first", "unique").replace("[income.months_12m]", "[derived.band]")
    joint = table.replace('">= 6"', "A").replace('"-"', "B")
    tail = "offer:\n  approved_amount: limit.most\n"
    written = text(derived, fresh, again, joint, tail=tail)
    for customer in ("new", "existing"):
        assert decide(written, FULL, customer_type=customer).offer.approved_amount == php(9000)
    assert "R308" in problems(written.replace("[B, 2000", "[C, 2000"))


def test_coverage_follows_lines_over_what_stages_give():
    """A rule over a line that always has a value is not asked for as UNKNOWN."""
    always = LIMIT.replace("income.months_12m", "inputs.requested_term_months")
    needed = text({"most": "limit.most * 2"}, FINE, always, rule("derived.most < 5000")).replace(
        "max: 36}", "max: 36, required: true}"
    )
    asked = {g.what for g in coverage(compiled(needed), ()).missed if g.which == "unknown"}
    assert asked == {"rule `fine`"}
    maybe = text({"most": "limit.most * 2"}, FINE, always, rule("derived.most < 5000"))
    asked = {g.what for g in coverage(compiled(maybe), ()).missed if g.which == "unknown"}
    assert asked == {"rule `fine`", "rule `small`"}


def test_lines_that_each_read_the_line_before_twice_are_checked_at_once():
    """What a rule rests on is followed once for each line, not once for each way to it."""
    lines = [f"  s{n + 1}: derived.s{n} * derived.s{n}" for n in range(100)]
    tail = "derived:\n" + "\n".join(["  s0: income.months_12m", *lines]) + "\n"
    gate = rules(
        "id: far, when: derived.s100 > 5, then: DECLINE, reason: SHORT",
        "id: rest, when: income.months_12m >= 0, then: APPROVE",
    )
    assert "R507" not in problems(stages(gate, tail=tail))
