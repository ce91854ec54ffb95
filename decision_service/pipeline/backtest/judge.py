"""One recorded applicant judged before and after a change of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from decision_service.impact.applicant import JudgedApplicant, KnownLoan, NotCompared, Side
from decision_service.pipeline.backtest.cells import cells_of
from decision_service.pipeline.rollout.pairs.case import DecidedCase, loaded_for
from decision_service.pipeline.rollout.pairs.second_opinion import (
    RulesOnDay,
    judged_applicant,
    side_of,
    verdicts,
)
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate


class BacktestRules(msgspec.Struct, frozen=True):
    """The rules before and after, and the day whose dated parameters both take; None: their own.

    `points` are the rules of a sweep, `margins` those of figures moved a little; both read what
    `other` reads. On `days` dated figures of `other` change.
    """

    base: CompiledRuleset
    other: CompiledRuleset
    by: tuple[str, ...] = ()
    params_as_of: date | None = None
    points: tuple[CompiledRuleset, ...] = ()
    margins: tuple[CompiledRuleset, ...] = ()
    days: tuple[date, ...] = ()


def compare(
    case: DecidedCase,
    rules: BacktestRules,
    loan: KnownLoan | None = None,
    *,
    margins: bool = False,
) -> JudgedApplicant | NotCompared:
    """The applicant as both sets of rules judge her, or why they cannot; margins, days where asked.

    ERASED is also said of a case without its snapshot that has one: recorded values do not suffice.
    """
    day = rules.params_as_of
    base, other = RulesOnDay(rules.base, day), RulesOnDay(rules.other, day)
    found = verdicts(case, base, other)
    if isinstance(found, NotCompared):
        return found
    one = judged_applicant(case, base, other, found)
    facts, known = found.facts, {rules.other.digest: one.after}
    factors = {**facts.factors, **case.factors.values}
    cells = cells_of(case.decision, found.before, facts.inputs, factors, rules.by)
    points = _sides(rules.points, facts, day, known)
    near = _sides(rules.margins, facts, day, known) if margins else ()
    dated = tuple(
        (day, _on(rules.other, facts, day - timedelta(days=1)), _on(rules.other, facts, day))
        for day in (rules.days if margins else ())
    )
    return replace(one, cells=cells, loan=loan, points=points, margins=near, dated=dated)


def _sides(
    every: tuple[CompiledRuleset, ...], facts: Facts, day: date | None, known: Mapping[str, Side]
) -> tuple[Side, ...]:
    """What each ruleset concludes from the same facts; `known` sides are by digest."""
    return tuple(known.get(ruleset.digest) or _on(ruleset, facts, day) for ruleset in every)


def _on(ruleset: CompiledRuleset, facts: Facts, day: date | None) -> Side:
    return side_of(evaluate(ruleset, loaded_for(facts, ruleset, day)))
