"""The values that a factor may be changed to, and whether they agree with the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from decision_service.domain.factor import Better, FactorSpec, FactorValue, Mover, Value, ValueType
from decision_service.domain.values import Money, exponent
from decision_service.factors.laws import DEFINITIONS, LAWS
from decision_service.factors.registry import known_factors
from decision_service.rules.language.evaluation import (
    Evaluate,
    Formula,
    compile_tree,
    parse_formula,
)
from decision_service.rules.language.types import (
    Compare,
    DeclaredNames,
    NameRead,
    Node,
    parts,
    walk,
)
from decision_service.rules.language.values import Unknown, exactly, from_runtime, to_runtime
from decision_service.rules.program import CompiledRuleset

Values = Mapping[str, FactorValue]

MOST_STEPS = 10
"""How many steps are looked at, besides thresholds."""

_UNITS = {ValueType.INTEGER: Decimal(1), ValueType.NUMBER: Decimal("0.01")}


class FactorFormula(msgspec.Struct, frozen=True):
    formula: Formula

    @property
    def factors(self) -> tuple[str, ...]:
        return self.formula.names

    def of(self, values: Values) -> Any:
        """Its value; None where one of its factors has none, or it has no result."""
        names = self.formula.names
        currency = self.formula.currency
        given = {name: _plain(values.get(name), currency) for name in names}
        if None in given.values():
            return None
        found = self.formula.result(given)
        return None if isinstance(found, Unknown) else found


@lru_cache(2048)
def formula(text: str, expected: ValueType, currency: str) -> FactorFormula:
    """An expression on factors; raises FormulaUnfit for one that is wrong."""
    names = DeclaredNames(currency, known_factors().values())
    return FactorFormula(parse_formula(text, names, expected, what="the laws between factors"))


class Laws:
    def __init__(self, names: Iterable[str], currency: str) -> None:
        known = frozenset(names)
        self.currency = currency
        self._laws = [
            formula(law.expression, ValueType.FLAG, currency)
            for law in LAWS
            if known.issuperset(law.factors)
        ]
        self._orders = [
            (law.factors[0], law.factors[1])
            for law in LAWS
            if known.issuperset(law.factors) and law.expression == " <= ".join(law.factors)
        ]
        self._about: dict[str, list[int]] = {}
        for number, law in enumerate(self._laws):
            for name in law.factors:
                self._about.setdefault(name, []).append(number)
        self._made = [
            (one.factor, formula(one.expression, known_factors()[one.factor].type, currency))
            for one in DEFINITIONS
            if known.issuperset((one.factor, *one.factors))
        ]

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        return {name: made.factors for name, made in self._made}

    @property
    def orders(self) -> Sequence[tuple[str, str]]:
        """The pairs of factors of which the first is never above the second."""
        return self._orders

    @property
    def groups(self) -> Sequence[frozenset[str]]:
        return [frozenset(law.factors) for law in self._laws]

    def broken(self, values: Values, touched: Iterable[str] | None = None) -> frozenset[int]:
        """The numbers of the laws that the values contradict, of those on `touched` factors."""
        if touched is None:
            numbers: Iterable[int] = range(len(self._laws))
        else:
            numbers = {number for name in touched for number in self._about.get(name, ())}
        found = ((number, self._laws[number].of(values)) for number in numbers)
        return frozenset(number for number, truth in found if truth is False)

    def completed(
        self, values: Values, changed: Mapping[str, FactorValue]
    ) -> Mapping[str, FactorValue]:
        every = {**values, **changed}
        found = dict(changed)
        for name, made in self._made:
            if not found.keys().isdisjoint(made.factors) and every[name].value is not None:
                figure = made.of(every)
                if figure is not None:
                    type_ = known_factors()[name].type
                    value = from_runtime(name, figure, type_, currency=self.currency)
                    if not isinstance(value, Unknown):
                        found[name] = FactorValue(name, value)
        return found


@lru_cache(64)
def laws_between(names: tuple[str, ...], currency: str) -> Laws:
    return Laws(names, currency)


def _plain(found: FactorValue | None, currency: str) -> Any:
    if found is None or found.value is None:
        return None
    value = to_runtime(found.name, found.value, known_factors()[found.name].type, currency=currency)
    return None if isinstance(value, Unknown) else value


class Candidate(msgspec.Struct, frozen=True):
    """A value that a factor may be changed to, and how many steps away it is."""

    factor: str
    value: FactorValue
    steps: Decimal


class Uses:
    """Thresholds are expressions of which the values of an evaluation make figures."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.calculated: set[str] = set()
        self._compared: dict[str, dict[str, Evaluate]] = {}
        parts_of_all = (*ruleset.program.stages, *ruleset.program.closing)
        trees = (tree for part in parts_of_all for tree in part.runner.trees())
        for node in (node for tree in (*ruleset.derived.values(), *trees) for node in walk(tree)):
            self._look_at(node)

    def thresholds(self, name: str, values: Sequence[Any]) -> Iterator[Decimal]:
        """What a factor is compared with, money in minor units; what is no number is left out."""
        for evaluate in self._compared.get(name, {}).values():
            with exactly():
                found = evaluate(values)
            if not isinstance(found, Unknown | bool) and isinstance(found, int | Decimal):
                yield Decimal(found)

    def _look_at(self, node: Node) -> None:
        if not isinstance(node, Compare):
            self.calculated |= {p.symbol.name for p in parts(node) if isinstance(p, NameRead)}
            return
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(side, NameRead):
                known = self._compared.setdefault(side.symbol.name, {})
                known.setdefault(other.text, compile_tree(other))


def movable(names: Iterable[str], values: Mapping[str, FactorValue]) -> list[str]:
    """Those of the factors that the applicant moves and that have a value, by name."""
    specs = known_factors()
    return [
        name
        for name in sorted(names)
        if specs[name].action.by is Mover.APPLICANT and _size(values.get(name)) is not None
    ]


class Pools:
    """Where one factor is never above another, the other takes its values, too."""

    def __init__(
        self, uses: Uses, values: Mapping[str, FactorValue], seen: Sequence[Any], laws: Laws
    ) -> None:
        self._values = values
        self._currency = laws.currency
        self._uses = uses
        self._seen = seen
        self._orders = laws.orders

    def of(self, names: Iterable[str]) -> Mapping[str, list[Candidate]]:
        figures = {name: self._own(name) for name in names}
        for _ in figures:
            self._share(figures)
        found = {name: self._candidates(name, figures[name]) for name in sorted(figures)}
        return {name: pool for name, pool in found.items() if pool}

    def _own(self, name: str) -> set[Decimal]:
        spec = known_factors()[name]
        size = self._now(name)
        step = _step(spec, size) if spec.better is Better.UP else -_step(spec, size)
        figures = {*_beside(self._uses.thresholds(name, self._seen), spec)}
        end = spec.upper if spec.better is Better.UP else spec.lower
        if end is not None:
            figures.add(_plain_bound(end, spec, self._currency))
        if name in self._uses.calculated:
            figures |= {size + step * number for number in range(1, MOST_STEPS + 1)}
        return {figure for figure in figures if self._is_better(name, figure)}

    def _share(self, figures: Mapping[str, set[Decimal]]) -> None:
        """What raises the lower of two may raise the higher, what lowers the higher the lower."""
        for low, high in self._orders:
            if low in figures and high in figures:
                up = known_factors()[low].better is Better.UP
                to, of = (high, low) if up else (low, high)
                figures[to].update(n for n in figures[of] if self._is_better(to, n))

    def _candidates(self, name: str, figures: Iterable[Decimal]) -> list[Candidate]:
        spec = known_factors()[name]
        size = self._now(name)
        step = _step(spec, size)
        exact = spec.type is ValueType.NUMBER
        whole = {n if exact else n.to_integral_value() for n in figures} - {size}
        found = [
            Candidate(name, FactorValue(name, value), _steps(n - size, step))
            for n in whole
            for value in [_typed(n, spec, self._currency)]
        ]
        return sorted(found, key=lambda each: each.steps)

    def _is_better(self, name: str, figure: Decimal) -> bool:
        spec = known_factors()[name]
        size = self._now(name)
        better = figure > size if spec.better is Better.UP else figure < size
        return better and _within(figure, spec, self._currency)

    def _now(self, name: str) -> Decimal:
        size = _size(self._values.get(name))
        if size is None:
            raise AssertionError(name)
        return size


def nearest(
    change: Candidate,
    values: Mapping[str, FactorValue],
    currency: str,
    does: Callable[[Candidate], bool],
) -> Candidate:
    """The value nearest to the present one that still does it, by bisection to its unit."""
    spec = known_factors()[change.factor]
    now = _size(values[change.factor])
    needed = _size(change.value)
    if now is None or needed is None:
        return change
    unit = _UNITS.get(spec.type, Decimal(1))
    step = _step(spec, now)
    unit = unit if needed > now else -unit
    little = 0
    enough = int(-(-(needed - now) // unit))
    while enough - little > 1:
        number = (little + enough) // 2
        value = FactorValue(change.factor, _typed(now + number * unit, spec, currency))
        tried = Candidate(change.factor, value, _steps(number * unit, step))
        if does(tried):
            enough = number
            change = tried
        else:
            little = number
    return change


def _size(found: FactorValue | None) -> Decimal | None:
    """A value as a number, money in minor units; None for none and for what is no number."""
    value = None if found is None else found.value
    if isinstance(value, Money):
        return Decimal(value.minor)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return Decimal(value) if is_number and isinstance(value, int | Decimal) else None


def _step(spec: FactorSpec, size: Decimal) -> Decimal:
    """The catalogue's step; of money a tenth of the present value, in minor units."""
    if spec.action.step is not None:
        return spec.action.step
    return abs(size) / MOST_STEPS


def _steps(distance: Decimal, step: Decimal) -> Decimal:
    """The way in steps; where the present value is nothing, as many as are looked at."""
    return abs(distance) / step if step else Decimal(MOST_STEPS)


def _beside(thresholds: Iterable[Decimal], spec: FactorSpec) -> Iterator[Decimal]:
    """Each threshold and the next value on the better side of it, for comparisons without it."""
    unit = _UNITS.get(spec.type, Decimal(1))
    for figure in thresholds:
        yield figure
        yield figure + (unit if spec.better is Better.UP else -unit)


def _within(figure: Decimal, spec: FactorSpec, currency: str) -> bool:
    low = spec.lower
    high = spec.upper
    above = low is None or figure >= _plain_bound(low, spec, currency)
    return above and (high is None or figure <= _plain_bound(high, spec, currency))


def _plain_bound(bound: Decimal, spec: FactorSpec, currency: str) -> Decimal:
    return bound.scaleb(exponent(currency)) if spec.type is ValueType.MONEY else bound


def _typed(figure: Decimal, spec: FactorSpec, currency: str) -> Value:
    if spec.type is ValueType.MONEY:
        return Money(currency, int(figure))
    return int(figure) if spec.type is ValueType.INTEGER else figure
