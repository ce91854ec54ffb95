"""The defaults of a file of cases, and a new case by what it changes in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorValue
from decision_service.domain.money import Money
from decision_service.domain.time import AsOf
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts
from decision_service.ruleset.run.inputs import bind_inputs
from decision_service.ruleset.run.lists import list_answers
from decision_service.ruleset.testing.case_reading import Given
from decision_service.ruleset.testing.cases import CaseResult
from decision_service.ruleset.testing.given_lists import given_list

Holds = Callable[[Facts], bool]


class NewCase(msgspec.Struct, frozen=True):
    """Facts by what they change: factors and inputs by name (None: not sent), lists, the day."""

    factors: Mapping[str, Any]
    inputs: Mapping[str, Any]
    as_of: AsOf | None
    lists: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many values are not the usual ones."""
        changed = (self.factors, self.inputs, self.lists)
        return sum(map(len, changed)) + (self.as_of is not None)


class Usual:
    """What the cases of a file have in common."""

    def __init__(self, ruleset: CompiledRuleset, first: CaseResult) -> None:
        self.ruleset = ruleset
        self.defaults: Given = first.case.defaults
        assert first.facts is not None  # noqa: S101  only such are asked
        self.as_of = first.case.usual or first.facts.as_of
        self.dated = first.case.usual is not None

    def changes(self, facts: Facts) -> NewCase:
        """What a case must say beside the defaults, so as to have these facts."""
        factors, inputs = self.defaults.factors, self.defaults.inputs
        names = [*facts.inputs, *(name for name in inputs if name not in facts.inputs)]
        other_day = not self.dated or facts.as_of.date != self.as_of.date
        return NewCase(
            {n: v for n, v in facts.factors.items() if n not in factors or factors[n] != v},
            {n: facts.inputs.get(n) for n in names if facts.inputs.get(n) != inputs.get(n)},
            facts.as_of if other_day else None,
            self._lists(facts),
        )

    def _lists(self, facts: Facts) -> dict[str, Sequence[str]]:
        """The lists that would answer otherwise by themselves, with what must stand on them."""
        day, instead = facts.as_of.date, self.defaults.lists
        usual = {
            (one.list, one.input): one.listed
            for one in list_answers(self.ruleset, facts.inputs, day, instead=instead)
        }
        other = {a.list for a in facts.answers if usual.get((a.list, a.input)) is not a.listed}
        return {
            name: [str(facts.inputs[a.input]) for a in facts.answers if a.listed and a.list == name]
            for name in sorted(other)
        }

    def facts(self, case: NewCase) -> Facts | None:
        """The facts of a case; None where a factor is left out or an input would be refused."""
        unsent = frozenset(name for name, value in case.inputs.items() if value is None)
        sent = {name: value for name, value in case.inputs.items() if value is not None}
        lists = {name: given_list(name, keys) for name, keys in case.lists.items()}
        given = Given(sent, case.factors, unsent, lists).over(self.defaults)
        bound = bind_inputs(self.ruleset, given.inputs)
        if bound.problems or not set(self.ruleset.needs.factors) <= set(given.factors):
            return None
        at = case.as_of or self.as_of
        answers = list_answers(self.ruleset, bound.values, at.date, instead=given.lists)
        return Facts(given.factors, bound.values, at, answers=answers)

    def rank(self, case: NewCase) -> tuple[int, Decimal]:
        """Fewer changes go before more, and of equally many those of the values nearest by."""
        factors, inputs = self.defaults.factors, self.defaults.inputs
        far = [_distance(factors.get(name), value) for name, value in case.factors.items()]
        far += [_distance(inputs.get(name), value) for name, value in case.inputs.items()]
        return case.size, sum(far, Decimal(0))

    def shrunk(self, case: NewCase, holds: Holds) -> NewCase:
        """The same without each change without which its facts still hold."""
        for smaller in _without_one(case):
            facts = self.facts(smaller)
            if facts is not None and holds(facts):
                return self.shrunk(smaller, holds)
        return case


def _without_one(case: NewCase) -> Iterator[NewCase]:
    for name in case.factors:
        yield replace(case, factors={n: v for n, v in case.factors.items() if n != name})
    for name in case.inputs:
        yield replace(case, inputs={n: v for n, v in case.inputs.items() if n != name})
    for name in case.lists:
        yield replace(case, lists={n: v for n, v in case.lists.items() if n != name})


def _distance(old: Any, new: Any) -> Decimal:
    """How far a value is from another in shares of it, 1 where they are no numbers."""
    one, other = _number(old), _number(new)
    if one is None or other is None:
        return Decimal(1)
    return abs(one - other) / max(abs(one), Decimal(1))


def _number(value: Any) -> Decimal | None:
    plain = value.value if isinstance(value, FactorValue) else value
    if isinstance(plain, Money):
        return plain.major
    if isinstance(plain, int | Decimal) and not isinstance(plain, bool):
        return Decimal(plain)
    return None
