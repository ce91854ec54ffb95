"""People among whom a counterexample is looked for first: made-up ones, then plain ones.

Made-up people are the same at every run. Of plain ones all is known, and nothing is huge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import ValueType
from decision_service.domain.money import exponent
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.types import Symbol
from decision_service.proofs.claims.verdicts import is_better
from decision_service.proofs.people import People, Variable
from decision_service.proofs.person import TODAY, PersonValues, lacking
from decision_service.proofs.questions import Period, Question, required, verdict_on
from decision_service.proofs.shrink import plain, possible, symbols_of, with_values
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.analysis.ranges import whole
from decision_service.ruleset.figures.facts.samples import Draws

_LARGEST = {ValueType.MONEY: 10**9, ValueType.INTEGER: 10**3, ValueType.NUMBER: 10}

MOST_PEOPLE = 600
"""How many people are made up for a period, while there is time."""

_WALK = 20
"""After so many the walk begins with the typical person again."""

_FIGURES = tuple(map(Decimal, (*range(13), 24, "0.1", "0.5", 40, 100, 1000, 5000, 30000, 100000)))
Person = tuple[PersonValues, Mapping[str, Any], date]


class Walk:
    """People who keep the laws, each a few values from one before who fared no worse."""

    def __init__(self, question: Question, period: Period) -> None:
        self.question, self.period, self.draws = question, period, Draws()
        self.symbols = {s.name: s for s in symbols_of(question) if s.name != TODAY}
        self.questions = sorted({q for r in question.rulesets for q in r.questions})
        self.figures = (*_FIGURES, *_figures(question))

    def met(self, has_time: Callable[[], bool]) -> Person | None:
        """A person who breaks the claim, with what is otherwise the second time, and the day."""
        typical = PersonValues(
            {s.name: plain(self.question, s, self.period) for s in symbols_of(self.question)}
        )
        last = typical, verdict_on(typical, self.question.rulesets[0], self.period.start)
        start = last
        for number in range(MOST_PEOPLE):
            if not has_time():
                return None
            person = self._other((last if number % _WALK else start)[0])
            changed = self._changed(person)
            if changed is None or not possible(self.question, person, changed):
                continue
            day = person.day(self.period.start)
            verdict = verdict_on(person, self.question.rulesets[0], day)
            if self.question.judged(person, changed, day, verdict) is not None:
                return person, changed, day
            if not number % _WALK or not is_better(verdict, last[1]):
                last = person, verdict
        return None

    def _other(self, person: PersonValues) -> PersonValues:
        names = [*self.symbols]
        changed: dict[str, Any] = {}
        for _ in range(1 + self.draws.below(4)):
            changed |= self._drawn(self._one_of(names))
        answers = {q: self._one_of((False, False, True, None)) for q in self.questions}
        return with_values(
            self.question, PersonValues(person.values, answers), changed, self.period
        )

    def _drawn(self, name: str) -> Mapping[str, Any]:
        """Another value of a name, or none, with those that are missing together with it."""
        catalogue, symbol = self.question.world.catalogue, self.symbols[name]
        if name not in catalogue:
            must = name.removeprefix("inputs.") in required(self.question.rulesets)
            there = must or self.draws.below(2)
            return {name: self._value(symbol) if there else lacking(name, catalogue, tainted=False)}
        if catalogue[name].causes and not self.draws.below(8):
            cause = self._one_of(sorted(catalogue[name].causes))
            together = next((g for g in self.question.world.together if name in g), (name,))
            return {n: lacking(n, catalogue, tainted=cause.tainted) for n in together}
        return {name: self._value(symbol)}

    def _changed(self, person: PersonValues) -> Mapping[str, Any] | None:
        """What the person has the second time; None where that cannot be."""
        changed: dict[str, Any] = {}
        for symbol, way in self.question.moved:
            name, value = symbol.name, person.values[symbol.name]
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
        """A value in the range of a name, often a figure of the rules or next to one."""
        figure, beside = self._one_of(self.figures), self._one_of((-1, 0, 0, 1))
        match symbol.type:
            case ValueType.FLAG:
                return beside < 1
            case ValueType.TEXT:
                return self._one_of(symbol.labels or ("a", "b"))
            case ValueType.DATE:
                return self.period.start - timedelta(days=abs(int(figure)))
            case ValueType.NUMBER:
                value: Any = figure
            case ValueType.INTEGER:
                value = int(figure) + beside
            case _:
                value = int(figure.scaleb(exponent(self.question.rulesets[0].currency))) + beside
        span = whole(symbol, self.question.rulesets[0].currency)
        low, high = (None if end is None else type(value)(end) for end in (span.low, span.high))
        value = value if low is None else max(low, value)
        return value if high is None else min(high, value)

    def _one_of(self, some: Sequence[Any]) -> Any:
        return some[self.draws.below(len(some))]


def _figures(question: Question) -> Iterator[Decimal]:
    """The figures of parameters and derived values, amounts in major units."""
    for ruleset in question.rulesets:
        for param in ruleset.params.values():
            shift = -exponent(ruleset.currency) if param.type is ValueType.MONEY else 0
            for value in (step.value for step in param.every_step):
                if isinstance(value, int | Decimal) and not isinstance(value, bool):
                    yield Decimal(value).scaleb(shift)


def plausible(people: People) -> list[Term]:
    """What holds of plain people."""
    b = people.builder
    known = [b.not_(v.value.gone) for v in people.variables.values()]
    return [*known, *(t for v in people.variables.values() for t in _small(b, v))]


def _small(b: Builder, variable: Variable) -> list[Term]:
    largest = _LARGEST.get(variable.type)
    if largest is None:
        return []
    term = variable.value.term
    return [b.le(term, b.number(largest)), b.le(b.number(-largest), term)]
