"""A story that is not decided as it says fails, with expected beside actual."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from msgspec import structs

from decision_service.domain.decision import DataRequest, Outcome
from decision_service.domain.factor import FactorValue
from decision_service.domain.values import Cause, Missing, Month
from decision_service.rules.expectations import NOTHING_EXPECTED, Expectation
from decision_service.rules.tests_file import Given
from tests.stories.comparison import differences, explained
from tests.stories.reading import story_named
from tests.stories.running import decide
from tests.stories.story import Refused, Waiting

SEPTEMBER = Month.parse("2026-09")
WAITED = Missing(
    Cause.NOT_YET_POSTED, source="a-sss_ph", month=SEPTEMBER.index, due=date(2026, 12, 1)
)
FAULTS = [
    ({"about": ("income.latest_share",)}, ("about", "income.latest_share", "none")),
    (
        {"refused": Refused("requested_amount", not_ready=False)},
        ("outcome", "the request is refused", "APPROVE"),
    ),
    (
        {"waits_for": Waiting(SEPTEMBER, None, "sss_ph")},
        ("waits_for", "2026-09 by sss_ph, due whenever", "nothing"),
    ),
]


def steady():
    """Somebody who is approved."""
    return story_named("loan-steady-payroll-and-sss")


def expecting(story, **expected):
    """The story with another expectation or other figures."""
    return replace(
        story,
        rules=structs.replace(story.rules, case=structs.replace(story.rules.case, **expected)),
    )


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (FactorValue("income.months_24m", 9), ("income.months_24m", "9", "24")),
        (FactorValue("loans.count", 9), ("loans.count", "9", "not asked for")),
    ],
)
def test_a_figure_that_is_not_as_expected_is_named(figure, line):
    """A factor of another value, and one that the version does not use, give a line each."""
    story = expecting(
        steady(), given=Given(steady().rules.case.given.inputs, {figure.name: figure})
    )
    assert differences(story, decide(story)) == [line]


@pytest.mark.parametrize(("expected", "line"), FAULTS)
def test_what_is_not_as_expected_is_named(expected, line):
    """Each expectation that is not met gives one line: what, expected, actual."""
    story = replace(steady(), **expected)
    assert differences(story, decide(story)) == [line]


def test_an_outcome_that_differs_is_explained():
    """The account of a failure shows expected beside actual, the factors and the story's why."""
    story = expecting(steady(), expectation=Expectation(Outcome.DECLINE, None, {}, {}, None))
    decided = decide(story)
    text = explained(story, decided, differences(story, decided))
    assert "outcome: expected DECLINE, got APPROVE" in text
    assert "income.months_24m = 24" in text
    assert story.why in text


@pytest.mark.parametrize(
    ("waits", "met"),
    [
        (Waiting(SEPTEMBER, date(2026, 12, 1), "sss_ph"), True),
        (Waiting(SEPTEMBER, None, None), True),
        (Waiting(SEPTEMBER.plus(1), None, None), False),
        (Waiting(SEPTEMBER, date(2026, 12, 2), None), False),
        (Waiting(SEPTEMBER, None, "sprout_ph"), False),
    ],
)
def test_month_day_and_account_that_are_waited_for_are_compared(waits, met):
    """Of what is not posted yet the month, the due date and the account must be the story's."""
    decided = decide(steady())
    request = DataRequest("income.months_24m", WAITED, "")
    verdict = type(decided.verdict)(Outcome.APPROVE, data_requests=(request,))
    story = replace(expecting(steady(), expectation=NOTHING_EXPECTED), waits_for=waits)
    assert (differences(story, replace(decided, verdict=verdict)) == []) is met


def test_data_that_is_not_ready_is_no_wrong_field():
    """A request that is answered with DATA_NOT_READY was not refused for one of its fields."""
    refused = Refused("requested_amount", not_ready=False)
    story = replace(story_named("loan-first-sync-just-begun"), refused=refused)
    (line,) = differences(story, decide(story))
    assert line[:2] == ("refused", "a field")
