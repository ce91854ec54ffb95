"""All possible applicants as symbolic variables, their laws, and one of them with values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec

from decision_service.author.proofs.encoding import Encoded, encode
from decision_service.author.proofs.solver import Solver
from decision_service.author.proofs.terms import Builder, Term, as_decimal
from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import (
    FactorSpec,
    FactorValue,
    Input,
    Observed,
    Value,
    ValueType,
)
from decision_service.domain.values import Cause, Missing, Money, exponent, noon
from decision_service.rules.evaluate import Facts
from decision_service.rules.inputs import too_old
from decision_service.rules.language.evaluation import Formula, parse_formula
from decision_service.rules.language.types import FLAG, DeclaredNames, Symbol
from decision_service.rules.language.values import Unknown, unknown
from decision_service.rules.program import CompiledRuleset, ListQuestion

LARGEST = Decimal(10) ** 9
"""What a value without a declared bound is at most, in its unit, and at least below zero."""

TODAY = "history.today"
_LAST_DAY = 3_652_059
_MOST_TEXTS = 1_000_000
_DIGITS = 12
_ABSENT_FIRST = (Cause.NO_DATA, Cause.NO_EVIDENCE, Cause.SHORT_HISTORY, Cause.NOT_CONNECTED)
_TAINTED_FIRST = (Cause.SOURCE_FAILED, Cause.STALE, Cause.NOT_FETCHED)


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    symbol: Symbol
    value: Encoded

    @property
    def type(self) -> ValueType:
        return self.symbol.type


@dataclass(slots=True)
class People:
    """Any person as variables of a builder; those of another person have another prefix.

    Variables in `fixed` have that value where they are not missing. Of the inputs those `required`
    are always sent, and those `dated` may be too old.
    `constraints` hold of every person.
    """

    builder: Builder
    catalogue: Mapping[str, FactorSpec]
    currency: str
    required: frozenset[str]
    bounds: Mapping[str, Symbol]
    dated: frozenset[str] = frozenset()
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
        """An input's value: one within the bounds, not sent, or too old, where it may be."""
        if symbol.name not in self.variables:
            bound = self.bounds.get(name, symbol)
            self._add(bound, absent=name not in self.required, tainted=name in self.dated)
        return self.variables[symbol.name].value

    def answer(self, question: ListQuestion, about: Encoded) -> Encoded:
        """Whether a key is listed: either, or the list is not there; missing as the input is."""
        if question not in self.answers:
            b = self.builder
            name = f"{self.prefix}{question.input} in {question.list}"
            lost = b.and_(b.not_(about.is_missing), b.flag(f"{name} lost"))
            gone = b.or_(about.is_missing, lost)
            tainted = b.or_(about.tainted, lost)
            self.answers[question] = Encoded(gone, tainted, b.flag(name))
        return self.answers[question]

    def _add(self, symbol: Symbol, *, absent: bool, tainted: bool) -> None:
        b = self.builder
        name = f"{self.prefix}{symbol.name}"
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
    people: People
    others: Mapping[str, Encoded]

    @property
    def builder(self) -> Builder:
        return self.people.builder

    def factor(self, symbol: Symbol) -> Encoded:
        found = self.people.factor(symbol)
        return self.others.get(symbol.name, found)

    def sent(self, name: str, symbol: Symbol) -> Encoded:
        found = self.people.sent(name, symbol)
        return self.others.get(symbol.name, found)

    def answer(self, question: ListQuestion, about: Encoded) -> Encoded:
        return self.people.answer(question, about)


SymbolicPeople = People | Variant


class PersonValues(msgspec.Struct, frozen=True):
    """Values by name (money in minor units), and which keys are listed; None: no such list."""

    values: Mapping[str, Any]
    answers: Mapping[ListQuestion, bool | None] = msgspec.field(default_factory=dict)

    def day(self, otherwise: date) -> date:
        """The day that it is for the person; another one where the person's is missing."""
        found = self.values.get(TODAY)
        return found if isinstance(found, date) else otherwise


def found_person(people: People, solver: Solver) -> PersonValues:
    values = {
        n: found_value(people, n, v.value, solver=solver) for n, v in people.variables.items()
    }
    answers: dict[ListQuestion, bool | None] = {}
    for question, answer in people.answers.items():
        lost = bool(solver.value(answer.tainted))
        answers[question] = None if lost else bool(solver.value(answer.term))
    return PersonValues(values, answers)


def found_value(people: People, name: str, value: Encoded, solver: Solver) -> Any:
    if solver.value(value.is_missing):
        tainted = bool(solver.value(value.tainted))
        return lacking(name, people.catalogue, tainted=tainted)
    return _as_value(people, people.variables[name].type, solver.value(value.term))


def lacking(name: str, catalogue: Mapping[str, FactorSpec], *, tainted: bool) -> Unknown:
    """A value missing for the most usual cause that its factor can have."""
    if name not in catalogue:
        return unknown(name, Cause.STALE if tainted else Cause.NOT_SENT)
    causes = catalogue[name].causes
    first = _TAINTED_FIRST if tainted else _ABSENT_FIRST
    usual = [cause for cause in first if cause in causes]
    others = sorted(cause for cause in causes if cause.tainted is tainted)
    return unknown(name, (usual or others)[0])


def _as_value(people: People, type_: ValueType, found: Fraction | bool) -> Any:  # noqa: FBT001  a value is no switch
    """A solver's value as evaluation has it; a number without an end rounded."""
    if type_ is ValueType.FLAG:
        return bool(found)
    if type_ is ValueType.TEXT:
        texts = {number: text for text, number in people.builder.texts.items()}
        return texts.get(int(found), f"another text {int(found)}")
    if type_ is ValueType.DATE:
        return date.fromordinal(int(found))
    if type_ is not ValueType.NUMBER:
        return int(found)
    return _as_number(Fraction(found))


def _as_number(size: Fraction) -> Decimal:
    """A number of the rule language; without an end, or a near one, rounded."""
    with suppress(ValueError):
        exact = Decimal(as_decimal(size))
        if len(exact.as_tuple().digits) <= 30:
            return exact
    return Decimal(round(size * 10**_DIGITS)).scaleb(-_DIGITS)


def facts_of(person: PersonValues, ruleset: CompiledRuleset, day: date) -> Facts:
    """The facts that a ruleset decides on, at noon of the day."""
    types = {entry.key: entry.symbol.type for entry in ruleset.program.intake.factors}
    factors = {
        name: _factor(name, person.values.get(name), types.get(name), currency=ruleset.currency)
        for name in ruleset.needs.factors
    }
    inputs: dict[str, Input] = {}
    for name, spec in ruleset.inputs.items():
        value = person.values.get(f"inputs.{name}")
        if isinstance(value, Unknown):
            if value.tainted:
                inputs[name] = too_old(spec, ruleset.currency)
        elif value is not None:
            sent = _outside(value, spec.type, ruleset.currency)
            inputs[name] = sent if spec.max_age is None else Observed(sent, day)
    answers = tuple(
        ListAnswer(question.list, question.input, listed, digest="", ends=None)
        for question in ruleset.questions
        if (listed := person.answers.get(question, False)) is not None and question.input in inputs
    )
    return Facts(factors, inputs, noon(day, ruleset.zone), answers=answers)


def _factor(name: str, value: Any, type_: ValueType | None, currency: str) -> FactorValue:
    if value is None:
        return FactorValue(name, None, (Missing(Cause.NOT_FETCHED),))
    if isinstance(value, Unknown):
        return FactorValue(name, None, tuple(gap.missing for gap in value.gaps))
    return FactorValue(name, _outside(value, type_, currency))


def _outside(value: Any, type_: ValueType | None, currency: str) -> Value:
    found: Value = Money(currency, int(value)) if type_ is ValueType.MONEY else value
    return found


@dataclass(frozen=True, slots=True)
class _Values:
    people: SymbolicPeople
    symbols: Mapping[int, Symbol]

    @property
    def builder(self) -> Builder:
        return self.people.builder

    def read(self, slot: int) -> Encoded:
        symbol = self.symbols[slot]
        if symbol.name.startswith("inputs."):
            return self.people.sent(symbol.name.removeprefix("inputs."), symbol)
        return self.people.factor(symbol)


@dataclass(frozen=True, slots=True)
class PersonCondition:
    formula: Formula

    @property
    def names(self) -> tuple[str, ...]:
        return self.formula.names

    def encoded(self, people: SymbolicPeople) -> Encoded:
        return encode(self.formula.tree, _Values(people, {s.slot: s for s in self.formula.symbols}))

    def truth(self, person: PersonValues) -> Any:
        """Its truth of one person: True, False or an Unknown."""
        return self.formula.result(person.values)


def person_condition(
    text: str,
    catalogue: Mapping[str, FactorSpec],
    inputs: Mapping[str, Symbol],
    currency: str,
    what: str,
) -> PersonCondition:
    """A condition from its text; raises FormulaUnfit."""
    names = DeclaredNames(currency, (*catalogue.values(), *inputs.values()))
    return PersonCondition(parse_formula(text, names, FLAG, what=what))


@dataclass(frozen=True, slots=True)
class FactorModel:
    catalogue: Mapping[str, FactorSpec]
    laws: Sequence[PersonCondition] = ()
    together: Sequence[Sequence[str]] = ()

    def kept(self, people: People, second: Variant | None = None) -> Iterator[Term]:
        """What the laws say of any person, and of the same person a `second` time.

        What is missing the second time is missing by the question, whatever is missing with it.
        """
        b = people.builder
        persons: list[SymbolicPeople] = [people] if second is None else [people, second]
        for law in self.laws:
            if all(name in people.variables for name in law.names):
                truths = [law.encoded(person) for person in persons]
                yield from (b.or_(truth.is_missing, truth.term) for truth in truths)
        for group in self.together:
            values = [people.variables[name].value for name in group if name in people.variables]
            for one, other in pairwise(values):
                yield b.eq(one.is_missing, other.is_missing)
                yield b.eq(one.tainted, other.tainted)

    def broken(self, person: PersonValues) -> frozenset[str]:
        laws = (law for law in self.laws if law.truth(person) is False)
        return frozenset(name for law in laws for name in law.names)

    def parted(self, person: PersonValues) -> frozenset[str]:
        """The names of the groups of which a person lacks only some, or not all alike."""
        groups = (group for group in self.together if len(_lacks(person, group)) > 1)
        return frozenset(name for group in groups for name in group)


def _lacks(person: PersonValues, group: Sequence[str]) -> set[tuple[bool, bool]]:
    """In which ways values of a group are missing: whether at all, and whether tainted."""
    values = [person.values[name] for name in group if name in person.values]
    return {(isinstance(v, Unknown), isinstance(v, Unknown) and v.tainted) for v in values}
