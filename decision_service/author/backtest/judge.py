"""One recorded applicant judged before and after a change, and her cells of a report."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import msgspec

from decision_service.author.backtest.sums import BacktestApplicant, KnownLoan
from decision_service.domain.decision import Decision, Verdict
from decision_service.domain.errors import Unfit
from decision_service.domain.factor import FactorValue, Input, ValueType, value_sent
from decision_service.domain.values import Money
from decision_service.factors.registry import catalogue, known_factors
from decision_service.rollout.impact import NotCompared, Side
from decision_service.rollout_running.pairs import (
    DecidedCase,
    RulesOnDay,
    judged_applicant,
    loaded_for,
    side_of,
    verdicts,
)
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import did_you_mean
from decision_service.rules.program import CompiledRuleset

ALWAYS = ("month", "arm")
KNOWN = (*ALWAYS, "band", "provider", "amount")
_INPUT = "inputs."
_AMOUNT = f"{_INPUT}requested_amount"
_AMOUNTS = "1000,2000,5000,10000,20000,50000,100000,200000,500000"
"""Cut points of amounts that have none of their own, in major units."""

_POINT = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?", re.ASCII)
_NUMBERS = (ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY)
_Known = Mapping[str, FactorValue]
_Cell = Callable[[Decision, Verdict, Mapping[str, Input], _Known], str]


class DimensionUnknown(Unfit):
    """A report cannot be divided by this."""


def require_dimensions(by: tuple[str, ...], *rulesets: CompiledRuleset) -> None:
    """Raise DimensionUnknown for the first dimension that there is not, or cannot be cut so."""
    inputs = {f"{_INPUT}{name}": one.type for r in rulesets for name, one in r.inputs.items()}
    known = known_factors()
    named = frozenset().union(*(ruleset.needs.factors for ruleset in rulesets))
    factors = {name: known[name].type for name in named}
    types = {**dict.fromkeys(KNOWN, ValueType.TEXT), "amount": ValueType.MONEY, **inputs, **factors}
    seen = set()
    for name, colon, points in (one.partition(":") for one in by):
        if name not in types:
            unread = "no rule of either side reads it, so that it is not recorded"
            usual = f"take {', '.join(KNOWN[2:])}, inputs.NAME, or a factor that a rule reads"
            hint = unread if name in catalogue() else did_you_mean(name, types) or usual
            raise DimensionUnknown(f"a report cannot be divided by {name}: {hint}")
        if name in seen or name in ALWAYS:
            raise DimensionUnknown(f"a report is divided by {name} once: leave it out")
        if colon and types[name] not in _NUMBERS:
            raise DimensionUnknown(f"{name} is no number: write it without the cut points {points}")
        if colon and not _points(points):
            raise DimensionUnknown(
                f"{name} has the cut points {points}: write ascending numbers, such as "
                f"{name}:10000,20000"
            )
        seen.add(name)


def _points(text: str) -> tuple[Decimal, ...]:
    if not all(_POINT.fullmatch(word) for word in text.split(",")):
        return ()
    points = tuple(Decimal(word) for word in text.split(","))
    return points if all(one < other for one, other in pairwise(points)) else ()


@cache
def _dimensions(by: tuple[str, ...]) -> tuple[tuple[str, _Cell], ...]:
    parted = [one.partition(":") for one in (*ALWAYS, *by)]
    return tuple((name, _CELLS.get(name) or _valued(name, points)) for name, _, points in parted)


def _valued(name: str, points: str) -> _Cell:
    name = _AMOUNT if name == "amount" else name
    input_ = name.removeprefix(_INPUT) if name.startswith(_INPUT) else ""
    cuts = _points(points or _AMOUNTS)
    shown = [f"{point:,}" for point in cuts]
    between = (f"{least} to below {end}" for least, end in pairwise(shown))
    bins = (f"below {shown[0]}", *between, f"{shown[-1]} and more")

    def cell(_: Decision, __: Verdict, inputs: Mapping[str, Input], factors: _Known) -> str:
        if input_:
            given = inputs.get(input_)
            absent = "not sent"
            value = None if given is None else value_sent(given)
        else:
            found = factors.get(name)
            value, absent = (None, "not recorded") if found is None else (found.value, "missing")
        if value is None:
            return absent
        if isinstance(value, Money):
            return bins[bisect(cuts, value.major)]
        if points and isinstance(value, int | Decimal):
            return bins[bisect(cuts, value)]
        return str(value).lower() if isinstance(value, bool) else str(value)

    return cell


def _month(decision: Decision, *_: object) -> str:
    return decision.as_of.date.isoformat()[:7]


def _arm(decision: Decision, *_: object) -> str:
    return decision.assignment.arm or "none"


def _band(_: Decision, verdict: Verdict, *__: object) -> str:
    return " ".join([score.band for score in verdict.scores]) or "none"


def _providers(decision: Decision, *_: object) -> str:
    sources = decision.factors.sources if decision.factors else ()
    return " + ".join(sorted({use.provider_id for use in sources if use.used})) or "none"


_CELLS: Mapping[str, _Cell] = {"month": _month, "arm": _arm, "band": _band, "provider": _providers}


class BacktestRules(msgspec.Struct, frozen=True):
    """The rules before and after, and the day whose dated parameters both take; None: their own.

    `points` are the rules of a sweep, which read what `other` reads. On `days` dated figures of
    `other` change.
    """

    base: CompiledRuleset
    other: CompiledRuleset
    by: tuple[str, ...] = ()
    params_as_of: date | None = None
    points: tuple[CompiledRuleset, ...] = ()
    days: tuple[date, ...] = ()


def compare(
    case: DecidedCase, rules: BacktestRules, loan: KnownLoan | None = None, *, dated: bool = False
) -> BacktestApplicant | NotCompared:
    """The applicant as both rules judge her; ERASED also where recorded values do not suffice."""
    day = rules.params_as_of
    base = RulesOnDay(rules.base, day)
    other = RulesOnDay(rules.other, day)
    found = verdicts(case, base, other)
    if isinstance(found, NotCompared):
        return found
    one = judged_applicant(case, base, other, found=found)
    facts = found.facts
    known = {rules.other.digest: one.after}
    factors = {**facts.factors, **case.factors.values}
    of = (case.decision, found.before, facts.inputs, factors)
    cells = tuple([(name, cell(*of)) for name, cell in _dimensions(rules.by)])
    points = _sides(rules.points, facts, day, known=known)
    dated_sides = tuple(
        (day, _on(rules.other, facts, day - timedelta(days=1)), _on(rules.other, facts, day))
        for day in (rules.days if dated else ())
    )
    return BacktestApplicant(
        one.decision_id,
        one.before,
        one.after,
        causes=one.causes,
        cells=cells,
        loan=loan,
        points=points,
        dated=dated_sides,
    )


def _sides(
    every: tuple[CompiledRuleset, ...], facts: Facts, day: date | None, known: Mapping[str, Side]
) -> tuple[Side, ...]:
    return tuple(known.get(ruleset.digest) or _on(ruleset, facts, day) for ruleset in every)


def _on(ruleset: CompiledRuleset, facts: Facts, day: date | None) -> Side:
    return side_of(evaluate(ruleset, loaded_for(facts, ruleset, day)))
