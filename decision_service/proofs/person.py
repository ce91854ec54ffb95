"""One person whom a solver found, as the evaluator takes people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import FactorSpec, FactorValue, Value, ValueType
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.money import Money
from decision_service.domain.time import noon
from decision_service.language.evaluation.kleene import Unknown, unknown
from decision_service.proofs.people import People, Variable
from decision_service.proofs.solving.solver import Solver
from decision_service.proofs.terms.interning import as_decimal
from decision_service.ruleset.program.lists import ListQuestion
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts

TODAY = "history.today"
_DIGITS = 12
_ABSENT_FIRST = (Cause.NO_DATA, Cause.NO_EVIDENCE, Cause.SHORT_HISTORY, Cause.NOT_CONNECTED)
_TAINTED_FIRST = (Cause.SOURCE_FAILED, Cause.STALE, Cause.NOT_FETCHED)


class PersonValues(msgspec.Struct, frozen=True):
    """Values by name as evaluation has them (money in minor units), and whether keys are listed.

    An answer of None is one of a list that is not there.
    """

    values: Mapping[str, Any]
    answers: Mapping[ListQuestion, bool | None] = msgspec.field(default_factory=dict)

    def day(self, otherwise: date) -> date:
        """The day that it is for the person; another one where the person's is missing."""
        found = self.values.get(TODAY)
        return found if isinstance(found, date) else otherwise


def found_person(people: People, solver: Solver) -> PersonValues:
    """The person in what a solver found possible."""
    values = {name: _found(people, v, solver) for name, v in people.variables.items()}
    answers: dict[ListQuestion, bool | None] = {}
    for question, answer in people.answers.items():
        lost = bool(solver.value(answer.tainted))
        answers[question] = None if lost else bool(solver.value(answer.term))
    return PersonValues(values, answers)


def _found(people: People, variable: Variable, solver: Solver) -> Any:
    if solver.value(variable.value.gone):
        tainted = bool(solver.value(variable.value.tainted))
        return lacking(variable.name, people.catalogue, tainted=tainted)
    return as_value(people, variable, solver.value(variable.value.term))


def lacking(name: str, catalogue: Mapping[str, FactorSpec], *, tainted: bool) -> Unknown:
    """A value missing for the most usual cause that its factor can have."""
    if name not in catalogue:
        return unknown(name, Cause.NOT_SENT)
    causes, first = catalogue[name].causes, _TAINTED_FIRST if tainted else _ABSENT_FIRST
    usual = [cause for cause in first if cause in causes]
    others = sorted(cause for cause in causes if cause.tainted is tainted)
    return unknown(name, (usual or others)[0])


def as_value(people: People, variable: Variable, found: Fraction | bool) -> Any:  # noqa: FBT001  a value is no switch
    """A solver's value as evaluation has it; a number without an end rounded."""
    if variable.type is ValueType.FLAG:
        return bool(found)
    if variable.type is ValueType.TEXT:
        texts = {number: text for text, number in people.builder.texts.items()}
        return texts.get(int(found), f"another text {int(found)}")
    if variable.type is ValueType.DATE:
        return date.fromordinal(int(found))
    if variable.type is not ValueType.NUMBER:
        return int(found)
    return as_number(Fraction(found))


def as_number(size: Fraction) -> Decimal:
    """A number of the rule language; without an end, or a near one, rounded."""
    try:
        exact = Decimal(as_decimal(size))
    except ValueError:
        return Decimal(round(size * 10**_DIGITS)).scaleb(-_DIGITS)
    if len(exact.as_tuple().digits) > 30:
        return Decimal(round(size * 10**_DIGITS)).scaleb(-_DIGITS)
    return exact


def facts_of(person: PersonValues, ruleset: CompiledRuleset, day: date) -> Facts:
    """The facts that a ruleset decides on, at noon of the day."""
    types = {entry.key: entry.symbol.type for entry in ruleset.program.intake.factors}
    factors = {
        name: _factor(name, person.values.get(name), types.get(name), ruleset.currency)
        for name in ruleset.needs.factors
    }
    inputs: dict[str, Value] = {}
    for name, spec in ruleset.inputs.items():
        value = person.values.get(f"inputs.{name}")
        if value is not None and not isinstance(value, Unknown):
            inputs[name] = _outside(value, spec.type, ruleset.currency)
    answers = tuple(_answers(person, ruleset, inputs))
    return Facts(factors, inputs, noon(day, ruleset.zone), answers=answers)


def _answers(
    person: PersonValues, ruleset: CompiledRuleset, inputs: Mapping[str, Value]
) -> Iterable[ListAnswer]:
    for question in ruleset.questions:
        listed = person.answers.get(question, False)
        if listed is not None and question.input in inputs:
            yield ListAnswer(question.list, question.input, listed, "", None)


def _factor(name: str, value: Any, type_: ValueType | None, currency: str) -> FactorValue:
    if value is None:
        return FactorValue(name, None, (Missing(Cause.NOT_FETCHED),))
    if isinstance(value, Unknown):
        return FactorValue(name, None, tuple(gap.missing for gap in value.gaps))
    return FactorValue(name, _outside(value, type_, currency))


def _outside(value: Any, type_: ValueType | None, currency: str) -> Value:
    if type_ is ValueType.MONEY:
        return Money(currency, int(value))
    found: Value = value
    return found
