"""What would have to be different for an application to be approved: one answer of three.

Waiting alone comes first, then the fewest changes, of those the least sum of steps, ties by name.
Beside changes a wait of whole months counts as one more, its months as steps; not where an approval
only lacks a part of the requested amount. Changes are looked for with this decision on record: from
the first day within a month on which nothing argues against that an applicant cannot move. Their
day is the first on which they do it, and each is the least that does, by bisection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import Value
from decision_service.domain.verdict import Outcome, ReferKind, Verdict
from decision_service.recourse.candidates import Candidate, Uses, nearest
from decision_service.recourse.later import Later, again_today, is_whole_months, later_days
from decision_service.recourse.lawful import laws_between
from decision_service.recourse.model import Change, Recourse, RecourseKind
from decision_service.recourse.reach import Reach, in_full
from decision_service.recourse.search import Changes, Search, as_values, sum_of_steps
from decision_service.recourse.trial import Trial, approved
from decision_service.recourse.waiting import Wait
from decision_service.ruleset.program.model import WAITING, CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate

MOST_CHANGES = 3
_LOOKED_AT = frozenset({ReferKind.SCORE, ReferKind.POLICY})


class _Found(msgspec.Struct, frozen=True):
    """A change that reaches the goal, and the wait that it needs."""

    changes: Changes
    trial: Trial
    wait: Wait | None = None

    @property
    def size(self) -> tuple[Decimal, tuple[str, ...]]:
        """What the smallest is smallest by, among equally many changes."""
        months = Decimal(self.wait.months if self.wait else 0)
        names = tuple(change.factor for change in self.changes)
        return sum_of_steps(self.changes) + months, names


class Recourses:
    """Finds recourse by the rules of one version; what it needs of them is prepared once."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.ruleset = ruleset
        self.laws = laws_between(ruleset.needs.factors, ruleset.currency)
        self.uses, self.reach = Uses(ruleset), Reach(ruleset, self.laws.made_of)

    def of(self, facts: Facts) -> Recourse | None:
        """The answer for an application; None where none is looked for.

        One is looked for where the rules decline, refer for the score or by policy, or approve less
        than was requested; the goal is then an approval, or the requested amount.
        """
        verdict = evaluate(self.ruleset, facts)
        if not _is_looked_for(verdict):
            return None
        whole = verdict.outcome is Outcome.APPROVE
        today = self._search([facts], whole=whole)
        later = list(later_days(self.ruleset, facts, verdict.outcome))
        found = self._waited(today, later, whole=whole)
        if found is None and whole:
            found = self._changed([(None, today)])
        elif found is None:
            days = (again_today(self.ruleset, facts, verdict.outcome), *later)
            found = self._changed([*self._searches(today, days)])
            found = found and self._soonest(found, days)
        return Recourse(RecourseKind.NOTHING) if found is None else self._recourse(_least(found))

    def _search(self, worlds: Sequence[Facts], *, whole: bool) -> Search:
        trial = Trial(self.ruleset, worlds, self.laws, whole_amount=whole)
        return Search(trial, self.uses, self.reach)

    def _waited(self, today: Search, later: Sequence[Later], *, whole: bool) -> _Found | None:
        """The first day on which the rules approve without any change."""
        for day in later:
            if all(day.touches(argument) for _, argument in today.arguments):
                trial = Trial(self.ruleset, day.worlds, self.laws, whole_amount=whole)
                if trial.approves and not self._contradicts(today.trial, day):
                    return _Found((), trial, day.wait)
        return None

    def _contradicts(self, today: Trial, day: Later) -> bool:
        """Whether a later day breaks a law that holds today."""
        held = self.laws.broken(today.values)
        return any(self.laws.broken(facts.factors) - held for facts in day.worlds)

    def _searches(
        self, today: Search, days: Sequence[Later]
    ) -> Iterator[tuple[Wait | None, Search]]:
        """The first day within a month that an applicant can do anything on, then whole months."""
        also, first = frozenset(today.movable), True
        for day in days:
            may = all(day.touches(argument, also) for _, argument in today.arguments)
            soon, months = first and not day.wait.months, is_whole_months(day.wait)
            if may and (soon or months) and not self._contradicts(today.trial, day):
                search = self._search(day.worlds, whole=False)
                if soon and not search.is_blocked:
                    first = False
                    yield None, search
                elif months:
                    yield day.wait, search

    def _changed(self, searches: Sequence[tuple[Wait | None, Search]]) -> _Found | None:
        """The smallest change, on the first day or after a wait of whole months."""
        for size in range(1, MOST_CHANGES + 1):
            found = [
                _Found(changes, search.trial, wait)
                for wait, search in searches
                if (changes := search.smallest(size - (wait is not None)))
            ]
            if found:
                return min(found, key=lambda each: each.size)
        return None

    def _soonest(self, found: _Found, days: Sequence[Later]) -> _Found:
        """The change on the first day on which it does it."""
        changed = as_values(found.changes)
        for day in days:
            trial = Trial(self.ruleset, day.worlds, self.laws, whole_amount=False)
            if trial.lawful(changed) and trial.reached(trial.verdicts_with(changed)):
                return _Found(found.changes, trial, day.wait if day.wait.days else None)
        raise AssertionError(found.changes)  # the day that it was found on is among them

    def _recourse(self, found: _Found) -> Recourse:
        tell, values = self.ruleset.tell, found.trial.values
        changes = tuple(_change(each, values[each.factor].value, tell) for each in found.changes)
        may = all(change.told for change in changes)
        return Recourse(
            RecourseKind.CHANGE if changes else RecourseKind.WAIT,
            changes,
            None if found.wait is None else found.wait.end,
            approved(found.trial.verdicts_with(as_values(found.changes))),
            may and (found.wait is None or WAITING in tell),
        )


def _least(found: _Found) -> _Found:
    """Each change in turn made as small as the rules still approve it."""
    changes = found.changes
    for place, change in enumerate(changes):
        before, after = changes[:place], changes[place + 1 :]

        def does(one: Candidate, before: Changes = before, after: Changes = after) -> bool:
            changed = as_values((*before, one, *after))
            return found.trial.lawful(changed) and found.trial.reached(
                found.trial.verdicts_with(changed)
            )

        least = nearest(change, found.trial.values, found.trial.laws.currency, does)
        changes = (*before, least, *after)
    return replace(found, changes=changes)


def _is_looked_for(verdict: Verdict) -> bool:
    if verdict.outcome is Outcome.APPROVE:
        return verdict.offer is not None and not in_full(verdict)
    return verdict.outcome is Outcome.DECLINE or verdict.refer_kind in _LOOKED_AT


def _change(each: Candidate, now: Value | None, tell: frozenset[str]) -> Change:
    needed = each.value.value
    if now is None or needed is None:
        raise AssertionError(each.factor)
    return Change(each.factor, now, needed, each.steps, each.factor in tell)
