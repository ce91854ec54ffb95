"""Plainly good applicants are approved in full on every day of a month, and bad ones on none."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from decision_service.decide.stories import read_story, run_story
from decision_service.domain.values import Month
from decision_service.rules.language.diagnostics import Report, render_all
from tests.fakes.examples import some
from tests.stories.reading import shipped

FILE = Path(__file__).parents[1] / "cases" / "every_day.yaml"
PEOPLE: list[dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
NOVEMBER = [date(2026, 11, day) for day in range(1, 31)]
PAID_ON = 5
POSTED_ON = 25
LOAN = "personal-loan-ph"
GRANTED = "{outcome: APPROVE, offer: {approved_amount: 15000}}"
REFERRED = "{outcome: REFER}"


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
    report = Report()
    story = read_story(FILE.name, text, shipped().products, report, ("about",))
    assert story is not None, render_all(report.diagnostics())
    return run_story(story, shipped().product(LOAN))


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
