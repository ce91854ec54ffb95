"""Recourse by full enumeration: every change of at most three factors, evaluated one by one."""

from __future__ import annotations

from itertools import combinations, product

from msgspec.structs import replace

from decision_service.domain.factor import Mover, ValueType
from decision_service.domain.verdict import OfferKind, Outcome
from decision_service.factors.laws import LAWS
from decision_service.factors.registry import catalogue
from decision_service.recourse.candidates import Uses, candidates
from decision_service.recourse.lawful import formula
from decision_service.ruleset.run.evaluator import evaluate


def smallest_change(ruleset, facts, most=3):
    """The names, values and steps of the smallest change today; None where there is none."""
    pools = _pools(ruleset, facts)
    whole = approves(ruleset, facts, {})
    for size in range(1, most + 1):
        every = _changes(pools, size)
        found = [c for c in every if approves(ruleset, facts, _values(c), whole=whole)]
        if found:
            return min(found, key=_size)
    return None


def approves(ruleset, facts, changed, *, whole=False):
    """Whether the rules approve (the whole amount) with changed factors that break no law."""
    factors = {**facts.factors, **changed}
    verdict = evaluate(ruleset, replace(facts, factors=factors))
    lawful = all(_holds(law, factors, ruleset) for law in LAWS if _held(law, facts, ruleset))
    enough = not whole or verdict.offer.kind is OfferKind.FULL
    return verdict.outcome is Outcome.APPROVE and lawful and enough


def _pools(ruleset, facts):
    seen = evaluate(ruleset, facts).raw_trace.values
    uses, currency = Uses(ruleset), ruleset.currency
    names = [n for n in ruleset.needs.factors if catalogue()[n].action.by is Mover.APPLICANT]
    found = {n: candidates(uses, n, facts.factors[n], seen, currency) for n in sorted(names)}
    return {name: pool for name, pool in found.items() if pool}


def _changes(pools, size):
    for names in combinations(pools, size):
        yield from product(*(pools[name] for name in names))


def _values(changes):
    return {change.factor: change.value for change in changes}


def _size(changes):
    return sum(change.steps for change in changes), tuple(change.factor for change in changes)


def _held(law, facts, ruleset):
    return set(law.factors) <= facts.factors.keys() and _holds(law, facts.factors, ruleset)


def _holds(law, factors, ruleset):
    return (
        formula(law.expression, ValueType.FLAG, ruleset.currency).of(factors, ruleset.currency)
        is not False
    )
