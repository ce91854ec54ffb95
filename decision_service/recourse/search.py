"""The smallest change of some factors that reaches the goal: exhaustive, the evaluator as judge.

An argument against an approval stays unless a factor that it rests on has another value. So only
sets of factors are looked at that touch every argument, and only values that silence the arguments
which rest on one changed factor, or on some of them. Nothing else is left out: without a stated
argument every factor is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import combinations, product

from decision_service.domain.factor import FactorValue
from decision_service.recourse.candidates import Candidate, Pools, Uses, movable
from decision_service.recourse.reach import Reach, slot_values
from decision_service.recourse.trial import Trial

Changes = tuple[Candidate, ...]


class Search:
    """The changes of one application that are looked at, and what they come to."""

    def __init__(self, trial: Trial, uses: Uses, reach: Reach) -> None:
        self.trial = trial
        self.arguments = [
            (world, argument)
            for world, verdict in enumerate(trial.verdicts)
            for argument in reach.arguments(verdict)
        ]
        made_of = trial.laws.made_of
        self.movable = [name for name in movable(trial.values, trial.values) if name not in made_of]
        self._uses, self._reach = uses, reach
        self._silenced: dict[tuple[int, Changes], bool] = {}

    @property
    def is_blocked(self) -> bool:
        """Whether an argument rests on nothing that an applicant moves."""
        return any(one.factors.isdisjoint(self.movable) for _, one in self.arguments)

    def smallest(self, size: int) -> Changes | None:
        """The change of so many factors with the least sum of steps, of equal ones the first."""
        if size == 0 or self.is_blocked:
            return None
        for _, changes in sorted(self._of_size(size), key=lambda pair: pair[0]):
            if self._reaches(changes):
                return changes
        return None

    @cached_property
    def pools(self) -> Mapping[str, list[Candidate]]:
        """The values of each factor that are looked at."""
        seen = slot_values(self.trial.verdicts[0])
        return Pools(self._uses, self.trial.values, seen, self.trial.laws).of(self._useful())

    def _useful(self) -> list[str]:
        """The factors that an argument rests on, and those that stand in one condition with them.

        Any other can be left out of a change: what it silences stood neither before nor after.
        """
        found = self._rested_on().intersection(self.movable)
        every = (*self._reach.groups, *self.trial.laws.groups)
        groups = [group.intersection(self.movable) for group in every]
        while more := {n for g in groups if not g.isdisjoint(found) for n in g} - found:
            found |= more
        return [name for name in self.movable if name in found]

    def _rested_on(self) -> frozenset[str]:
        if not self.arguments:
            return frozenset(self.movable)
        return frozenset[str]().union(*(argument.factors for _, argument in self.arguments))

    def _of_size(self, size: int) -> Iterator[tuple[tuple[Decimal, tuple[str, ...]], Changes]]:
        for names in combinations(self.pools, size):
            if all(not a.factors.isdisjoint(names) for _, a in self.arguments):
                for changes in product(*(self._silencing(name, names) for name in names)):
                    yield (sum_of_steps(changes), names), changes

    def _silencing(self, name: str, names: Sequence[str]) -> list[Candidate]:
        """The values of a factor that silence what rests on it alone of all that is changed."""
        alone = [
            number
            for number, (_, argument) in enumerate(self.arguments)
            if argument.factors.intersection(names) == {name}
        ]
        return [c for c in self.pools[name] if all(self._is_silent(n, (c,)) for n in alone)]

    def _reaches(self, changes: Changes) -> bool:
        for number, (_, argument) in enumerate(self.arguments):
            part = tuple(c for c in changes if c.factor in argument.factors)
            if len(part) < len(changes) and not self._is_silent(number, part):
                return False
        changed = as_values(changes)
        return self.trial.lawful(changed) and self.trial.reached(self.trial.verdicts_with(changed))

    def _is_silent(self, number: int, changes: Changes) -> bool:
        """Whether an argument is gone with the changes of what it rests on."""
        key = (number, changes)
        if key not in self._silenced:
            verdicts = self.trial.verdicts_with(as_values(changes))
            for other, (world, argument) in enumerate(self.arguments):
                if all(c.factor in argument.factors for c in changes):
                    self._silenced[other, changes] = not argument.stands(verdicts[world])
        return self._silenced[key]


def as_values(changes: Changes) -> Mapping[str, FactorValue]:
    """The changed factors by name."""
    return {each.factor: each.value for each in changes}


def sum_of_steps(changes: Changes) -> Decimal:
    """How far changes go in all."""
    return sum((each.steps for each in changes), Decimal(0))
