"""What waiting makes of factors, against months that are counted one by one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decision_service.casework.recourse_later import Wait, waited
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue, Mover
from decision_service.factors.registry import catalogue

START = date(2026, 11, 15)
MONTHS = st.lists(st.booleans(), min_size=1, max_size=40)
WINDOWS = (3, 6, 9, 12, 18, 24)
UP = tuple(f"income.months_{n}m" for n in WINDOWS)


def month(count):
    """The day so many months later."""
    years, number = divmod(START.month - 1 + count, 12)
    return date(START.year + years, number + 1, START.day)


def counted(months):
    """The factors of a history of months, oldest first, whether each has income."""
    paid = [index for index, has in enumerate(months) if has]
    last = len(months) - 1
    found = {f"income.months_{n}m": sum(months[-n:]) for n in WINDOWS}
    found["income.months_total"] = len(paid)
    found["income.months_since_first"] = last - paid[0]
    found["income.months_since_last"] = last - paid[-1]
    return {name: FactorValue(name, value) for name, value in found.items()}


def later(given_, wait):
    """The values after a wait."""
    [moved] = waited(given_, wait)
    return {name: found.value for name, found in {**given_, **moved}.items()}


@given(MONTHS, st.integers(1, 12), st.sets(st.sampled_from([*UP, "income.months_since_first"])))
def test_nobody_is_told_of_more_months_than_there_will_be(months, count, unnamed):
    """Whichever factors the rules name, a wait promises no month that may be missing then."""
    assume(any(months))
    before = {n: f for n, f in counted(months).items() if n not in unnamed}
    goes_on = months[-1]
    truth = counted([*months, *[goes_on] * count])
    found = later(before, Wait(START, month(count), Outcome.DECLINE))
    for name in before:
        value = found[name]
        if name in UP:
            assert value <= truth[name].value, name
            assert not goes_on or value >= before[name].value
        else:
            assert value == truth[name].value, name


def test_a_short_history_grows_by_each_month():
    """Four months that began four months ago are six in two months, and not only in six."""
    found = later(counted([True] * 4), Wait(START, month(2), Outcome.DECLINE))
    assert found["income.months_24m"] == 6
    assert found["income.months_since_first"] == 5


@pytest.mark.parametrize(
    ("days", "outcome", "expected"),
    [
        (3, Outcome.REFER, {"applications_7d": 3, "declines_7d": 1}),
        (3, Outcome.DECLINE, {"applications_7d": 3, "declines_7d": 2}),
        (7, Outcome.DECLINE, {"applications_7d": 0, "declines_7d": 0}),
    ],
)
def test_this_decision_is_on_record_when_the_next_one_is_made(days, outcome, expected):
    """The application itself counts, and its decline, until the window has passed."""
    given_ = {"applications_7d": 2, "declines_7d": 1}
    values = {f"history.{n}": FactorValue(f"history.{n}", v) for n, v in given_.items()}
    end = date(2026, 11, 15 + days)
    found = later(values, Wait(START, end, outcome))
    assert found == {f"history.{name}": value for name, value in expected.items()}


def test_a_decline_begins_the_time_after_a_decline_anew():
    """The day of the last decline is this one's, also for somebody who never had any."""
    names = ("history.last_decline_date", "history.days_since_last_decline", "history.today")
    values = {
        names[0]: FactorValue(names[0], None),
        names[1]: FactorValue(names[1], None),
        names[2]: FactorValue(names[2], START),
    }
    end = date(2026, 11, 20)
    found = later(values, Wait(START, end, Outcome.DECLINE))
    assert [found[name] for name in names] == [START, 5, end]
    assert later(values, Wait(START, end, Outcome.REFER))[names[1]] is None


def test_a_birthday_may_fall_into_a_wait_or_not():
    """After half a year somebody is as old as before, or a year older; both count."""
    age = "identity.age_years"
    worlds = list(waited({age: FactorValue(age, 17)}, Wait(START, month(6), Outcome.DECLINE)))
    assert [world[age].value for world in worlds] == [17, 18]
    worlds = list(waited({age: FactorValue(age, 17)}, Wait(START, month(12), Outcome.DECLINE)))
    assert [world[age].value for world in worlds] == [18, 19]


def test_everything_that_waiting_moves_is_moved():
    """Each factor that the catalogue says waiting moves has another value after a year."""
    names = [n for n, spec in catalogue().items() if spec.action.by is Mover.WAITING]
    dates = {"history.last_decline_date", "history.today"}
    stopped = {n: FactorValue(n, date(2026, 1, 1) if n in dates else 3) for n in names}
    going = {n: FactorValue(n, 0) if "months_since_" in n else f for n, f in stopped.items()}
    assert moved(stopped) | moved(going) == set(names)


def moved(values):
    """The factors that have another value after a year, in the way of an early birthday."""
    *_, last = waited(values, Wait(START, month(12), Outcome.DECLINE))
    return {name for name, found in last.items() if found.value != values[name].value}
