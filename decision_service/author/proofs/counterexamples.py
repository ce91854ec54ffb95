"""Plausible applicants that are tried first, and counterexamples made typical."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from decision_service.author.made_up_facts import Draws
from decision_service.author.proofs.people import TODAY, People, PersonValues, lacking
from decision_service.author.proofs.questions import (
    Period,
    Question,
    dated,
    inputs_of,
    required,
    verdict_on,
)
from decision_service.author.proofs.terms import Term
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Better, FactorSpec, ValueType
from decision_service.domain.values import Cause, exponent
from decision_service.rules.cells import Cell
from decision_service.rules.construct import Runner
from decision_service.rules.knockouts import RulesRunner
from decision_service.rules.language.types import Compare, NameRead, Symbol, walk
from decision_service.rules.language.values import Unknown, unknown
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.ranges import whole
from decision_service.rules.scorecard import ScorecardRunner
from decision_service.rules.stages import unconditional
from decision_service.rules.table import TableRunner

_AMOUNTS = {"income": 30_000, "contributions": 2_000, "transactions": 20_000, "inputs": 20_000}
_COUNTS = {"months": 24, "years": 35, "days": 20}
_LONG_AGO = timedelta(days=365)
_LARGEST = {ValueType.MONEY: 10**9, ValueType.INTEGER: 10**3, ValueType.NUMBER: 10}

MOST_PEOPLE = 600
"""How many people are made up for a period, while there is time."""

_TRIES = 4
"""How often the others of a broken law are drawn anew."""

_WALK = 20
"""After so many the walk begins with the typical person again."""

_RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}
_FIGURES = tuple(map(Decimal, (*range(13), 24, "0.1", "0.5", 40, 100, 1000, 5000, 30000, 100000)))
Person = tuple[PersonValues, Mapping[str, Any], date]


def typical(symbol: Symbol, spec: FactorSpec | None, currency: str, day: date) -> Any:
    """A plain value of a name within its bounds, good for an applicant where it can be."""
    if symbol.type is ValueType.FLAG:
        return spec is not None and spec.better is Better.UP
    if symbol.type is ValueType.TEXT:
        return (*symbol.labels, "some text" if spec is None else "none")[0]
    if symbol.type is ValueType.DATE:
        return day if symbol.name == TODAY else day - _LONG_AGO
    plain = _clamped(symbol, _plain(symbol, spec))
    if symbol.type is ValueType.MONEY:
        return int(plain.scaleb(exponent(currency)))
    return int(plain) if symbol.type is ValueType.INTEGER else plain


def _plain(symbol: Symbol, spec: FactorSpec | None) -> Decimal:
    family = symbol.name.partition(".")[0]
    if spec is not None and spec.better is Better.DOWN:
        return Decimal(0)
    good = spec is not None and spec.better is Better.UP
    if symbol.type is ValueType.MONEY:
        return Decimal(_AMOUNTS.get(family, 0) if good or spec is None else 0)
    if symbol.type is ValueType.NUMBER:
        return Decimal(good)
    return Decimal(6 if spec is None else _COUNTS.get(spec.unit, 1))


def _clamped(symbol: Symbol, value: Decimal) -> Decimal:
    if symbol.lower is not None:
        value = max(value, symbol.lower)
    return value if symbol.upper is None else min(value, symbol.upper)


def rounder(value: Any, type_: ValueType) -> Iterator[Any]:
    """Rounder values near a number, the roundest first."""
    if type_ in (ValueType.MONEY, ValueType.INTEGER):
        sizes = (10**zeros for zeros in range(len(str(abs(value)))))
        yield from (size if value > 0 else -size for size in sizes)
        for zeros in range(9, 0, -1):
            step = 10**zeros
            yield from dict.fromkeys((value // step * step, -(-value // step) * step))
    elif type_ is ValueType.NUMBER:
        for digits in range(9):
            step = Decimal(1).scaleb(-digits)
            below = (value // step) * step
            yield from (below, below + step, below - step)


def shrunk(
    question: Question, person: PersonValues, changed: Mapping[str, Any], day: date, period: Period
) -> tuple[PersonValues, date]:
    """A person who breaks the claim too, in fewer and rounder values."""
    for _ in range(2):
        for symbol in symbols_of(question):
            for value in _simpler(question, person, symbol, period=period):
                other = with_values(question, person, {symbol.name: value}, period=period)
                when = other.day(day)
                if possible(question, other, changed) and question.judged(other, changed, when):
                    person = other
                    day = when
                    break
    return person, day


def symbols_of(question: Question) -> list[Symbol]:
    factors = {e.symbol.name: e.symbol for r in question.rulesets for e in r.program.intake.factors}
    return [*factors.values(), *inputs_of(question.rulesets).values()]


def with_values(
    question: Question, person: PersonValues, changed: Mapping[str, Any], period: Period
) -> PersonValues:
    """The person with other values, and with typical ones where those would break a law."""
    other = PersonValues({**person.values, **changed}, person.answers)
    world = question.world
    for _ in (*world.laws, *world.together):
        odd = world.broken(other) | world.parted(other)
        symbols = [symbol for symbol in symbols_of(question) if symbol.name in odd]
        values = {**other.values, **{s.name: plain(question, s, period) for s in symbols}}
        if values == other.values:
            break
        other = PersonValues(values, person.answers)
    return other


def plain(question: Question, symbol: Symbol, period: Period) -> Any:
    name = symbol.name.removeprefix("inputs.")
    if name != symbol.name and name not in required(question.rulesets):
        return unknown(symbol.name, Cause.NOT_SENT)
    spec = question.world.catalogue.get(symbol.name)
    currency = question.rulesets[0].currency
    return typical(symbol, spec, currency, day=period.start)


def _simpler(
    question: Question, person: PersonValues, symbol: Symbol, period: Period
) -> Iterator[Any]:
    value = person.values.get(symbol.name)
    simplest = plain(question, symbol, period)
    if value is None or value == simplest:
        return
    yield simplest
    if not isinstance(value, Unknown):
        span = whole(symbol, question.rulesets[0].currency)
        yield from (v for v in rounder(value, symbol.type) if v != value and span.has(v))


def possible(question: Question, person: PersonValues, changed: Mapping[str, Any]) -> bool:
    for name in required(question.rulesets):
        value = person.values.get(f"inputs.{name}")
        if isinstance(value, Unknown) and not value.tainted:
            return False
    second = PersonValues({**person.values, **changed})
    world = question.world
    return not (world.broken(person) | world.parted(person) | world.broken(second))


class Walk:
    """People who keep the laws, each a few values from one before who fared no worse."""

    def __init__(
        self, question: Question, period: Period, figures: Sequence[Decimal] = (), seed: int = 1
    ) -> None:
        self.question = question
        self.period = period
        self.draws = Draws(seed)
        self.symbols = {s.name: s for s in symbols_of(question)}
        self.questions = sorted({q for r in question.rulesets for q in r.questions})
        self.figures = figures or (*_FIGURES, *_figures(question))
        self.edges = edges_of(question.rulesets)

    @property
    def typical(self) -> PersonValues:
        names = symbols_of(self.question)
        return PersonValues({s.name: plain(self.question, s, self.period) for s in names})

    def met(self, has_time: Callable[[], bool], most: int = MOST_PEOPLE) -> Person | None:
        """A person who breaks the claim, with what is otherwise the second time, and the day.

        They are other people at every call.
        """
        typical = self.typical
        last = typical, verdict_on(typical, self.question.rulesets[0], self.period.start)
        start = last
        for number in range(most):
            if not has_time():
                return None
            person = self.other((last if number % _WALK else start)[0])
            changed = self.changed(person, self.question.moved)
            if changed is None or not possible(self.question, person, changed):
                continue
            day = person.day(self.period.start)
            verdict = verdict_on(person, self.question.rulesets[0], day)
            if self.question.judged(person, changed, day, verdict) is not None:
                return person, changed, day
            if not number % _WALK or _RANK[verdict.outcome] <= _RANK[last[1].outcome]:
                last = person, verdict
        return None

    def other(self, person: PersonValues) -> PersonValues:
        """A person who keeps the laws, with a few other values."""
        values = person.values
        names = [n for n in self.symbols if n != TODAY]
        for name in [self._one_of(names) for _ in range(1 + self.draws.below(4))]:
            changed = self._drawn(name, values)
            for _ in range(_TRIES):
                other = PersonValues({**values, **changed})
                odd = self.question.world.broken(other)
                if not odd:
                    values = other.values
                    break
                changed |= {n: self._value(self.symbols[n]) for n in sorted(odd - {name})}
        answers = {q: self._one_of((False, False, True, None)) for q in self.questions}
        return PersonValues(values, answers)

    def _drawn(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Another value of a name, or none, with those that are missing or there together."""
        catalogue = self.question.world.catalogue
        symbol = self.symbols[name]
        if name not in catalogue:
            sent = name.removeprefix("inputs.")
            if sent in dated(self.question.rulesets) and not self.draws.below(8):
                return {name: lacking(name, catalogue, tainted=True)}
            there = sent in required(self.question.rulesets) or self.draws.below(2)
            return {name: self._value(symbol) if there else lacking(name, catalogue, tainted=False)}
        group = next((g for g in self.question.world.together if name in g), (name,))
        if catalogue[name].causes and not self.draws.below(8):
            cause = self._one_of(sorted(catalogue[name].causes))
            return {n: lacking(n, catalogue, tainted=cause.tainted) for n in group}
        gone = [n for n in group if n != name and isinstance(values[n], Unknown)]
        return {n: self._value(self.symbols[n]) for n in (name, *gone)}

    def changed(
        self, person: PersonValues, moved: Sequence[tuple[Symbol, int]]
    ) -> Mapping[str, Any] | None:
        """The values that move a second time; None where one of them is missing at first."""
        changed: dict[str, Any] = {}
        for symbol, way in moved:
            name = symbol.name
            value = person.values[symbol.name]
            if isinstance(value, Unknown):
                return None
            if way:
                other = self._value(symbol)
                changed[name] = max(value, other) if way > 0 else min(value, other)
                continue
            catalogue = self.question.world.catalogue
            causes = sorted(catalogue[name].causes) if name in catalogue else ()
            tainted = bool(causes) and self._one_of(causes).tainted
            changed[name] = lacking(name, catalogue, tainted=tainted)
        return changed

    def _value(self, symbol: Symbol) -> Any:
        figure = self._one_of(self.figures)
        edges = self.edges.get(symbol.name)
        if edges and not self.draws.below(3):
            figure = self._one_of(edges)
        shift = self._one_of((-1, 0, 0, 1))
        match symbol.type:
            case ValueType.FLAG:
                return shift < 1
            case ValueType.TEXT:
                return self._one_of(symbol.labels or ("a", "b"))
            case ValueType.DATE:
                ago = 0 if symbol.name == TODAY else abs(int(figure))
                return self.period.start - timedelta(days=ago)
            case ValueType.NUMBER:
                value: Any = figure
            case ValueType.INTEGER:
                value = int(figure) + shift
            case _:
                value = int(figure.scaleb(exponent(self.question.rulesets[0].currency))) + shift
        span = whole(symbol, self.question.rulesets[0].currency)
        if span.low is not None:
            value = max(type(value)(span.low), value)
        if span.high is not None:
            value = min(type(value)(span.high), value)
        return value

    def _one_of(self, some: Sequence[Any]) -> Any:
        return some[self.draws.below(len(some))]


def edges_of(rulesets: Sequence[CompiledRuleset]) -> Mapping[str, Sequence[Decimal]]:
    """By name the figures at which a bin, a row of a table or a rule ends, in major units."""
    found: dict[str, dict[Decimal, None]] = {}
    for ruleset in rulesets:
        for stage in (*ruleset.program.stages, *ruleset.program.closing):
            for symbol, value in _ends(stage.runner):
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    shift = -exponent(ruleset.currency) if symbol.type is ValueType.MONEY else 0
                    found.setdefault(symbol.name, {})[Decimal(value).scaleb(shift)] = None
    return {name: tuple(figures) for name, figures in found.items()}


def _ends(runner: Runner) -> Iterator[tuple[Symbol, Any]]:
    runner = unconditional(runner)
    for ready in runner.ready if isinstance(runner, RulesRunner) else ():
        for node in walk(ready.when):
            if isinstance(node, Compare) and isinstance(node.left, NameRead):
                yield node.left.symbol, getattr(node.right, "value", None)
    for symbol, cell in _cells(runner):
        for span in cell.spans:
            yield symbol, span.low
            yield symbol, span.high


def _cells(runner: Runner) -> Iterator[tuple[Symbol, Cell]]:
    if isinstance(runner, ScorecardRunner):
        for each in runner.card.characteristics:
            yield from ((each.name.symbol, one.cell) for one in each.bins)
    if isinstance(runner, TableRunner):
        for row in runner.grid.rows:
            for name, cell in zip(runner.grid.names, row.cells, strict=True):
                yield name.symbol, cell


def _figures(question: Question) -> Iterator[Decimal]:
    for ruleset in question.rulesets:
        for param in ruleset.params.values():
            shift = -exponent(ruleset.currency) if param.type is ValueType.MONEY else 0
            for value in (step.value for step in param.every_step):
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    yield Decimal(value).scaleb(shift)


def plausible(people: People) -> list[Term]:
    """What holds of plain people."""
    b = people.builder
    found = [b.not_(v.value.is_missing) for v in people.variables.values()]
    for term, largest in ((v.value.term, _LARGEST.get(v.type)) for v in people.variables.values()):
        if largest is not None:
            found += [b.le(term, b.number(largest)), b.le(b.number(-largest), term)]
    return found
