"""What a later day makes of factors and of a decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.casework.recourse_search import Argument
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue, Input, Observed, Value
from decision_service.domain.values import Month, noon
from decision_service.rules.evaluate import Facts
from decision_service.rules.program import CompiledRuleset

Values = Mapping[str, FactorValue]
_WINDOW = re.compile(r"(\w+\.\w+)_(\d+)([md])")
_MONTHS_OF_A_YEAR = 12
_AGES = ("identity.age_years", "identity.age_at_maturity_years")

_LAST_DECLINE = ("history.last_decline_date", "history.days_since_last_decline")

LONGEST_WAIT_MONTHS = 12
_DAYS = 31
_MOVE_BY_DAYS = ("history.", "accounts.")


class Wait(msgspec.Struct, frozen=True):
    """From one day to another, after a decision with an outcome; `months` are whole ones."""

    start: date
    end: date
    outcome: Outcome

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def months(self) -> int:
        begun = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month
        return begun - (self.end.day < self.start.day)


def waited(values: Values, wait: Wait) -> Iterator[Mapping[str, FactorValue]]:
    """The values that may have changed by the end of a wait; each way that birthdays may fall."""
    moved = dict(_moved(values, wait))
    known = {n: found for n in _AGES if (found := _number(values, n)) is not None}
    years = wait.months // _MONTHS_OF_A_YEAR
    for more in (years, years + 1) if known else (years,):
        older = {name: FactorValue(name, age + more) for name, age in known.items()}
        yield {**moved, **older}


def _moved(values: Values, wait: Wait) -> Iterator[tuple[str, FactorValue]]:
    for name, found in values.items():
        move = _MOVES.get(_stem(name))
        value = None if move is None else move(name, values, wait)
        if value is not None and found.value is not None:
            yield name, FactorValue(name, value)
    if wait.outcome is Outcome.DECLINE:
        last: dict[str, Value] = dict(zip(_LAST_DECLINE, (wait.start, wait.days), strict=True))
        yield from ((name, FactorValue(name, last[name])) for name in last if name in values)


def _stem(name: str) -> str:
    found = _WINDOW.fullmatch(name)
    return name if found is None else found[1]


def _number(values: Values, name: str) -> int | None:
    found = values.get(name)
    return found.value if found is not None and isinstance(found.value, int) else None


def _goes_on(name: str, values: Values) -> bool:
    """Whether the newest month counts among those of a factor, as far as is known."""
    family, _, what = name.partition(".")
    backed = what.startswith("backed")
    return not _number(values, f"{family}.months_since_{'backed' if backed else 'last'}")


def _window(name: str) -> int:
    found = _WINDOW.fullmatch(name)
    return int(found[2]) if found is not None else 0


def _counted(name: str, values: Values, wait: Wait) -> Any:
    """Months of a window at the end: the new ones, and of the old ones as many as are certain."""
    family = name.partition(".")[0]
    length = _window(name)
    count = _number(values, name)
    if count is None:
        return None
    if not (count and _goes_on(name, values)):
        return max(count - wait.months, 0)
    kept = [max(count - wait.months, 0)]
    for other, found in values.items():
        shorter = _stem(other) == _stem(name) and _window(other) <= length - wait.months
        kept += [found.value] if shorter and isinstance(found.value, int) else []
    certain = min(length, wait.months + max(kept))
    first = _number(values, f"{family}.months_since_first")
    if first is None:
        return certain
    without = min(length, first + 1) - count
    return max(certain, min(length, first + 1 + wait.months) - without)


def _gap(name: str, values: Values, wait: Wait) -> Any:
    gap = _number(values, name)
    if gap is None:
        return None
    if not _goes_on(name, values):
        return min(_window(name), gap + wait.months)
    # Which months are the empty ones is not known: what the months with it leave is the most
    counted = _counted(name.replace(".gap_months", ".months"), values, wait)
    return gap if counted is None else min(gap, _window(name) - counted)


def _since(name: str, values: Values, wait: Wait) -> Any:
    """Nothing where it goes on: the newest month stays the newest month."""
    since = _number(values, name)
    return since and since + wait.months


def _more_months(name: str, values: Values, wait: Wait) -> Any:
    count = _number(values, name)
    on = count and _goes_on(name, values)
    return count + wait.months if count is not None and on else count


def _by_months(name: str, values: Values, wait: Wait) -> Any:
    months = _number(values, name)
    return None if months is None else months + wait.months


def _longest_tenure(name: str, values: Values, wait: Wait) -> Any:
    longest = _number(values, name)
    now = _number(values, "employment.current_tenure_months")
    return longest if longest is None or now is None else max(longest, now + wait.months)


def _by_days(name: str, values: Values, wait: Wait) -> Any:
    days = _number(values, name)
    return None if days is None else days + wait.days


def _on_record(name: str, values: Values, wait: Wait) -> Any:
    """The older ones with this one, until all have left the window."""
    count = _number(values, name)
    if count is None:
        return None
    own = wait.outcome is Outcome.DECLINE or _stem(name) == "history.applications"
    return count + own if wait.days < _window(name) else 0


_MOVES: Mapping[str, Callable[[str, Values, Wait], Any]] = {
    "income.months": _counted,
    "income.backed_months": _counted,
    "contributions.months": _counted,
    "income.gap_months": _gap,
    "contributions.gap_months": _gap,
    "income.longest_gap": _gap,
    "income.months_total": _more_months,
    "income.tenure_months_known": _more_months,
    "contributions.months_total": _more_months,
    "income.months_since_first": _by_months,
    "income.months_since_last": _since,
    "income.months_since_backed": _since,
    "income.months_since_last_payroll": _since,
    "contributions.months_since_last": _since,
    "employment.current_tenure_months": _by_months,
    "employment.longest_tenure_months": _longest_tenure,
    "employment.months_since_last_end": _by_months,
    "accounts.oldest_connection_days": _by_days,
    "history.days_since_last_decline": _by_days,
    "history.applications": _on_record,
    "history.declines": _on_record,
    "history.today": lambda _name, _values, wait: wait.end,
}


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
    today = facts.as_of.date
    return _later(ruleset, facts, Wait(today, today, outcome))


def is_whole_months(wait: Wait) -> bool:
    return wait.end in set(_months(wait.start))


def _later(ruleset: CompiledRuleset, facts: Facts, wait: Wait) -> Later:
    as_of = noon(wait.end, ruleset.zone)
    # An entry of a list with a last day ends.
    answers = tuple(
        replace(one, listed=False) if one.ends is not None and one.ends <= wait.end else one
        for one in facts.answers
    )
    moved = list(waited(facts.factors, wait))
    then = replace(facts, inputs=_observed_anew(facts.inputs, wait), as_of=as_of, answers=answers)
    worlds = [replace(then, factors={**facts.factors, **more}) for more in moved]
    timeline = ruleset.program.timeline
    same = answers == facts.answers and timeline.at(wait.end) is timeline.at(wait.start)
    return Later(wait, tuple(worlds), frozenset().union(*moved) if same else None)


def _observed_anew(inputs: Mapping[str, Input], wait: Wait) -> dict[str, Input]:
    """Whoever comes back later brings what was observed outside as fresh as it is now."""
    later = timedelta(days=wait.days)
    return {
        name: replace(given, day=given.day + later) if isinstance(given, Observed) else given
        for name, given in inputs.items()
    }


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
