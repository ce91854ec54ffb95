"""Made-up facts for a ruleset: the values that names may have, and which of them a constant
acts on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

from decision_service.author.mutants import columns, entries, figures, items, next_to
from decision_service.domain.decision import ListAnswer, StageTrace
from decision_service.domain.factor import FactorSpec, FactorValue, Observed, ValueType
from decision_service.domain.values import AsOf, Cause, Missing, Money, noon, to_major, to_minor
from decision_service.rules.draft import names_in
from decision_service.rules.evaluate import Facts, evaluate, traces
from decision_service.rules.inputs import bind_made_up, is_too_old, list_answers, made_up, too_old
from decision_service.rules.language.types import Literal
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.program import CompiledRuleset, InputSpec, ParamSpec

Near = dict[str, set[str]]
MOST_CHANGED = 3
_AS_OF = "as_of"
_INPUTS = "inputs."
_IN = " in "
_ANY_KEY = "X1"
_CAUSES = (Cause.NO_DATA, Cause.SOURCE_FAILED)
_DAY = timedelta(1)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_PARTS = (Decimal("0.5"), Decimal("0.9"), Decimal("1.1"), Decimal(2), Decimal(5))
_SPREAD = 16


def compared_dates(ruleset: CompiledRuleset, facts: Iterable[Facts]) -> list[date]:
    """Each date that a comparison of these facts shows on either side, then the days next to it."""
    found = {
        day
        for each in facts
        for stage in traces(ruleset, evaluate(ruleset, each))
        for day in _dates(stage)
    }
    next_days = {day + step for day in found for step in (_DAY, -_DAY)}
    return [*sorted(found), *sorted(next_days - found)]


def _dates(stage: StageTrace) -> Iterator[date]:
    for row in stage.rules:
        for comparison in row.comparisons:
            for text in (comparison.actual, comparison.required):
                with suppress(ValueError):
                    yield date.fromisoformat(text)


def figures_near(root: MapNode, params: Mapping[str, ParamSpec], currency: str) -> Near:
    """For each name the numbers that share an expression, a list of bins or a row with it."""
    near: Near = {}
    for name, text in _pairs(root):
        near.setdefault(name, set()).update(_numbers(text))
    values = {f"params.{p.name}": _of_param(p, currency) for p in params.values()}
    for name, text in _pairs(root):
        for other in names_in(text):
            near[name] |= values.get(other, set())
    return near


def _pairs(node: YamlNode) -> Iterator[tuple[str, str]]:
    """Each name with a text that it may be compared in."""
    if isinstance(node, Scalar):
        yield from ((name, node.text) for name in names_in(node.text))
    if isinstance(node, MapNode):
        factor = node.get("factor")
        names = columns(node)[0]
        bins = [b.get("in") for b in items(node.get("bins")) if isinstance(b, MapNode)]
        cells = [(factor.text, cell) for cell in bins] if isinstance(factor, Scalar) else []
        for row in items(node.get("rows")):
            cells += zip(names, items(row), strict=False)
        yield from ((name, cell.text) for name, cell in cells if isinstance(cell, Scalar))
    for part in _parts(node):
        yield from _pairs(part.value if isinstance(part, MapEntry) else part)


def _numbers(text: str) -> set[str]:
    return {token.text for token in figures(text) if _NUMBER.fullmatch(token.text)}


def _of_param(param: ParamSpec, currency: str) -> set[str]:
    return {f"{v:f}" for step in param.every_step if (v := _number(step.value, param, currency))}


def _number(value: Literal, param: ParamSpec, currency: str) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if param.type is ValueType.MONEY and isinstance(value, int):
        return abs(to_major(value, currency))
    return abs(Decimal(value))


def distinct(values: Iterable[Any]) -> list[Any]:
    """The values in their order, each once; they need not be hashable."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def possible_values(spec: FactorSpec | InputSpec, near: Iterable[str], currency: str) -> list[Any]:
    if spec.type is ValueType.FLAG:
        return [True, False]
    if spec.type is ValueType.TEXT:
        return list(spec.labels)
    if spec.type is ValueType.DATE:
        return []
    ends = [bound for bound in (spec.lower, spec.upper) if bound is not None]
    numbers = {Decimal(end) for end in ends}
    for text in near:  # without its sign
        around = _around(text, spec.type)
        numbers |= around | {-number for number in around}
    numbers |= _between(ends, spec.type)
    inside = [n for n in sorted(numbers) if _within(n, spec)]
    return [_typed(n, spec.type, currency) for n in inside]


def _between(ends: Sequence[Decimal], type_: ValueType) -> set[Decimal]:
    if len(ends) != 2:
        return set()
    low, high = ends
    spread = {low + (high - low) * n / _SPREAD for n in range(_SPREAD)}
    return {n.to_integral_value() for n in spread} if type_ is ValueType.INTEGER else spread


def _around(text: str, type_: ValueType) -> set[Decimal]:
    step = Decimal(1) if type_ is ValueType.INTEGER else Decimal("0.01")
    moved = {Decimal(text), *(Decimal(after) for after in next_to(text))}
    wide = {Decimal(text) * part for part in _PARTS}
    return {n + shift for n in moved for shift in (-step, Decimal(0), step)} | wide


def _within(number: Decimal, spec: FactorSpec | InputSpec) -> bool:
    low = spec.lower
    high = spec.upper
    return (low is None or number >= low) and (high is None or number <= high)


def _typed(number: Decimal, type_: ValueType, currency: str) -> Literal | Money:
    if type_ is ValueType.INTEGER:
        return int(number)
    if type_ is ValueType.MONEY:
        return Money(currency, to_minor(number.quantize(Decimal("0.01")), currency))
    return number


def shown_value(value: Any) -> str:
    if isinstance(value, FactorValue):
        return (
            shown_value(value.value) if not value.missing else f"missing {value.missing[0].cause}"
        )
    if value is None:
        return "not sent"
    if isinstance(value, Observed):
        return f"missing {Cause.STALE}" if is_too_old(value) else shown_value(value.value)
    if isinstance(value, AsOf):
        return value.date.isoformat()
    if isinstance(value, ListAnswer):
        return "listed" if value.listed else "not listed"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, Money):
        return str(value)
    whole = value.major.to_integral_value()
    return f"{whole if whole == value.major else value.major:f}"


def _parts(node: YamlNode | MapEntry) -> tuple[YamlNode | MapEntry, ...]:
    return (node.value,) if isinstance(node, MapEntry) else (*entries(node), *items(node))


class Draws:
    """Numbers that look random and are the same in every run (a linear congruence)."""

    def __init__(self, state: int = 1) -> None:
        self.state = state

    def below(self, end: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % end


class Sampler:
    """Makes facts for one ruleset; `near` has the figures, as written, that are near each name."""

    def __init__(
        self,
        ruleset: CompiledRuleset,
        catalogue: Mapping[str, FactorSpec],
        bases: Sequence[Facts],
        near: Mapping[str, Iterable[str]],
    ) -> None:
        self.ruleset = ruleset
        self.bases = bases
        self.keys: dict[str, str] = {}
        self.pools: dict[str, list[Any]] = {_AS_OF: self._days()}
        for name in ruleset.needs.factors:
            given = [base.factors.get(name) for base in bases]
            found = possible_values(catalogue[name], near.get(name, ()), ruleset.currency)
            values = [FactorValue(name, value) for value in found]
            gone = [FactorValue(name, None, (Missing(cause),)) for cause in _CAUSES]
            self.pools[name] = distinct([*(v for v in given if v), *values, *gone])
        for spec in ruleset.inputs.values():
            inputs: list[Any] = [made_up(base.inputs).get(spec.name) for base in bases]
            if spec.max_age is not None:
                inputs.append(too_old(spec, ruleset.currency))
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
        """Those of cases, each value of each name in the first case, then more."""
        yield from self.bases[:count]
        left = max(0, count - len(self.bases)) if self.bases else 0
        alone = self._in_turn()[:left]
        yield from (self._sample(self.bases[0], [value]) for value in alone)
        draws = Draws()
        for value in islice(cycle(self._in_turn()), left - len(alone)):
            base = self.bases[draws.below(len(self.bases))]
            others = [self._draw(draws, self.names) for _ in range(draws.below(MOST_CHANGED))]
            yield self._sample(base, [*others, value])

    def _in_turn(self) -> list[tuple[str, Any]]:
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
        factors = dict(base.factors)
        inputs = made_up(base.inputs)
        as_of = base.as_of
        listed = {(one.list, one.input): one for one in base.answers}
        for name, value in values:
            if name == _AS_OF:
                as_of = value
            elif isinstance(value, ListAnswer):
                listed[value.list, value.input] = value
                inputs.setdefault(value.input, self.keys[value.input])
            elif name.startswith(_INPUTS):
                inputs.pop(name.removeprefix(_INPUTS), None)  # what is sent anew comes last
                if value is not None:
                    inputs[name.removeprefix(_INPUTS)] = value
            else:
                factors[name] = value
        bound = bind_made_up(self.ruleset, inputs, as_of.date)
        if bound.problems:  # no such application reaches the rules
            return base
        answers = list_answers(self.ruleset, bound.values, as_of.date, known=listed.values())
        return Facts(factors, bound.values, as_of, answers=answers)

    def _days(self) -> list[AsOf]:
        starts = {s.start for p in self.ruleset.params.values() for s in p.every_step if s.start}
        days = {day + timedelta(days=step) for day in starts for step in (-1, 0)}
        days |= {base.as_of.date for base in self.bases}
        return [noon(day, self.ruleset.zone) for day in sorted(days)] or [
            base.as_of for base in self.bases[:1]
        ]
