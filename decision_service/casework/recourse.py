"""What would have to be different for an application to be approved: one answer of three."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from threading import Lock

import msgspec
from cachetools import LRUCache
from msgspec.structs import replace

from decision_service.casework.recourse_changes import Candidate, Uses, laws_between, nearest
from decision_service.casework.recourse_later import (
    Later,
    Wait,
    again_today,
    is_whole_months,
    later_days,
)
from decision_service.casework.recourse_search import (
    Changes,
    Reach,
    Search,
    Trial,
    approved,
    as_values,
    in_full,
    sum_of_steps,
)
from decision_service.decide.replay import Recorded
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.factor import Value
from decision_service.domain.values import Money
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.program import WAITING, CompiledRuleset

MOST_CHANGES = 3
_LOOKED_AT = frozenset({ReferKind.SCORE, ReferKind.POLICY})

_KEPT = 16


class RecourseKind(StrEnum):
    """CHANGE of some factors; WAIT, which alone does it; NOTHING that is looked at does."""

    CHANGE = "CHANGE"
    WAIT = "WAIT"
    NOTHING = "NOTHING"


class Change(msgspec.Struct, frozen=True):
    """One factor's value `now` and what it would have to be, `steps` of the catalogue away.

    `told`: the product discloses it to applicants.
    """

    factor: str
    now: Value
    needed: Value
    steps: Decimal
    told: bool = False


class Recourse(msgspec.Struct, frozen=True):
    """`day` is None where the changes do it today; `told`: all of it may go to applicants."""

    answer: RecourseKind
    changes: tuple[Change, ...] = ()
    day: date | None = None
    approved: Money | None = None
    told: bool = False


class _Found(msgspec.Struct, frozen=True):
    changes: Changes
    trial: Trial
    wait: Wait | None = None

    @property
    def size(self) -> tuple[Decimal, tuple[str, ...]]:
        months = Decimal(self.wait.months if self.wait else 0)
        names = tuple(change.factor for change in self.changes)
        return sum_of_steps(self.changes) + months, names


class Recourses:
    """Finds recourse by the rules of one version; what it needs of them is prepared once."""

    def __init__(self, ruleset: CompiledRuleset) -> None:
        self.ruleset = ruleset
        self.laws = laws_between(ruleset.needs.factors, ruleset.currency)
        self.uses = Uses(ruleset)
        self.reach = Reach(ruleset, self.laws.made_of)

    def of(self, facts: Facts) -> Recourse | None:
        """The answer for an application; None where none is looked for.

        One is looked for where the rules decline, refer for the score or by policy, or approve less
        than was requested; the goal is then an approval, or the requested amount.
        """
        verdict = evaluate(self.ruleset, facts)
        whole = verdict.outcome is Outcome.APPROVE
        reduced = whole and verdict.offer is not None and not in_full(verdict)
        declines = verdict.outcome is Outcome.DECLINE or verdict.refer_kind in _LOOKED_AT
        if not (reduced if whole else declines):
            return None
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
        for day in later:
            if all(day.touches(argument) for _, argument in today.arguments):
                trial = Trial(self.ruleset, day.worlds, self.laws, whole_amount=whole)
                if trial.reaches({}) and not self._contradicts(today.trial, day):
                    return _Found((), trial, day.wait)
        return None

    def _contradicts(self, today: Trial, day: Later) -> bool:
        held = self.laws.broken(today.values)
        return any(self.laws.broken(facts.factors) - held for facts in day.worlds)

    def _searches(
        self, today: Search, days: Sequence[Later]
    ) -> Iterator[tuple[Wait | None, Search]]:
        """The first day within a month that an applicant can do anything on, then whole months."""
        also = frozenset(today.movable)
        first = True
        for day in days:
            may = all(day.touches(argument, also) for _, argument in today.arguments)
            soon = first and not day.wait.months
            months = is_whole_months(day.wait)
            if may and (soon or months) and not self._contradicts(today.trial, day):
                search = self._search(day.worlds, whole=False)
                if soon and not search.is_blocked:
                    first = False
                    yield None, search
                elif months:
                    yield day.wait, search

    def _changed(self, searches: Sequence[tuple[Wait | None, Search]]) -> _Found | None:
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
        changed = as_values(found.changes)
        for day in days:
            trial = Trial(self.ruleset, day.worlds, self.laws, whole_amount=False)
            if trial.reaches(changed):
                return _Found(found.changes, trial, day.wait if day.wait.days else None)
        raise AssertionError(found.changes)  # the day that it was found on is among them

    def _recourse(self, found: _Found) -> Recourse:
        tell = self.ruleset.tell
        values = found.trial.values
        changes = tuple(_change(each, values[each.factor].value, tell) for each in found.changes)
        may = all(change.told for change in changes)
        return Recourse(
            RecourseKind.CHANGE if changes else RecourseKind.WAIT,
            changes,
            None if found.wait is None else found.wait.end,
            approved=approved(found.trial.verdicts_with(as_values(found.changes))),
            told=may and (found.wait is None or WAITING in tell),
        )


def _least(found: _Found) -> _Found:
    """Each change in turn made as small as the rules still approve it."""
    changes = found.changes
    for place, change in enumerate(changes):
        before = changes[:place]
        after = changes[place + 1 :]

        def does(one: Candidate, before: Changes = before, after: Changes = after) -> bool:
            return found.trial.reaches(as_values((*before, one, *after)))

        least = nearest(change, found.trial.values, found.trial.laws.currency, does=does)
        changes = (*before, least, *after)
    return replace(found, changes=changes)


def _change(each: Candidate, now: Value | None, tell: frozenset[str]) -> Change:
    needed = each.value.value
    if now is None or needed is None:
        raise AssertionError(each.factor)
    return Change(each.factor, now, needed, steps=each.steps, told=each.factor in tell)


class FindRecourse:
    """Finds recourse by the rules that decided, for one decision at a time, on a thread."""

    def __init__(self, archive: RulesetArchive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._turn = asyncio.Semaphore(1)
        self._prepared: LRUCache[str, Recourses] = LRUCache(_KEPT)

    async def __call__(self, recorded: Recorded) -> Recourse | None:
        """None where no rules decided, the data was erased, or rules did not have the last word."""
        decision = recorded.decision
        if decision is None or decision.override is not None or decision.ruleset_ref is None:
            return None
        ruleset = await self._archive.by_digest(decision.ruleset_ref.digest)
        values = {} if decision.factors is None else decision.factors.values
        facts = Facts(values, decision.inputs, decision.as_of, answers=decision.answers)
        async with self._turn:  # each takes milliseconds of the interpreter
            return await asyncio.to_thread(self._found, ruleset, facts)

    def _found(self, ruleset: CompiledRuleset, facts: Facts) -> Recourse | None:
        with self._lock:  # a caller who has gone leaves its thread at work
            if ruleset.digest not in self._prepared:
                self._prepared[ruleset.digest] = Recourses(ruleset)
            return self._prepared[ruleset.digest].of(facts)
