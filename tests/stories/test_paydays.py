"""Paydays over thirty days: who is paid late by habit is not called late on any of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from decision_service.decide.stories import read_story, run_story
from decision_service.domain.decision import Outcome
from decision_service.rules.language.diagnostics import Report
from tests.stories.reading import shipped

PRODUCT = "personal-loan-ph"
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


def decided(today, pay, *, last="2026-11"):
    """The verdict on a person of whom SSS has posted all but the last two months."""
    posted = "2026-08" if today.month == 11 else "2026-07"
    text = PERSON.format(today=today, pay=pay, last=last, posted=posted)
    report = Report()
    story = read_story("paydays.yaml", text, shipped().products, report)
    assert story is not None, report.diagnostics()
    return run_story(story, shipped().product(PRODUCT))


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
        result = decided(today, pay)
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
        found[day] = decided(today, pay, last="2026-09").verdict.outcome
    approved = {day for day, outcome in found.items() if outcome is Outcome.APPROVE}
    assert approved == {-3, -2, -1}
