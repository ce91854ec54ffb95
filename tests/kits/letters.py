"""The letters of the stories: what the applicant of each would get."""

from __future__ import annotations

from functools import cache

from decision_service.casework.letters import disclosed_recourse, subject_of
from decision_service.casework.compose import Letter, NoticeSubject, letter
from decision_service.casework.named import read_data
from decision_service.casework.recourse import Recourses
from decision_service.casework.review_results import ReviewedResult
from decision_service.decide.conclude import expiry
from decision_service.domain.decision import Assignment, Decision, EnrolmentReason
from decision_service.rules.letters import LANGUAGES
from tests.stories.reading import shipped, story_named
from tests.stories.running import Decided, decide
from msgspec.structs import replace


@cache
def decided_once(name: str) -> Decided:
    return decide(story_named(name))


@cache
def recourses(product: str, version: int) -> Recourses:
    return Recourses(shipped().product(product).version(version))


def decision_of(name: str) -> Decision | None:
    story, decided = story_named(name), decided_once(name)
    if decided.verdict is None or decided.facts is None or decided.factors is None:
        return None
    ruleset, as_of = story.rules.ruleset, decided.facts.as_of
    return Decision(
        request_id="request", user_id="user", product=story.product, application_id="APP-7",
        decision_id="dec_01M8DSSPJSWKAXV9JTKA0SSWAK", created=as_of.instant, as_of=as_of,
        assignment=Assignment(story.product, True, EnrolmentReason.IN_STAGE, "", "all", 100_000, version=ruleset.version),
        inputs=decided.facts.inputs, verdict=decided.verdict, engine_version="",
        factors=decided.factors, expires=expiry(decided.verdict, decided.factors, ruleset, as_of),
    )


def subject(name: str) -> NoticeSubject | None:
    decision = decision_of(name)
    if decision is None:
        return None
    story = story_named(name)
    ruleset, snapshot = story.rules.ruleset, decided_once(name).snapshot
    found = subject_of(decision, ReviewedResult(), read_data(decision, ruleset, snapshot))
    facts = decided_once(name).facts
    recourse = recourses(story.product, story.rules.ruleset.version).of(facts)
    return replace(found, recourse=disclosed_recourse(recourse), kept_months=60, look_minutes=15)


def letter_of(name: str, language: str) -> Letter | None:
    about = subject(name)
    texts = shipped().product(story_named(name).product).notices[language]
    return about and letter(about, texts)
