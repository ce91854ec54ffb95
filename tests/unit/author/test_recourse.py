"""Recourse: the smallest change, the day to come back, or nothing; each confirmed by the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.casework.recourse import Change, Recourse, RecourseKind, Recourses
from decision_service.casework.recourse_later import Wait, waited
from decision_service.cli.views import add_recourse, recourse_text
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue, Mover
from decision_service.domain.values import AsOf, Cause, Missing
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from decision_service.server.services.decisions import DECISIONS
from tests.unit.author.recourse import TEXT, answer, approves, person, php, product, somebody

FIND = Recourses(product())


def changes(answer):
    """The factors that change, with their needed values."""
    return {change.factor: change.needed for change in answer.changes}


def test_the_least_of_one_factor_that_approves_is_found():
    """Of an overdue debt as much is to be paid as the rules ask, and no more."""
    found = FIND.of(person(liabilities__overdue_total=php(2_500)))
    assert found.answer is RecourseKind.CHANGE
    assert changes(found) == {"liabilities.overdue_total": php(500)}
    assert found.approved == php(5_000)
    assert found.told


def test_an_amount_is_the_least_that_does_between_steps():
    """Not the next tenth of what is owed: a centavo more owed would leave too little to lend."""
    found = FIND.of(person(history__exposure=php(24_500)))
    assert changes(found) == {"history.exposure": php(24_200)}
    assert found.approved == php(1_000)
    assert found.changes[0].steps == Decimal(300) / 2_450


def test_a_change_that_no_day_of_a_year_allows_is_no_answer():
    """A product that refers whoever was declined in 400 days promises no approval for a payment."""
    lately = "{id: lately, when: history.days_since_last_decline < 400, then: REFER, reason: OFTEN,"
    rule = f"      - {lately} when_missing: SKIP, because: it is the first}}\n"
    text = TEXT.replace("  - name: score\n", f"{rule}  - name: score\n")
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    ruleset = compile_ruleset(files, catalogue(), checks=()).ruleset
    facts, name = (
        person(liabilities__monthly_amortization=php(6_000)),
        "history.days_since_last_decline",
    )
    never = FactorValue(name, None, (Missing(Cause.NO_DATA),))
    facts = replace(facts, factors={**facts.factors, name: never})
    assert Recourses(ruleset).of(facts).answer is RecourseKind.NOTHING


def test_two_factors_are_changed_where_no_single_one_does_it():
    """A low income is raised with its usual month, since the careful one is never above it."""
    low = php(7_000)
    found = FIND.of(person(income__median_6m=low, income__conservative_6m=low, asks=2_000))
    assert changes(found) == {"income.median_6m": php(8_000)}
    tight = {"income__median_6m": php(2_500), "income__conservative_6m": php(2_500)}
    both = changes(FIND.of(person(asks=1_000, **tight)))
    assert both["income.median_6m"] == php(8_000)
    assert php(2_500).minor < both["income.conservative_6m"].minor < php(8_000).minor


def test_an_income_is_raised_with_what_it_never_is_above():
    """Who would have to earn more is told so, though the usual month alone is high enough."""
    earns = {"income__median_6m": php(9_000), "income__conservative_6m": php(9_000)}
    found = FIND.of(person(**earns, asks=20_000))
    raised = changes(found)
    assert raised["income.conservative_6m"] == raised["income.median_6m"]
    assert raised["income.median_6m"].minor > php(9_000).minor
    assert found.approved == php(20_000)


def test_waiting_alone_comes_before_any_change():
    """Who applies too often is told of the day on which older applications count no more."""
    found = FIND.of(person(history__applications_7d=3))
    assert (found.answer, found.day) == (RecourseKind.WAIT, date(2026, 11, 22))
    assert found.told
    assert FIND.of(person(income__months_24m=2)).day == date(2027, 2, 15), "the oldest may fall out"


def test_a_parameter_that_changes_meanwhile_counts():
    """Three months are enough in February; from March on five are asked."""
    young = person(income__months_24m=1)
    assert FIND.of(young).day == date(2027, 2, 15)
    late = AsOf.at(datetime(2027, 1, 15, 4, tzinfo=UTC), young.as_of.zone)
    assert FIND.of(replace(young, as_of=late)).day == date(2027, 6, 15)


def test_a_wait_and_a_change_may_do_it_together():
    """Months that are too few and a debt overdue: both, the debt of the product's tell alone."""
    found = FIND.of(person(income__months_24m=2, liabilities__overdue_total=php(2_500)))
    assert (found.answer, found.day) == (RecourseKind.CHANGE, date(2027, 2, 15))
    assert changes(found) == {"liabilities.overdue_total": php(500)}


def test_what_the_product_does_not_let_be_told_is_marked():
    """An income is changed in the answer and told to nobody; one such change marks the whole."""
    found = FIND.of(person(income__median_6m=php(7_500), income__conservative_6m=php(7_500)))
    assert [change.told for change in found.changes] == [False]
    assert not found.told


def test_an_approval_of_less_is_told_what_the_whole_needs():
    """The amount asked for is reached where what is granted already is repaid."""
    found = FIND.of(person(asks=25_000, history__exposure=php(9_000)))
    assert found.answer is RecourseKind.CHANGE
    assert "history.exposure" in changes(found)
    assert found.approved == php(25_000)


@pytest.mark.parametrize(
    "known", [{}, {"income__median_6m": None}], ids=["approved", "data is missing"]
)
def test_nothing_is_looked_for_where_nothing_is_wrong_but_the_data(known):
    """An approval in full has no recourse, nor has a referral for missing data."""
    facts = person(**known)
    gone = {
        n: replace(f, missing=(Missing(Cause.SOURCE_FAILED),))
        for n, f in facts.factors.items()
        if f.value is None
    }
    assert FIND.of(replace(facts, factors={**facts.factors, **gone})) is None


def test_nothing_is_said_where_nothing_helps():
    """Somebody without any income is not told to double it."""
    none = php(0)
    found = FIND.of(person(income__median_6m=none, income__conservative_6m=none, asks=1_000))
    assert found.answer is RecourseKind.NOTHING
    assert not found.told


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 4, 7, 10, 12, 14])
def test_the_answer_is_that_of_full_enumeration(seed):
    """No wait alone is shorter, no change of fewer factors approves, none of as many is nearer."""
    facts = somebody(seed)
    found = FIND.of(facts)
    if found is None:
        assert approves(product(), facts, {}, whole=True)
    else:
        told = {c.factor: FactorValue(c.factor, c.needed) for c in found.changes}
        given_ = None if found.answer is RecourseKind.NOTHING else (found.day, told)
        assert given_ == answer(product(), facts)


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


PAID = Change("liabilities.overdue_total", php(2_500), php(500), Decimal("8.0000"), told=True)
EARNED = Change("income.median_6m", php(7_500), php(8_000), Decimal(2) / 3)


@pytest.mark.parametrize(
    ("recourse", "text"),
    [
        (Recourse(RecourseKind.NOTHING), "nothing of what is looked at changes the decision"),
        (
            Recourse(RecourseKind.WAIT, day=date(2027, 2, 1), approved=php(5_000), told=True),
            "decide again on 2027-02-01 · approves 5,000 PHP · disclosed to applicants",
        ),
        (
            Recourse(RecourseKind.CHANGE, (PAID,), None, php(5_000), told=True),
            "the smallest change · approves 5,000 PHP · disclosed to applicants",
        ),
        (
            Recourse(RecourseKind.CHANGE, (PAID, EARNED), date(2027, 2, 1)),
            "the smallest change, from 2027-02-01 on · not disclosed to applicants",
        ),
    ],
    ids=["nothing", "wait", "change", "both"],
)
def test_an_answer_is_one_line(recourse, text):
    assert recourse_text(DECISIONS.message(pb.Recourse, recourse)) == text


def test_each_change_is_shown_with_its_values_and_steps():
    """A change that applicants must not be told of says so."""
    message = DECISIONS.message(pb.Recourse, Recourse(RecourseKind.CHANGE, (PAID, EARNED)))
    assert [change.steps for change in message.changes] == ["8", "0.67"]
    tree = Tree("decision")
    add_recourse(tree, pb.Decision(recourse=message))
    console = Console(width=120)
    with console.capture() as shown:
        console.print(tree)
    lines = shown.get().splitlines()
    assert "liabilities.overdue_total: " in lines[2]
    assert "→" in lines[2]
    assert lines[2].endswith("(8 steps)")
    assert lines[3].endswith("(0.67 steps, not disclosed)")


def test_a_decision_without_recourse_shows_none():
    tree = Tree("decision")
    add_recourse(tree, pb.Decision())
    assert tree.children == []
