"""Applicants as a credit analyst tells them, decided by the shipped rules on each day."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from decision_service.domain.decision import Outcome
from decision_service.domain.values import Month
from decision_service.rulebook.stories import read_story, run_story
from decision_service.rules.language.diagnostics import Report, render_all
from tests.fakes.examples import some
from tests.stories.reading import ServiceStory, shipped, story_named
from tests.stories.running import Decided, decide, differences, explained

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
LEAST = 80


@pytest.fixture(params=NAMES)
def story(request: pytest.FixtureRequest) -> ServiceStory:
    return story_named(request.param)


@cache
def decided_once(name: str) -> Decided:
    """What the service decides on a story, for both comparisons."""
    return decide(story_named(name))


def test_the_applicant_is_decided_as_an_analyst_would(story):
    decided = decided_once(story.name)
    found = differences(story, decided)
    if found:
        pytest.fail(explained(story, decided, found), pytrace=False)


def test_rules_alone_find_what_the_service_finds(story):
    """A story that needs no failing vendor and no earlier reading has the same facts in both."""
    if story.failing or story.known or story.refused:
        pytest.skip("what the service meets, rules alone do not know")
    alone = run_story(story.rules, shipped().product(story.product))
    assert alone.passed
    assert alone.facts.factors == decided_once(story.name).facts.factors


def test_there_are_enough_stories():
    """At least 80 stories tell of both products; half are APPROVE or DECLINE on clean data."""
    stories = [*map(story_named, NAMES)]
    clear = [s for s in stories if s.clean and s.outcome in (Outcome.APPROVE, Outcome.DECLINE)]
    assert len(stories) >= LEAST
    assert {story.product for story in stories} == {"personal-loan-ph", "gig-advance-ph"}
    assert len(clear) * 2 >= len(stories)


def test_no_two_stories_share_a_title():
    titles = [story_named(name).title for name in NAMES]
    assert len(set(titles)) == len(titles)


FILE = Path(__file__).parents[1] / "cases" / "every_day.yaml"
PEOPLE: list[dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
NOVEMBER = [date(2026, 11, day) for day in range(1, 31)]
PAID_ON = 5
POSTED_ON = 25
LOAN = "personal-loan-ph"
GRANTED = "{outcome: APPROVE, offer: {approved_amount: 15000}}"
REFERRED = "{outcome: REFER}"


def run_text(text: str) -> Any:
    """The result of a story of the loan that is written here."""
    report = Report()
    story = read_story("story.yaml", text, shipped().products, report, ("about",))
    assert story is not None, render_all(report.diagnostics())
    return run_story(story, shipped().product(LOAN))


def decided(person: dict[str, str], day: date) -> Any:
    """The result of a person's application of 15,000 on a day."""
    paid = Month.of(day - timedelta(days=PAID_ON - 1)).plus(-1)
    posted = Month.of(day - timedelta(days=POSTED_ON - 1)).plus(-2)
    accounts = person["accounts"].replace("PAID", str(paid)).replace("POSTED", str(posted))
    expected = GRANTED if person["outcome"] == "APPROVE" else REFERRED
    text = f"""
title: {person["title"]}
product: {LOAN}
today: {day}
application: {{requested_amount: 15000, requested_term_months: 12}}
accounts:
{accounts}
expect: {expected}
why: Every day is alike.
"""
    return run_text(text)


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person["title"])
def test_every_day_of_a_month_decides_alike(person: dict[str, str]) -> None:
    """Whatever has been posted by the day; who is approved is given all that was asked for."""
    found = {day: decided(person, day) for day in some(NOVEMBER, 3)}
    wrong = {
        str(day): [one.code for one in result.verdict.reasons]
        for day, result in found.items()
        if not result.passed
    }
    assert not wrong


FIRST = date(2026, 10, 20)
DAYS = [FIRST + timedelta(days=day) for day in range(30)]
PERSON = """\
title: Paid some days after each cut-off
product: personal-loan-ph
today: {today}
application: {{requested_amount: 20000, requested_term_months: 12}}
accounts:
  - provider: sprout_ph
    born: 1991-04-12
    payroll: {{employer: Acme Trading Inc, from: 2024-01, to: {last}, {pay}}}
    employments: {{employer: Acme Trading Inc, from: 2023-06-01}}
  - provider: sss_ph
    estimates: {{from: 2024-01, to: {posted}, amount: 30000}}
    contributions: {{from: 2024-01, to: {posted}, amount: 4500}}
    employments: {{employer: Acme Trading Inc, from: 2023-06-01}}
expect: {{outcome: APPROVE}}
why: A habit is no news.
"""


def decided_by_pay(today, pay, *, last="2026-11"):
    """The verdict on a person of whom SSS has posted all but the last two months."""
    posted = "2026-08" if today.month == 11 else "2026-07"
    text = PERSON.format(today=today, pay=pay, last=last, posted=posted)
    return run_text(text)


@pytest.mark.long
@pytest.mark.parametrize(
    "pay",
    [
        "every: half, net: 13750, pays_after: 0",
        "every: half, net: 13750, pays_after: 5",
        "every: half, net: 13750, pays_after: 10",
        "every: week, net: 6300, pays_after: 6",
        "net: 27500, pays_after: 5",
        "net: 27500, pays_after: 15",
    ],
)
def test_nobody_is_called_late_within_the_usual_delay(pay):
    """Whoever is paid ten days after a cut-off, or in mid next month, is approved each day."""
    wrong = []
    for today in DAYS:
        result = decided_by_pay(today, pay)
        if not result.passed:
            wrong.append((today.isoformat(), result.facts.factors["income.paydays_missed"].value))
    assert wrong == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("pay", "late"),
    [
        ("every: half, net: 13750, pays_after: 10", date(2026, 10, 27)),
        ("net: 27500, pays_after: 5", date(2026, 11, 21)),
    ],
)
def test_pay_that_stopped_is_referred_from_the_day_on_which_it_is_late(pay, late):
    """Who was paid last for September is approved until the next payday is late, not after."""
    found = {}
    for day in range(-3, 8):
        today = late + timedelta(days=day)
        found[day] = decided_by_pay(today, pay, last="2026-09").verdict.outcome
    approved = {day for day, outcome in found.items() if outcome is Outcome.APPROVE}
    assert approved == {-3, -2, -1}
