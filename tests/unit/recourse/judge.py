"""Recourse by full enumeration: every wait and change is evaluated, one by one."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from itertools import combinations, product

from msgspec.structs import replace

from decision_service.casework.recourse_changes import Pools, Uses, formula, laws_between
from decision_service.casework.recourse_later import again_today, is_whole_months, later_days
from decision_service.domain.decision import OfferKind, Outcome
from decision_service.domain.factor import FactorValue, Mover, ValueType
from decision_service.domain.values import Money
from decision_service.factors.laws import LAWS
from decision_service.factors.registry import catalogue
from decision_service.rules.evaluate import evaluate


def answer(ruleset, facts):
    """The day, and the names and values, of what should be answered; None where nothing helps."""
    whole = approves(ruleset, facts, {})
    verdict = evaluate(ruleset, facts)
    days = list(later_days(ruleset, facts, verdict.outcome))
    for day in days:
        if approves(ruleset, day.worlds[0], {}, whole=whole):
            return day.wait.end, {}
    again = [facts] if whole else _on_record(ruleset, facts, verdict.outcome, days)
    months = [] if whole else [day for day in days if is_whole_months(day.wait)]
    for size in range(1, 4):
        found = [(c, None) for c in _of_size(ruleset, again[0], size, whole=whole)]
        for day in months:
            found += [
                (c, day.wait) for c in _of_size(ruleset, day.worlds[0], size - 1, whole=whole)
            ]
        if found:
            changes, wait = min(found, key=_size)
            if whole:
                return wait, _least(ruleset, [facts], _values(changes), whole=whole)
            for day in [again_today(ruleset, facts, verdict.outcome), *days]:
                if all(approves(ruleset, world, _values(changes)) for world in day.worlds):
                    least = _least(ruleset, day.worlds, _values(changes))
                    return (day.wait.end if day.wait.days else None), least
    return None


def _on_record(ruleset, facts, outcome, days):
    """The facts of the first day on which what waiting alone moves declines nobody."""
    for day in [again_today(ruleset, facts, outcome), *days]:
        if day.worlds[0].factors["history.applications_7d"].value < 3:
            return day.worlds
    raise AssertionError(facts)


def _least(ruleset, worlds, changed, *, whole=False):
    """The changes in turn, each of as few units as approve."""
    for name, found in changed.items():
        now, needed = (_units(each.value) for each in (worlds[0].factors[name], found))
        least = bisect_left(
            range(abs(needed - now)),
            1,
            key=lambda many, name=name, now=now, up=needed > now: all(
                approves(
                    ruleset,
                    world,
                    _with(changed, name, now + many * (1 if up else -1)),
                    whole=whole,
                )
                for world in worlds
            ),
        )
        changed = _with(changed, name, now + least * (1 if needed > now else -1))
    return changed


def _with(changed, name, units):
    value = changed[name].value
    made = Money(value.currency, units) if isinstance(value, Money) else units
    return {**changed, name: FactorValue(name, made)}


def _units(value):
    return value.minor if isinstance(value, Money) else value


def _of_size(ruleset, facts, size, *, whole):
    """Every change of so many factors that approves."""
    if size == 0:
        return []
    every = _changes(_pools(ruleset, facts), size)
    return [c for c in every if approves(ruleset, facts, _values(c), whole=whole)]


def approves(ruleset, facts, changed, *, whole=False):
    """Whether the rules approve (the whole amount) with changed factors that break no law."""
    factors = {**facts.factors, **changed}
    verdict = evaluate(ruleset, replace(facts, factors=factors))
    if verdict.outcome is not Outcome.APPROVE or (
        whole and verdict.offer.kind is OfferKind.REDUCED
    ):
        return False
    held = (law for law in _laws(ruleset) if _holds(law, facts.factors, ruleset))
    return all(_holds(law, factors, ruleset) for law in held)


def _pools(ruleset, facts):
    seen = evaluate(ruleset, facts).raw_trace.values
    laws = laws_between(ruleset.needs.factors, ruleset.currency)
    names = [n for n in ruleset.needs.factors if catalogue()[n].action.by is Mover.APPLICANT]
    return Pools(Uses(ruleset), facts.factors, seen, laws).of(names)


def _changes(pools, size):
    for names in combinations(pools, size):
        yield from product(*(pools[name] for name in names))


def _values(changes):
    return {change.factor: change.value for change in changes}


def _size(found):
    changes, wait = found
    months = wait.months if wait else 0
    return sum(change.steps for change in changes) + months, tuple(c.factor for c in changes)


def _laws(ruleset):
    """The laws between the factors of a ruleset."""
    return _laws_between(tuple(ruleset.needs.factors))


@cache
def _laws_between(names):
    return [law for law in LAWS if set(law.factors) <= set(names)]


def _holds(law, factors, ruleset):
    currency = ruleset.currency
    return formula(law.expression, ValueType.FLAG, currency).of(factors) is not False
