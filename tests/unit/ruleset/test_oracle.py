"""The evaluator beside a slow reading of the same rule files.

`make oracle` runs 100,000 cases (`ORACLE_CASES`), 25 of each ruleset;
without it 1,000 are run, the first of them. A failing case names its two seeds:
`assert_same(ruleset_text(ruleset), …)` with them repeats it.
"""

from __future__ import annotations

import os
import re

import pytest

from decision_service.domain.values import Money
from decision_service.rules.evaluate import Facts, evaluate, traces
from tests.fakes.examples import FIRST
from tests.oracles.rule_facts import facts
from tests.oracles.rules import Answer, Rulebook
from tests.oracles.rulesets import FACTORS, ruleset_text
from tests.unit.ruleset.generated import loosely_compiled

CASES = int(os.environ.get("ORACLE_CASES", "1000"))
PER_RULESET = 25
CHUNKS = 8
BINDINGS = ("binding", "term_binding")
_BLANKS = re.compile(r"\s")


def answer_of(ruleset, verdict):
    """A verdict in the oracle's form."""
    return Answer(
        outcome=str(verdict.outcome),
        refer_kind=str(verdict.refer_kind or ""),
        reasons=tuple((r.code, r.component, r.factor, r.points_lost) for r in verdict.reasons),
        scores=tuple((s.scorecard, s.score, s.best_score, s.band) for s in verdict.scores),
        offer=None if verdict.offer is None else _terms(verdict.offer),
        conditions=tuple(c.id for c in verdict.conditions),
        valid_until=verdict.valid_until,
        param_change=verdict.param_change,
        truths=dict(_truths(traces(ruleset, verdict))),
        tags=tuple((tag.name, tag.told) for tag in verdict.tags),
    )


def _terms(offer):
    fixed = ("approved_amount", "max_amount", "term_months", "monthly_rate", *BINDINGS)
    named = {name: getattr(offer, name) for name in fixed}
    found = {"kind": offer.kind, **named, **offer.outputs}
    plain = {n: v.major if isinstance(v, Money) else v for n, v in found.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _truths(stages):
    for stage in stages:
        for row in stage.rules:
            if row.id == "segment":
                yield f"applies {stage.name}", str(row.truth)
            elif stage.component == "SCORECARD":
                yield f"bin {row.id}", row.comparisons[0].right
            elif stage.component == "TABLE":
                yield from _rows(stage)
            elif stage.name != "offer":
                yield row.id, str(row.truth)


def _rows(stage):
    """The number of the row that counted; the last line has none where none did."""
    rows = [row for row in stage.rules if row.id != "segment"]
    name = f"table {rows[0].id.partition(' ')[0]}"
    yield name, [int(row.id.rpartition(" ")[2]) for row in rows if row.truth == "TRUE"]


def _spaceless(answer):
    """An answer whose expressions are compared without their blanks."""
    reasons = tuple((c, k, _BLANKS.sub("", f), p) for c, k, f, p in answer.reasons)
    bindings = {name: _BLANKS.sub("", (answer.offer or {}).get(name, "")) for name in BINDINGS}
    return {**vars(answer), "reasons": reasons, "offer": answer.offer and answer.offer | bindings}


def assert_same(text, number, ruleset=None, oracle=None):
    """The oracle and the evaluator agree on one made-up set of facts."""
    ruleset, oracle = ruleset or loosely_compiled(text), oracle or Rulebook(text, FACTORS)
    factors, inputs, as_of = facts(text, number)
    verdict = evaluate(ruleset, Facts(factors, inputs, as_of))
    expected = oracle.decide(factors, inputs, as_of.instant, as_of.date)
    assert _spaceless(answer_of(ruleset, verdict)) == _spaceless(expected)
    asked = {request.factor for request in verdict.data_requests}
    assert asked >= {r.factor for r in verdict.reasons if r.actual.startswith("missing ")}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_evaluator_agrees_with_a_slow_reading(chunk):
    """Outcome, kind, reasons, scores, offer, conditions, tags, expiry and all truths are equal."""
    for seed in range(FIRST + chunk, FIRST + CASES // PER_RULESET, CHUNKS):
        text = ruleset_text(seed)
        ruleset, oracle = loosely_compiled(text), Rulebook(text, FACTORS)
        for number in range(seed * PER_RULESET, (seed + 1) * PER_RULESET):
            try:
                assert_same(text, number, ruleset, oracle)
            except AssertionError as error:
                error.add_note(f"ruleset {seed}, facts {number}")
                raise
