"""Every person that there can be, as variables: factors, inputs and answers of lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.domain.money import exponent
from decision_service.language.types import Symbol
from decision_service.proofs.encoding.encoded import Encoded
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.program.lists import ListQuestion

LARGEST = Decimal(10) ** 9
"""What a value without a declared bound is at most, in its unit, and at least below zero."""

_LAST_DAY = 3_652_059
_MOST_TEXTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Variable:
    """A name's value, and whether it is missing and tainted."""

    name: str
    symbol: Symbol
    value: Encoded

    @property
    def type(self) -> ValueType:
        """The name's type."""
        return self.symbol.type


@dataclass(slots=True)
class People:
    """Any person as variables of a builder; those of another person have another prefix.

    Variables in `fixed` have that value where they are not missing.
    `causes` tells what a factor can be missing for. `constraints` hold of every person.
    """

    builder: Builder
    catalogue: Mapping[str, FactorSpec]
    currency: str
    required: frozenset[str]
    bounds: Mapping[str, Symbol]
    prefix: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    answers: dict[ListQuestion, Encoded] = field(default_factory=dict)
    constraints: list[Term] = field(default_factory=list)

    def factor(self, symbol: Symbol) -> Encoded:
        """A factor's value: one in its range, or missing for a cause that it can have."""
        name = symbol.name
        if name not in self.variables:
            causes = self.catalogue[name].causes
            some_absent = any(not cause.tainted for cause in causes)
            some_tainted = any(cause.tainted for cause in causes)
            self._add(symbol, absent=some_absent, tainted=some_tainted)
        return self.variables[name].value

    def sent(self, name: str, symbol: Symbol) -> Encoded:
        """An input's value: one within the declared bounds, or not sent where it may be."""
        if symbol.name not in self.variables:
            bound = self.bounds.get(name, symbol)
            self._add(bound, absent=name not in self.required, tainted=False)
        return self.variables[symbol.name].value

    def answer(self, question: ListQuestion, about: Encoded) -> Encoded:
        """Whether a key is listed: either, or the list is not there; missing as the input is."""
        if question not in self.answers:
            b, name = self.builder, f"{self.prefix}{question.input} in {question.list}"
            lost = b.and_(b.not_(about.gone), b.flag(f"{name} lost"))
            gone = b.or_(about.gone, lost)
            tainted = b.or_(about.tainted, lost)
            self.answers[question] = Encoded(gone, tainted, b.flag(name))
        return self.answers[question]

    def _add(self, symbol: Symbol, *, absent: bool, tainted: bool) -> None:
        b, name = self.builder, f"{self.prefix}{symbol.name}"
        gone = b.flag(f"{name} is gone") if absent or tainted else b.false
        lost = b.flag(f"{name} is tainted") if tainted else b.false
        if not absent and tainted:
            gone = lost
        elif tainted:
            self.constraints.append(b.implies(lost, gone))
        value = Encoded(gone, lost, self._term(name, symbol))
        self.variables[symbol.name] = Variable(symbol.name, symbol, value)

    def _term(self, name: str, symbol: Symbol) -> Term:
        b = self.builder
        if name in self.fixed:
            return b.number(self.fixed[name])
        match symbol.type:
            case ValueType.FLAG:
                return b.flag(name)
            case ValueType.TEXT:
                return self._text(name, symbol)
            case ValueType.DATE:
                return b.whole(name, 1, _LAST_DAY)
            case ValueType.NUMBER:
                return b.real(name, *self._range(symbol))
        return b.whole(name, *self._range(symbol))

    def _text(self, name: str, symbol: Symbol) -> Term:
        b = self.builder
        term = b.whole(name, 0, _MOST_TEXTS)
        if symbol.labels:
            labels = (b.eq(term, b.text(label)) for label in symbol.labels)
            self.constraints.append(b.or_(*labels))
        return term

    def _range(self, symbol: Symbol) -> tuple[Any, Any]:
        scale = exponent(self.currency) if symbol.type is ValueType.MONEY else 0
        low = -LARGEST if symbol.lower is None else symbol.lower
        high = LARGEST if symbol.upper is None else symbol.upper
        return low.scaleb(scale), high.scaleb(scale)


@dataclass(frozen=True, slots=True)
class Variant:
    """The same people, but for the values of some names."""

    people: People
    others: Mapping[str, Encoded]

    @property
    def builder(self) -> Builder:
        """The builder of the terms."""
        return self.people.builder

    def factor(self, symbol: Symbol) -> Encoded:
        """A factor's value."""
        found = self.people.factor(symbol)
        return self.others.get(symbol.name, found)

    def sent(self, name: str, symbol: Symbol) -> Encoded:
        """An input's value."""
        found = self.people.sent(name, symbol)
        return self.others.get(symbol.name, found)

    def answer(self, question: ListQuestion, about: Encoded) -> Encoded:
        """A list's answer."""
        return self.people.answer(question, about)
