"""Makes a counterexample small: as typical as the evaluator still confirms, in round figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from decision_service.domain.missing import Cause
from decision_service.language.evaluation.kleene import Unknown, unknown
from decision_service.language.types import Symbol
from decision_service.proofs.person import PersonValues
from decision_service.proofs.questions import Period, Question, inputs_of, required
from decision_service.proofs.typical import rounder, typical
from decision_service.ruleset.analysis.ranges import whole


def shrunk(
    question: Question,
    person: PersonValues,
    changed: Mapping[str, Any],
    day: date,
    period: Period,
) -> tuple[PersonValues, date]:
    """A person who breaks the claim too, in fewer and rounder values."""
    for _ in range(2):
        for symbol in symbols_of(question):
            for value in _simpler(question, person, symbol, period):
                other = with_values(question, person, {symbol.name: value}, period)
                when = other.day(day)
                if possible(question, other, changed) and question.judged(other, changed, when):
                    person, day = other, when
                    break
    return person, day


def symbols_of(question: Question) -> list[Symbol]:
    """Every name of a person, inputs last."""
    factors = {e.symbol.name: e.symbol for r in question.rulesets for e in r.program.intake.factors}
    return [*factors.values(), *inputs_of(question.rulesets).values()]


def with_values(
    question: Question, person: PersonValues, changed: Mapping[str, Any], period: Period
) -> PersonValues:
    """The person with other values, and with typical ones where those would break a law."""
    other, world = PersonValues({**person.values, **changed}, person.answers), question.world
    for _ in (*world.laws, *world.together):
        odd = world.broken(other) | world.parted(other)
        symbols = [symbol for symbol in symbols_of(question) if symbol.name in odd]
        values = {**other.values, **{s.name: plain(question, s, period) for s in symbols}}
        if values == other.values:
            break
        other = PersonValues(values, person.answers)
    return other


def plain(question: Question, symbol: Symbol, period: Period) -> Any:
    """The typical value of a name; none of an input that need not be sent."""
    name = symbol.name.removeprefix("inputs.")
    if name != symbol.name and name not in required(question.rulesets):
        return unknown(symbol.name, Cause.NOT_SENT)
    spec, currency = question.world.catalogue.get(symbol.name), question.rulesets[0].currency
    return typical(symbol, spec, currency, period.start)


def _simpler(
    question: Question, person: PersonValues, symbol: Symbol, period: Period
) -> Iterator[Any]:
    """Values that are simpler than the one that a person has, the simplest first."""
    value = person.values.get(symbol.name)
    currency, simplest = question.rulesets[0].currency, plain(question, symbol, period)
    if value is None or value == simplest:
        return
    yield simplest
    if not isinstance(value, Unknown):
        yield from (
            v for v in rounder(value, symbol.type) if v != value and _within(symbol, v, currency)
        )


def _within(symbol: Symbol, value: Any, currency: str) -> bool:
    """Whether a rounder value is in the range of its name."""
    span = whole(symbol, currency)
    return span.has(value)


def possible(question: Question, person: PersonValues, changed: Mapping[str, Any]) -> bool:
    """Whether a person keeps the laws, and sends what must be sent."""
    for name in required(question.rulesets):
        if isinstance(person.values.get(f"inputs.{name}"), Unknown):
            return False
    second = PersonValues({**person.values, **changed})
    world = question.world
    return not (world.broken(person) | world.parted(person) | world.broken(second))
