"""Stages: rules, scorecards, segments and tags."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from decision_service.domain.decision import Component, Outcome, ReferKind
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.rules.evaluate import evaluate, traces
from decision_service.rules.tests import coverage
from tests.kits.cases import case_text, cases
from tests.unit.rules.kit import (
    HEAD,
    codes,
    compiled,
    decide,
    facts,
    legal,
    php,
    problems,
    rules,
    stages,
)

SHORT = "id: short, when: income.months_12m < 4, then: DECLINE, reason: SHORT"

GAPS = "id: gaps, when: contributions.months_12m < 6, then: REFER, reason: GAPS"

FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"

ALL = stages(rules(SHORT, GAPS, FINE))

STEADY = {"income.months_12m": 12, "contributions.months_12m": 12}

M12, CONTRIBUTIONS, PAY = "income.months_12m", "contributions.months_12m", "income.conservative_6m"

DEBT = "inputs.declared_monthly_debt"

USUAL = (SHORT, GAPS, FINE)

BOTH = f"id: both, when: {M12} < 4 and {CONTRIBUTIONS} < 4, then: DECLINE, reason: SHORT"

EITHER = f"id: either, when: {M12} >= 6 or {CONTRIBUTIONS} >= 6, then: APPROVE"

TIMEOUT = Missing(Cause.SOURCE_FAILED, code=DataReason.UPSTREAM_TIMEOUT)

LONG = "10 * inputs.requested_term_months * inputs.requested_term_months"


def handled(word):
    """A rule that says what missing data gives."""
    return f"{GAPS}, when_missing: {word}, because: known to the branch"


def low(what, least=10):
    """A rule that declines below a figure."""
    return f'id: low, when: "{what} < {least}", then: DECLINE, reason: SHORT'


@pytest.mark.parametrize("cause", list(Cause))
def test_an_unknown_condition_refers_with_its_cause(cause):
    """An UNKNOWN condition refers by default, kind DATA, naming the factor and the cause."""
    verdict = decide(ALL, {**STEADY, "contributions.months_12m": cause})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    (reason,) = verdict.reasons
    assert reason.component is Component.DATA
    assert reason.code == Missing(cause).reason
    assert (reason.factor, reason.actual) == ("contributions.months_12m", f"missing {cause}")


def test_what_is_missing_is_requested():
    """A missing factor that mattered is listed once in the data requests, with what would help."""
    verdict = decide(ALL, dict.fromkeys(STEADY, Cause.NOT_CONNECTED))
    assert [(r.factor, r.missing.cause) for r in verdict.data_requests] == [
        ("income.months_12m", Cause.NOT_CONNECTED),
        ("contributions.months_12m", Cause.NOT_CONNECTED),
    ]
    assert all(r.help for r in verdict.data_requests)


@pytest.mark.parametrize(
    ("formula", "code", "cause", "name"),
    [
        ("ln(income.months_12m)", "DATA_MISSING", Cause.UNDEFINED, "income.months_12m"),
        ("exp(income.months_total - 1)", "RULE_ERROR", Cause.BAD_DATA, "exp("),
        ("coalesce(ln(income.months_12m), 9)", "GAPS", None, "income.months_12m"),
        ("coalesce(exp(income.months_total - 1), 9)", "RULE_ERROR", Cause.BAD_DATA, None),
    ],
)
def test_a_function_without_a_value_refers(formula, code, cause, name):
    """Where a function has no value it is missing, which a rule may handle; no overflow may be."""
    text = stages(
        rules(
            f"id: odd, when: '{formula} > 2', then: REFER, reason: GAPS",
            "id: fine, when: income.months_total > 0, then: APPROVE",
        )
    )
    verdict = decide(text, {"income.months_12m": 0, "income.months_total": 20000})
    assert (verdict.outcome, codes(verdict)) == (Outcome.REFER, [code])
    causes = {request.missing.cause for request in verdict.data_requests}
    assert causes == ({cause} if cause else set())
    assert name is None or name in verdict.reasons[0].factor


def test_a_date_before_the_first_value_is_a_rule_error():
    """A parameter without a value on the date of the decision refers, never guesses."""
    head = HEAD + "params:\n  least: {type: integer, value: {2026-01-01: 4}}\n"
    text = stages(
        rules(
            "id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT", FINE
        ),
        head=head,
    )
    verdict = decide(text, {"income.months_12m": 5}, at=datetime(2025, 12, 31, tzinfo=UTC))
    assert codes(verdict) == ["RULE_ERROR"]


def test_post_checks_can_only_worsen_and_are_legal():
    """A post-check that holds turns an APPROVE into REFER of kind LEGAL."""
    cap = "id: cap, when: inputs.requested_term_months > 12, then: REFER, reason: LEGAL"
    text = stages(rules(FINE), legal(cap))
    held = decide(text, STEADY, requested_term_months=24)
    passed = decide(text, STEADY, requested_term_months=6)
    assert (held.outcome, held.refer_kind, codes(held)) == (
        Outcome.REFER,
        ReferKind.LEGAL,
        ["LEGAL"],
    )
    assert held.reasons[0].component is Component.LEGAL
    assert held.reasons[0].regulatory_text == "Cap"
    assert passed.outcome is Outcome.APPROVE


def test_evaluation_is_a_function_of_its_arguments():
    """The same ruleset and facts give the same verdict, evaluation after evaluation."""
    ruleset, given = compiled(ALL), facts({**STEADY, "contributions.months_12m": Cause.STALE})
    assert evaluate(ruleset, given) == evaluate(ruleset, given)


CARD = case_text("ruleset/card")


def _decide(income, contributions, text=None):
    factors = {"income.months_12m": income, "contributions.months_12m": contributions}
    return decide(text or stages(CARD), factors)


def test_generous_fixed_points_need_because():
    """Fixed points above the worst bin are refused without `because` and taken with it."""
    generous = CARD.replace(
        "          reason: SHORT\n", "          reason: SHORT\n          when_missing: 30\n"
    )
    assert problems(stages(generous)).count("R404") == 1
    excused = generous.replace(
        "missing: 30\n", "missing: 30\n          because: a scheme that is new\n"
    )
    assert "R404" not in problems(stages(excused))


DECLINES = rules(
    "id: low, when: stability.score < 250, then: DECLINE, reason: DEBT",
    name="later",
    component="POLICY",
)

ONLY_APPROVING = CARD.replace("then: REFER", "then: APPROVE").replace(
    "then: DECLINE", "then: APPROVE"
)


def test_labels_money_and_flags_can_be_scored():
    """Characteristics can be labels, amounts and flags."""
    card = CARD.replace("income.months_12m", "income.conservative_6m")
    card = card.replace('"[0, 6)"', '"< 10000.50"', 1).replace('"[6, 10)"', '"[10000.50, 20000]"')
    card = card.replace('">= 10"', '"> 20000"')
    card = card.replace("contributions.months_12m", "employment.status")
    card = card.replace('"[0, 6)"', "UNEMPLOYED | GIG").replace('">= 6"', "EMPLOYED")
    totals = [
        decide(stages(card), {"income.conservative_6m": php(pay), "employment.status": status})
        .scores[0]
        .score
        for pay, status in [
            ("10000.49", "GIG"),
            ("10000.50", "GIG"),
            (20000, "GIG"),
            ("20000.01", "EMPLOYED"),
        ]
    ]
    assert totals == [200, 240, 240, 340]


@pytest.mark.parametrize("when", cases("ruleset/scorecard"))
def test_every_total_that_is_left_open_counts(when):
    """A rule that any of the open totals would trip refers, also one between worst and best."""
    middle = ONLY_APPROVING.replace('">= 6", points: 60', '"[6, 9)", points: 20').replace(
        "points: 20}\n", 'points: 20}\n            - {in: ">= 9", points: 60}\n'
    )
    rule = rules(f'id: odd, when: "{when}", then: DECLINE, reason: DEBT', name="later")
    verdict = _decide(9, Cause.NO_DATA, stages(middle, rule))
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)


LASTING = rules(
    "id: fine, when: income.months_24m >= 1, then: APPROVE", name="fine", component="POLICY"
)

TOO_SHORT = "id: short, when: income.months_12m < 6, then: DECLINE, reason: SHORT"

NEW = 'inputs.customer_type == "new"'

NAMED = f"{HEAD}segments: [inputs.customer_type, employment.status]\n"

RAISED_CARD = """\
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


def segmented(*bodies, head=NAMED, tail=""):
    """A ruleset with two names of segments."""
    return stages(*bodies, head=head, tail=tail)


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
    ruleset = compiled(segmented(LASTING, only(rules(TOO_SHORT))))
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
    gate = only(rules(TOO_SHORT))
    each = {"stage `gate` applies", "stage `gate` does not apply"}
    assert asked(segmented(LASTING, gate)) >= {*each, "stage `gate` unknown"}
    assert asked(segmented(LASTING, gate, head=REQUIRED)) >= each
    assert "stage `gate` unknown" not in asked(segmented(LASTING, gate, head=REQUIRED))


@pytest.mark.parametrize(("rule", "unknown"), cases("ruleset/segments")["scores"])
def test_a_score_is_there_where_its_stage_applied(rule, unknown):
    """Coverage asks for no unknown score of those whom the card scores."""
    text = segmented(
        LASTING,
        only(RAISED_CARD),
        after(f"id: low, {rule}, then: REFER, reason: SHORT"),
        head=REQUIRED,
    )
    assert ("rule `low` unknown" in asked(text)) is unknown
    same = only(after("id: low, when: card.score < 120, then: REFER, reason: SHORT"))
    assert "rule `low` unknown" not in asked(
        segmented(LASTING, only(RAISED_CARD), same, head=REQUIRED)
    )


@pytest.mark.parametrize(("segment", "code"), cases("ruleset/segments")["checked"])
def test_a_segment_is_checked_like_a_cell(segment, code):
    """One of everybody, or of nobody there is, is an error."""
    found = [c for c in problems(segmented(LASTING, only(rules(TOO_SHORT), segment))) if c < "R5"]
    assert found == ([] if code is None else [code])


def test_a_derived_name_may_say_the_segment_of_a_stage():
    """Its labels are those of its text; what a score gives comes too late for it."""
    line = 'derived:\n  kind: \'"thin" if income.months_24m < 9 else "thick"\'\n'
    head = f"{HEAD}segments: [derived.kind]\n{line}"
    text = segmented(LASTING, only(rules(TOO_SHORT), "thin"), head=head)
    for months, expected in ((8, "DECLINE"), (9, "APPROVE")):
        assert outcome(text, {"income.months_24m": months, "income.months_12m": 3}) == expected
    late = head.replace("income.months_24m < 9", "card.score < 120")
    assert "R209" in problems(
        segmented(LASTING, RAISED_CARD, only(rules(TOO_SHORT), "thin"), head=late)
    )


def logic(*bodies):
    """The codes that the checks of logic find in some stages."""
    return [code for code in problems(segmented(LASTING, *bodies)) if code.startswith("R4")]


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
    one, two = (
        only(rules(TOO_SHORT, name="one")),
        TOO_SHORT.replace("short", "too"),
    )
    both = (one, only(rules(two, name="two"), other))
    assert logic(*both) == found
    everybody = rules("id: any, when: income.months_12m < 2, then: DECLINE, reason: SHORTER")
    assert logic(everybody, *both) == []


TAGS = """\
tags:
  desk: {text: a desk looks at it}
  signal: {text: a sign of fraud, told: nobody}
"""

SIGNAL = "id: odd, when: income.volatility_6m > 0.5, tags: [signal]"

ASKS = "id: asks, when: income.months_24m < 9, then: REFER, reason: SHORT, tags: [desk, signal]"

PASSING_CARD = """\
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
