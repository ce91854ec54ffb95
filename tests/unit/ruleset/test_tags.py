"""Tags: which rules set them, what they leave alone, and who is told."""

from __future__ import annotations

from decision_service.rules.evaluate import evaluate, traces
from tests.unit.ruleset.rulesets import HEAD, compiled, facts, problems, rules, stages

TAGS = """\
tags:
  desk: {text: a desk looks at it}
  signal: {text: a sign of fraud, told: nobody}
"""
FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"
SIGNAL = "id: odd, when: income.volatility_6m > 0.5, tags: [signal]"
ASKS = "id: asks, when: income.months_24m < 9, then: REFER, reason: SHORT, tags: [desk, signal]"
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      points: 0
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 4)", points: 0}
            - {in: "[4, 12]", points: 40}
      bands:
        - {name: A, from: 0, then: APPROVE}
"""
GOOD = {"income.months_12m": 12, "income.months_24m": 24, "income.volatility_6m": 0}


def text_of(*lines, more=()):
    """A ruleset with tags, one stage of rules and perhaps others before it."""
    return stages(*more, rules(*lines), head=HEAD + TAGS)


def test_the_trace_names_the_tags_below_the_rule_that_set_them():
    """A rule that does not hold has no note."""
    ruleset = compiled(text_of(SIGNAL, ASKS, FINE))
    verdict = evaluate(ruleset, facts({**GOOD, "income.volatility_6m": 1}))
    notes = {rule.id: (rule.effect, rule.note) for rule in traces(ruleset, verdict)[0].rules}
    assert notes == {"odd": ("", "tagged signal"), "asks": ("", ""), "fine": ("APPROVE", "")}


def test_a_rule_without_an_outcome_shadows_none():
    """The same condition may decline in one rule and label in another."""
    same = "id: short, when: income.volatility_6m > 0.5, then: DECLINE, reason: SHORT"
    found = problems(text_of(SIGNAL, same, ASKS, FINE))
    assert {code for code in found if code.startswith("R4")} == set()


def test_thirty_tags_are_the_most():
    """Each is a series of its own in `/metrics`, so that there is a bound."""
    more = "".join(f"  t{n}: {{text: a label}}\n" for n in range(29))
    text = text_of(SIGNAL, ASKS, FINE)
    assert "R123" in problems(text.replace("tags:\n  desk", f"tags:\n{more}  desk"))
    fewer = more.replace("  t28: {text: a label}\n", "")
    assert "R123" not in problems(text.replace("tags:\n  desk", f"tags:\n{fewer}  desk"))
