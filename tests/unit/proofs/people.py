"""Made-up people who keep the laws: often exactly at a figure, and missing for every cause."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.rules.language.values import Unknown
from decision_service.rules.ranges import whole
from decision_service.workbench.proofs.counterexamples import typical
from decision_service.workbench.proofs.people import TODAY as DAY
from decision_service.workbench.proofs.people import PersonValues, lacking
from decision_service.workbench.proofs.questions import inputs_of, required
from tests.unit.proofs.versions import TODAY

_TRIES = 4
"""How often values are drawn anew that break a law beside the one that moves."""

_FIGURE = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?")


class Walk:
    """One person after the other for rules of one product, each a few values from the one before.

    The first is typical, or one of `starts` who keeps the laws. Values are the figures of `texts`,
    or near them.
    """

    def __init__(self, rulesets, world, texts, rng, starts=()):
        self._world, self._rng, self._currency = world, rng, rulesets[0].currency
        self._figures = [Decimal(f) for text in texts for f in _FIGURE.findall(text)]
        self._factors = {
            e.symbol.name: e.symbol for r in rulesets for e in r.program.intake.factors
        }
        self._inputs = {s.name: s for s in inputs_of(rulesets).values()}
        self._sent = {f"inputs.{name}" for name in required(rulesets)}
        self._names = [*self._factors, *self._inputs]
        self._about = {n: [law for law in world.laws if n in law.names] for n in self._names}
        self._groups = {n: {n}.union(*(g for g in world.together if n in g)) for n in self._names}
        symbols = {**self._factors, **self._inputs}
        self._first = {n: self._typical(s) for n, s in symbols.items()}
        firsts = [self._first, *({n: s.values[n] for n in self._names} for s in starts)]
        odd = [world.broken(p) | world.parted(p) for p in map(PersonValues, firsts)]
        assert not odd[0]
        self._firsts = [first for first, names in zip(firsts, odd, strict=True) if not names]
        self.begin()

    def begin(self):
        """Begin with the typical person again, or with any other first one."""
        self._values = self._before = self._rng.choice(self._firsts)

    def _typical(self, symbol):
        if symbol.name in self._inputs and symbol.name not in self._sent:
            return lacking(symbol.name, self._world.catalogue, tainted=False)
        return typical(symbol, self._world.catalogue.get(symbol.name), self._currency, TODAY)

    def step(self):
        """The next person."""
        self._before = self._values
        for name in self._rng.sample(self._names, self._rng.choice([1, 1, 2, 3, 6])):
            changed = self._drawn(name)
            for _ in range(_TRIES):
                values = {**self._values, **changed}
                odd = self._at_odds(values, changed)
                if not odd:
                    self._values = values
                    break
                changed |= {n: self.value(n) for n in sorted(odd - {name})}
        return PersonValues(self._values)

    def _at_odds(self, values, changed):
        """The names of the laws on changed names that are broken."""
        laws = (law for name in changed for law in self._about[name])
        return {n for law in laws if law.formula.result(values) is False for n in law.names}

    def back(self):
        """Go on from the person before."""
        self._values = self._before

    def _drawn(self, name):
        """Another value of a name, with those that are missing or there together with it."""
        rng, catalogue = self._rng, self._world.catalogue
        if name in self._inputs:
            there = name in self._sent or rng.random() < 0.5
            return {name: self.value(name) if there else lacking(name, catalogue, tainted=False)}
        if catalogue[name].causes and rng.random() < 0.1:
            tainted = self._is_tainted(name)
            return {n: lacking(n, catalogue, tainted=tainted) for n in self._groups[name]}
        gone = [n for n in self._groups[name] if n != name and isinstance(self._values[n], Unknown)]
        return {n: self.value(n) for n in (name, *gone)}

    def value(self, name):
        """A value in the range of a name."""
        symbol = self._factors.get(name) or self._inputs[name]
        if name == DAY:
            return TODAY
        return _value(symbol, self._figures, self._currency, self._rng)

    def missing(self, name):
        """A name's value missing for a cause that it can have."""
        tainted = name in self._factors and self._is_tainted(name)
        return lacking(name, self._world.catalogue, tainted=tainted)

    def _is_tainted(self, name):
        return self._rng.choice([c.tainted for c in sorted(self._world.catalogue[name].causes)])


def _value(symbol, figures, currency, rng):
    match symbol.type:
        case ValueType.FLAG:
            return rng.random() < 0.5
        case ValueType.TEXT:
            return rng.choice(symbol.labels or ("a", "b"))
        case ValueType.DATE:
            return TODAY - timedelta(days=rng.choice([0, 3, 7, 8, 400]))
    figure = rng.choice(figures) * rng.choice([1, 1, 1, 3])
    if symbol.type is ValueType.MONEY:
        value = int(figure * 100) + rng.choice([-1, 0, 0, 1])
    elif symbol.type is ValueType.INTEGER:
        value = int(figure) + rng.choice([-1, 0, 0, 1])
    else:
        value = figure
    span = whole(symbol, currency)
    low, high = (None if end is None else type(value)(end) for end in (span.low, span.high))
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
