"""The days on which an application may be decided otherwise, and its facts on them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import ListAnswer
from decision_service.domain.months import Month
from decision_service.domain.time import noon
from decision_service.domain.verdict import Outcome
from decision_service.recourse.reach import Argument
from decision_service.recourse.waiting import Wait, waited
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts

LONGEST_WAIT_MONTHS = 12
_DAYS = 31
_MOVE_BY_DAYS = ("history.", "accounts.")


class Later(msgspec.Struct, frozen=True):
    """A later day: the wait until it, the facts of each way that birthdays may fall, and `moved`.

    Those are the factors that have other values; None where parameters or lists change, too.
    """

    wait: Wait
    worlds: tuple[Facts, ...]
    moved: frozenset[str] | None

    def touches(self, argument: Argument, also: frozenset[str] = frozenset()) -> bool:
        """Whether an argument of today can be gone, where some factors are changed as well."""
        return self.moved is None or not argument.factors.isdisjoint(self.moved | also)


def later_days(ruleset: CompiledRuleset, facts: Facts, outcome: Outcome) -> Iterator[Later]:
    """The facts of an application on each day within a year on which something is otherwise."""
    for day in _days(ruleset, facts.as_of.date):
        yield _later(ruleset, facts, Wait(facts.as_of.date, day, outcome))


def again_today(ruleset: CompiledRuleset, facts: Facts, outcome: Outcome) -> Later:
    """The facts of an application that follows on the same day, with this decision on record."""
    today = facts.as_of.date
    return _later(ruleset, facts, Wait(today, today, outcome))


def is_whole_months(wait: Wait) -> bool:
    """Whether a wait is one of whole months, as far as months are long enough."""
    return wait.end in set(_months(wait.start))


def _later(ruleset: CompiledRuleset, facts: Facts, wait: Wait) -> Later:
    as_of = noon(wait.end, ruleset.zone)
    answers = tuple(_at_the_end(answer, wait.end) for answer in facts.answers)
    moved = list(waited(facts.factors, wait))
    worlds = [
        replace(facts, factors={**facts.factors, **more}, as_of=as_of, answers=answers)
        for more in moved
    ]
    timeline = ruleset.program.timeline
    same = answers == facts.answers and timeline.at(wait.end) is timeline.at(wait.start)
    return Later(wait, tuple(worlds), frozenset().union(*moved) if same else None)


def _days(ruleset: CompiledRuleset, start: date) -> list[date]:
    months = list(_months(start))
    days = {*months, *(day for day in ruleset.program.timeline.starts if day > start)}
    if any(name.startswith(_MOVE_BY_DAYS) for name in ruleset.needs.factors):
        days |= {start + timedelta(days=number) for number in range(1, _DAYS + 1)}
    return sorted(day for day in days if day <= months[-1])


def _months(start: date) -> Iterator[date]:
    """The same day of each of the next months; of a month that is too short, the day after it."""
    for number in range(1, LONGEST_WAIT_MONTHS + 1):
        month = Month.of(start).plus(number)
        day = month.first_day + timedelta(days=start.day - 1)
        yield min(day, month.last_day + timedelta(days=1))


def _at_the_end(answer: ListAnswer, day: date) -> ListAnswer:
    """A list's answer when an entry with a last day has ended."""
    ended = answer.ends is not None and answer.ends <= day
    return replace(answer, listed=False) if ended else answer
