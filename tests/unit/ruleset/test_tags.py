"""Tags: which rules set them, what they leave alone, and who is told."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome, Tag
from decision_service.domain.values import Cause
from decision_service.rules.evaluate import evaluate
from decision_service.rules.explain import traces
from tests.unit.ruleset.rulesets import HEAD, codes, compiled, facts, problems, rules, stages

TAGS = """\
tags:
  desk: {means: a desk looks at it}
  signal: {means: a sign of fraud, told: nobody}
"""
FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"
SIGNAL = "id: odd, when: income.volatility_6m > 0.5, tags: [signal]"
ASKS = "id: asks, when: income.months_24m < 9, then: REFER, reason: SHORT, tags: [desk, signal]"
CARD = """\
  - name: score
    component: SCORECARD
    scorecard:
      id: card
      base: 0
      characteristics:
        - factor: income.months_12m
          reason: GAPS
          bins:
            - {in: "[0, 4)", points: 0}
            - {in: "[4, 12]", points: 40}
      bands:
        - {band: A, from: 0, then: APPROVE}
"""
GOOD = {"income.months_12m": 12, "income.months_24m": 24, "income.volatility_6m": 0}


def text_of(*lines, more=()):
    """A ruleset with tags, one stage of rules and perhaps others before it."""
    return stages(*more, rules(*lines), head=HEAD + TAGS)


def tags_of(text, **changed):
    """Outcome and tags of a verdict on a good applicant with some factors changed."""
    given = {**GOOD, **{name.replace("__", "."): value for name, value in changed.items()}}
    verdict = evaluate(compiled(text), facts(given))
    return verdict.outcome, verdict.tags


def test_a_rule_that_holds_sets_its_tags_in_the_order_of_their_declaration():
    """Two rules with a tag set it once; one that does not hold sets none."""
    text = text_of(SIGNAL, ASKS, FINE)
    desk, signal = Tag("desk"), Tag("signal", told=False)
    assert tags_of(text) == (Outcome.APPROVE, ())
    assert tags_of(text, income__volatility_6m=1) == (Outcome.APPROVE, (signal,))
    assert tags_of(text, income__volatility_6m=1, income__months_24m=8) == (
        Outcome.REFER,
        (desk, signal),
    )


@pytest.mark.parametrize("cause", [Cause.NO_DATA, Cause.SOURCE_FAILED])
def test_a_rule_without_an_outcome_never_refers(cause):
    """What is missing for a label alone refers nobody, is asked of nobody, and sets no tag."""
    given = {**GOOD, "income.volatility_6m": cause}
    verdict = evaluate(compiled(text_of(SIGNAL, FINE)), facts(given))
    assert (verdict.outcome, verdict.tags, verdict.data_requests) == (Outcome.APPROVE, (), ())


def test_a_referral_for_missing_data_sets_no_tag():
    """A rule that cannot be told refers as ever, and its tags stay out."""
    verdict = evaluate(
        compiled(text_of(ASKS, FINE)), facts({**GOOD, "income.months_24m": Cause.STALE})
    )
    assert (codes(verdict), verdict.tags) == (["STALE_DATA"], ())


@pytest.mark.parametrize(
    ("when", "tags"),
    [
        ("card.score >= 0 and income.months_24m > 1", (Tag("desk"),)),
        ("card.score < 20 and income.months_24m > 1", ()),
        ("card.score > 20 and income.months_24m > 1", ()),
    ],
)
def test_with_a_bounded_score_a_tag_needs_every_total(when, tags):
    """A rule that only some of the possible totals would trip sets no tag."""
    text = text_of(f"id: desk, when: '{when}', tags: [desk]", more=[CARD])
    assert tags_of(text, income__months_12m=Cause.NO_DATA) == (Outcome.APPROVE, tags)
    known = "card.score < 20" not in when
    assert tags_of(text) == (Outcome.APPROVE, (Tag("desk"),) if known else ())


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
    more = "".join(f"  t{n}: {{means: a label}}\n" for n in range(29))
    text = text_of(SIGNAL, ASKS, FINE)
    assert "R123" in problems(text.replace("tags:\n  desk", f"tags:\n{more}  desk"))
    fewer = more.replace("  t28: {means: a label}\n", "")
    assert "R123" not in problems(text.replace("tags:\n  desk", f"tags:\n{fewer}  desk"))
