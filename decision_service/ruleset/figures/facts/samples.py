"""Made-up facts for a ruleset: those of its cases with other values of a few names.

The same cases give the same facts. Values lie at the figures that a name is compared with and a
step beside them, at the ends of what it can have, and among what the cases give.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import cycle, islice
from typing import Any

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import FactorSpec, FactorValue, ValueType
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.time import AsOf, noon
from decision_service.ruleset.figures.facts.dates import compared_dates
from decision_service.ruleset.figures.facts.pools import distinct, possible_values
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers

MOST_CHANGED = 3
_DAY = "as_of"
_INPUTS = "inputs."
_IN = " in "
_ANY_KEY = "X1"
_CAUSES = (Cause.NO_DATA, Cause.SOURCE_FAILED)


class Draws:
    """Numbers that look random and are the same for everybody (a linear congruence)."""

    def __init__(self) -> None:
        self.state = 1

    def below(self, end: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % end


class Sampler:
    """Makes facts for one ruleset.

    `near` holds for each name the figures that stand beside it in the file, as written.
    """

    def __init__(
        self,
        ruleset: CompiledRuleset,
        catalogue: Mapping[str, FactorSpec],
        bases: Sequence[Facts],
        near: Mapping[str, Iterable[str]],
    ) -> None:
        self.ruleset, self.bases = ruleset, bases
        self.keys: dict[str, str] = {}
        self.pools: dict[str, list[Any]] = {_DAY: self._days()}
        for name in ruleset.needs.factors:
            given = [base.factors.get(name) for base in bases]
            found = possible_values(catalogue[name], near.get(name, ()), ruleset.currency)
            values = [FactorValue(name, value) for value in found]
            gone = [FactorValue(name, None, (Missing(cause),)) for cause in _CAUSES]
            self.pools[name] = distinct([*(v for v in given if v), *values, *gone])
        for spec in ruleset.inputs.values():
            inputs = [base.inputs.get(spec.name) for base in bases]
            if spec.type is ValueType.DATE:
                inputs.extend(compared_dates(ruleset, bases))
            values = possible_values(spec, near.get(f"{_INPUTS}{spec.name}", ()), ruleset.currency)
            self.pools[f"{_INPUTS}{spec.name}"] = distinct([*inputs, *values])
        for question in ruleset.questions:
            answers = [ListAnswer(*question, listed, "") for listed in (True, False)]
            self.pools[f"{_INPUTS}{question.input}{_IN}lists.{question.list}"] = answers
            pool = self.pools[f"{_INPUTS}{question.input}"]
            pool.extend([] if any(isinstance(v, str) for v in pool) else [_ANY_KEY])
            self.keys[question.input] = next(v for v in pool if isinstance(v, str))
        self.names = sorted(self.pools)

    def samples(self, count: int) -> Iterator[Facts]:
        """So many facts: those of the cases, each value of each name in the first case, then more.

        There are none where there is no case to begin with.
        """
        yield from self.bases[:count]
        left = max(0, count - len(self.bases)) if self.bases else 0
        alone = self._in_turn()[:left]
        yield from (self._sample(self.bases[0], [value]) for value in alone)
        draws = Draws()
        for value in islice(cycle(self._in_turn()), left - len(alone)):
            base = self.bases[draws.below(len(self.bases))]
            others = [self._draw(draws, self.names) for _ in range(draws.below(MOST_CHANGED))]
            yield self._sample(base, [*others, value])

    def about(self, names: Collection[str], count: int) -> Iterator[Facts]:
        """So many facts that differ in some of these names, or in the day, from cases about them.

        Every second one differs in nothing but what the application says, and the day.
        """
        meant = {*names, _DAY}
        draws, found = Draws(), sorted(n for n in self.pools if meant.issuperset(n.split(_IN)))
        sent = [name for name in found if name == _DAY or name.startswith(_INPUTS)]
        bases = self._about(found)
        for number in range(count if bases else 0):
            base = bases[number // 2 % len(bases)]
            chosen, changed = (found, sent)[number % 2], 1 + draws.below(MOST_CHANGED)
            yield self._sample(base, [self._draw(draws, chosen) for _ in range(changed)])

    def _about(self, names: Sequence[str]) -> Sequence[Facts]:
        """The first case, and those that differ from it in some of these names."""
        first = self.bases[:1]
        usual = [_values(base, names) for base in first]
        return [*first, *(base for base in self.bases[1:] if _values(base, names) != usual[0])]

    def _in_turn(self) -> list[tuple[str, Any]]:
        """The first value of each name, then the second of each, and so on."""
        longest = max(map(len, self.pools.values()), default=0)
        return [
            (name, self.pools[name][turn])
            for turn in range(longest)
            for name in self.names
            if turn < len(self.pools[name])
        ]

    def _draw(self, draws: Draws, names: Sequence[str]) -> tuple[str, Any]:
        name = names[draws.below(len(names))]
        pool = self.pools[name]
        return name, pool[draws.below(len(pool))]

    def _sample(self, base: Facts, values: Sequence[tuple[str, Any]]) -> Facts:
        factors, inputs, as_of = dict(base.factors), dict(base.inputs), base.as_of
        listed = {(one.list, one.input): one for one in base.answers}
        for name, value in values:
            if name == _DAY:
                as_of = value
            elif isinstance(value, ListAnswer):
                listed[value.list, value.input] = value
                inputs.setdefault(value.input, self.keys[value.input])
            elif name.startswith(_INPUTS):
                _put(inputs, name.removeprefix(_INPUTS), value)
            else:
                factors[name] = value
        bound = bind_inputs(self.ruleset, inputs)
        if bound.problems:  # no such application reaches the rules
            return base
        answers = list_answers(self.ruleset, bound.values, as_of.date, listed.values())
        return Facts(factors, bound.values, as_of, answers=answers)

    def _days(self) -> list[AsOf]:
        """The days of the cases, and those around which a dated value changes."""
        starts = {s.start for p in self.ruleset.params.values() for s in p.every_step if s.start}
        days = {day + timedelta(days=step) for day in starts for step in (-1, 0)}
        days |= {base.as_of.date for base in self.bases}
        return [noon(day, self.ruleset.zone) for day in sorted(days)] or [
            base.as_of for base in self.bases[:1]
        ]


def _values(facts: Facts, names: Sequence[str]) -> list[Any]:
    inputs = {f"{_INPUTS}{name}": value for name, value in facts.inputs.items()}
    given = {**facts.factors, **inputs, _DAY: facts.as_of.date}
    return [given.get(name) for name in names]


def _put(inputs: dict[str, Any], name: str, value: Any) -> None:
    inputs.pop(name, None)
    if value is not None:
        inputs[name] = value
