"""Recourse by full enumeration, the people of a small product, and those of the shipped ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import combinations
from itertools import product as every
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from decision_service.author.made_up_facts import Sampler, figures_near
from decision_service.casework.recourse_changes import Pools, Uses, formula, laws_between
from decision_service.casework.recourse_later import again_today, is_whole_months, later_days
from decision_service.domain.decision import OfferKind, Outcome
from decision_service.domain.factor import FactorValue, Mover, ValueType
from decision_service.domain.values import AsOf, Money
from decision_service.factors.laws import LAWS
from decision_service.factors.registry import catalogue
from decision_service.rulebook.folder import files_of, read_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.language.diagnostics import Report, render_all
from decision_service.rules.language.yaml import MapNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from tests.kits.cases import case_text

MANILA = ZoneInfo("Asia/Manila")
AS_OF = AsOf.at(datetime(2026, 11, 15, 4, tzinfo=UTC), MANILA)
TEXT = case_text("recourse/product")


@cache
def product():
    """The product's rules."""
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", TEXT)
    found = compile_ruleset(files, catalogue(), checks=())
    assert found.ruleset is not None, render_all(found.diagnostics)
    return found.ruleset


def php(pesos):
    return Money("PHP", round(pesos * 100))


GOOD = {
    "income.months_24m": 12,
    "income.median_6m": php(20_000),
    "income.conservative_6m": php(18_000),
    "liabilities.overdue_total": php(0),
    "liabilities.monthly_amortization": php(0),
    "history.applications_7d": 0,
    "history.exposure": php(0),
}


def person(asks=5_000, **changed):
    """Somebody who is approved, but for the factors that are named; `__` stands for a point."""
    given = {**GOOD, **{name.replace("__", "."): value for name, value in changed.items()}}
    factors = {name: FactorValue(name, value) for name, value in given.items()}
    return Facts(factors, {"requested_amount": php(asks)}, AS_OF)


def somebody(seed):
    """A made-up person."""
    chance = Random(seed)
    careful = chance.choice([2_000, 4_000, 6_500, 9_000, 14_000])
    return person(
        chance.choice([2_000, 5_000, 20_000]),
        income__months_24m=chance.choice([1, 2, 4, 12]),
        income__conservative_6m=php(careful),
        income__median_6m=php(careful + chance.choice([0, 500, 4_000])),
        liabilities__overdue_total=php(chance.choice([0, 0, 300, 900, 2_500])),
        liabilities__monthly_amortization=php(chance.choice([0, 400, 1_500, 3_000])),
        history__applications_7d=chance.choice([0, 0, 3]),
        history__exposure=php(chance.choice([0, 0, 2_000, 9_000])),
    )


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
        yield from every(*(pools[name] for name in names))


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


RULES = Path(__file__).parents[3] / "rules"
VERSIONS = (("personal-loan-ph", 1), ("personal-loan-ph", 2), ("gig-advance-ph", 1))


@cache
def shipped_product(name: str, version: int) -> CompiledRuleset:
    """The rules of a shipped version."""
    found = compile_ruleset(_files(name, version), catalogue()).ruleset
    assert found is not None
    return found


@cache
def cases(name: str, version: int) -> dict[str, Facts]:
    """The facts of a version's rule tests by the name of the case."""
    ruleset = shipped_product(name, version)
    file = RULES / name / "tests" / f"v{version}.yaml"
    found = parse_cases(file.name, file.read_text(), ruleset, catalogue()).cases
    results = run_cases(ruleset, found)
    return {r.case.name: r.facts for r in results if r.facts is not None}


def people(name: str, version: int, count: int) -> Iterator[Facts]:
    """So many made-up people at most: those of cases, with other values of a few factors.

    People who break a law between factors are left out.
    """
    ruleset, files = shipped_product(name, version), _files(name, version)
    root = read(files.path, files.text, Report())
    assert isinstance(root, MapNode)
    near = figures_near(root, ruleset.params, ruleset.currency)
    bases = list(cases(name, version).values())
    laws = laws_between(ruleset.needs.factors, ruleset.currency)
    for facts in Sampler(ruleset, catalogue(), bases, near).samples(count):
        if not laws.broken(facts.factors):
            yield facts


def _files(name: str, version: int) -> RulesetFiles:
    folder = read_rules(RULES)
    [found] = [each for each in folder.products if each.product == name]
    return files_of(folder, found, version)


def confirmed(ruleset, facts, recourse):
    """Whether the rules approve as recourse says: with its changes, on its day."""
    outcome = evaluate(ruleset, facts).outcome
    worlds = [facts]
    if recourse.day is not None:
        [worlds] = [
            day.worlds
            for day in later_days(ruleset, facts, outcome)
            if day.wait.end == recourse.day
        ]
    changed = {c.factor: FactorValue(c.factor, c.needed) for c in recourse.changes}
    changed |= _debt_ratio(ruleset, worlds[0], changed)
    verdicts = [evaluate(ruleset, replace(w, factors={**w.factors, **changed})) for w in worlds]
    return all(verdict.outcome is Outcome.APPROVE for verdict in verdicts)


def _debt_ratio(ruleset, facts, changed):
    """The debt ratio of the loan, worked out by hand where one of its parts has changed."""
    ratio = "liabilities.scheme_debt_to_income"
    parts = ("liabilities.monthly_amortization", "income.conservative_6m")
    if ratio not in ruleset.needs.factors or not changed.keys() & set(parts):
        return {}
    debt, income = ({**facts.factors, **changed}[name].value for name in parts)
    if facts.factors[ratio].value is None or not debt or not income.minor:
        return {}
    return {ratio: FactorValue(ratio, debt.major / income.major)}
