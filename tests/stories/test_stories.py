"""Applicants as a credit analyst tells them, decided by the shipped rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from decision_service.decide.stories import run_story
from decision_service.domain.decision import Outcome
from tests.stories.comparison import differences, explained
from tests.stories.reading import shipped, story_named
from tests.stories.running import Decided, decide
from tests.stories.story import ServiceStory

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
    """The outcome, its reasons and its offer are the story's."""
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
    """A title tells one applicant from all others."""
    titles = [story_named(name).title for name in NAMES]
    assert len(set(titles)) == len(titles)
