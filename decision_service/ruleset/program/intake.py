"""Assignment of factor values and inputs to slots, missing ones with their causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import FactorValue, Value, ValueType
from decision_service.domain.missing import Cause, Missing, shown_first
from decision_service.domain.money import Money
from decision_service.language.evaluation.kleene import Gap, Unknown, unknown
from decision_service.language.evaluation.values import to_runtime
from decision_service.language.types import Symbol
from decision_service.ruleset.program.lists import ListQuestion


class _Amount:
    """The class of no value: money is taken in minor units."""


class _Figure:
    """The class of no value: numbers are looked at before they are taken."""


_KINDS: Mapping[ValueType, type] = {
    ValueType.INTEGER: int,
    ValueType.NUMBER: _Figure,
    ValueType.MONEY: _Amount,
    ValueType.TEXT: str,
    ValueType.FLAG: bool,
    ValueType.DATE: date,
}

_NOT_FETCHED = FactorValue("", None, (Missing(Cause.NOT_FETCHED),))


class IntakeEntry(NamedTuple):
    """One name that is filled in; values of the class `kind` are taken as they are."""

    key: str
    slot: int
    kind: type
    symbol: Symbol

    @classmethod
    def of(cls, key: str, symbol: Symbol) -> IntakeEntry:
        """The entry of a symbol."""
        return cls(key, symbol.slot, _KINDS[symbol.type], symbol)


class AnswerEntry(NamedTuple):
    """The slot of a list's answer about the input whose value is in the slot `about`."""

    question: ListQuestion
    slot: int
    about: int


class Intake(msgspec.Struct, frozen=True):
    """The slots of factors and inputs, by name without prefix, and of lists' answers.

    Equal intakes that `of` gives are one object.
    """

    currency: str
    factors: tuple[IntakeEntry, ...]
    inputs: tuple[IntakeEntry, ...]
    answers: tuple[AnswerEntry, ...] = ()

    @classmethod
    def of(
        cls,
        currency: str,
        factors: Sequence[Symbol],
        inputs: Sequence[tuple[str, Symbol]],
        answers: Sequence[AnswerEntry] = (),
    ) -> Intake:
        """The intake of a ruleset's names."""
        taken = tuple(IntakeEntry.of(symbol.name, symbol) for symbol in factors)
        sent = tuple(IntakeEntry.of(name, symbol) for name, symbol in inputs)
        return _interned(cls(currency, taken, sent, tuple(answers)))

    def load_factors(self, factors: Mapping[str, FactorValue], values: list[Any]) -> None:
        """Fill in factors; one that was not computed is missing as not fetched."""
        self._load(self.factors, factors, values)

    def copy_factors(self, loaded: Sequence[Any], values: list[Any]) -> None:
        """Fill in factors from values that this intake loaded before."""
        for entry in self.factors:
            slot = entry.slot
            values[slot] = loaded[slot]

    def load_more(self, factors: Mapping[str, FactorValue], values: list[Any]) -> None:
        """Fill in these factors over what is there; the others stay."""
        self._load([entry for entry in self.factors if entry.key in factors], factors, values)

    def _load(
        self,
        entries: Iterable[IntakeEntry],
        factors: Mapping[str, FactorValue],
        values: list[Any],
    ) -> None:
        get, currency = factors.get, self.currency
        for key, slot, kind, symbol in entries:
            found = get(key, _NOT_FETCHED)
            value: Any = found.value
            if value.__class__ is kind:
                values[slot] = value
            elif value is None:
                values[slot] = _without_value(key, found)
            elif kind is _Amount and value.__class__ is Money and value.currency == currency:
                values[slot] = value.minor
            else:
                values[slot] = _looked_at(symbol, value, currency)

    def load_inputs(self, inputs: Mapping[str, Value], values: list[Any]) -> None:
        """Fill in inputs; one that was not sent is missing."""
        get = inputs.get
        for key, slot, kind, symbol in self.inputs:
            value = get(key)
            if value.__class__ is kind:
                values[slot] = value
            elif value is None:
                values[slot] = _not_sent(symbol.name)
            else:
                values[slot] = _looked_at(symbol, value, self.currency)

    def load_answers(self, answers: Iterable[ListAnswer], values: list[Any]) -> None:
        """Fill in lists' answers after the inputs; about one not sent there is none."""
        if not self.answers:
            return
        found = {(one.list, one.input): one.listed for one in answers}
        for question, slot, about in self.answers:
            sent = values[about]
            if sent.__class__ is Unknown:
                values[slot] = sent
            elif question in found:
                values[slot] = found[question]
            else:
                values[slot] = unknown(f"lists.{question.list}", Cause.NOT_FETCHED)


@lru_cache(64)
def _interned(intake: Intake) -> Intake:
    """One object for all that are equal: rulesets that differ in figures alone share it."""
    return intake


def _looked_at(symbol: Symbol, value: Any, currency: str) -> Any:
    """Take plain numbers as they are; convert or check all else."""
    if value.__class__ is Decimal and symbol.type is ValueType.NUMBER and value.is_finite():
        return value
    return to_runtime(symbol.name, value, symbol.type, currency)


def _without_value(name: str, found: FactorValue) -> Unknown:
    causes = found.missing
    if len(causes) == 1:
        return Unknown((), Gap(name, causes[0]))
    return Unknown((), Gap(name, shown_first(causes or _NOT_FETCHED.missing)))


@lru_cache(1024)
def _not_sent(name: str) -> Unknown:
    """The same for every application that lacks the input, which is most where it is optional."""
    return unknown(name, Cause.NOT_SENT)
