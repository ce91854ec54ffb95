"""The letters of the stories: printed into tests/cases/letters, one file a reason code.

`python -m tests.kits.letters` prints them anew (`make letters`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from decision_service.casework.compose import NoticeSubject, letter, said, text
from decision_service.casework.letters import disclosed_recourse, subject_of
from decision_service.casework.named import read_data
from decision_service.casework.recourse import Recourses
from decision_service.casework.review_results import ReviewedResult
from decision_service.decide.asking import what_to_connect
from decision_service.decide.conclude import expiry
from decision_service.domain.decision import Assignment, Decision, EnrolmentReason, Outcome
from decision_service.rules.letters import LANGUAGES
from tests.kits.cases import CASES
from tests.stories.reading import shipped, story_named
from tests.stories.running import Decided, decide

FOLDER = CASES / "letters"
STORIES = Path(__file__).parents[1] / "stories"
RENEW = "make letters"
LOOK_MINUTES, KEPT_MONTHS = 15, 60
UNREACHED = {
    ("gig-advance-ph", "FEES_RETURNED"): "the shipped table calls nothing that is paid in a fee",
    (
        "personal-loan-ph",
        "AMOUNT_BELOW_MINIMUM",
    ): "the least income has a limit above the smallest loan",
    ("personal-loan-ph", "INCOME_NOT_SEEN"): "a rule declines whoever has no income for so long",
}
"""Codes that no accounts yield with the shipped data, and why."""

Key = tuple[str, str]
"""Product and reason code."""


def stories() -> list[str]:
    return sorted(path.stem for path in STORIES.glob("*.yaml"))


@cache
def decided_once(name: str) -> Decided:
    return decide(story_named(name))


@cache
def recourses(product: str, version: int) -> Recourses:
    return Recourses(shipped().product(product).version(version))


def newest(product: str) -> int:
    return max(shipped().product(product).versions)


def decision_of(name: str) -> Decision | None:
    """A story's decision as it would be recorded; None where the request is refused."""
    story, decided = story_named(name), decided_once(name)
    if decided.verdict is None or decided.facts is None or decided.factors is None:
        return None
    ruleset, as_of = story.rules.ruleset, decided.facts.as_of
    assignment = Assignment(
        rollout=story.product,
        enrolled=True,
        enrolment_reason=EnrolmentReason.IN_STAGE,
        plan_digest="",
        stage="all",
        percent=100_000,
        version=ruleset.version,
    )
    return Decision(
        request_id="req_1",
        user_id="user_1",
        product=story.product,
        application_id="APP-7",
        decision_id="dec_1",
        created=as_of.instant,
        as_of=as_of,
        assignment=assignment,
        inputs=decided.facts.inputs,
        verdict=decided.verdict,
        engine_version="",
        factors=decided.factors,
        expires=expiry(decided.verdict, decided.factors, ruleset, decided.facts),
        connect=what_to_connect(ruleset, decided.verdict, decided.factors),
    )


@cache
def subject(name: str) -> NoticeSubject | None:
    """What the letter of a story is about; None where the request is refused."""
    decision, decided, story = decision_of(name), decided_once(name), story_named(name)
    if decision is None or decided.snapshot is None or decided.facts is None:
        return None
    ruleset = story.rules.ruleset
    read = read_data(decision, ruleset, decided.snapshot)
    found = recourses(story.product, ruleset.version).of(decided.facts)
    return replace(
        subject_of(decision, ReviewedResult(), read),
        recourse=disclosed_recourse(found),
        kept_months=KEPT_MONTHS,
        look_minutes=LOOK_MINUTES,
    )


def letter_text(name: str, language: str, **more: object) -> str:
    """The letter of a story, empty where none is due; `more` are other fields of its subject."""
    about = subject(name)
    if about is None:
        return ""
    notices = shipped().product(story_named(name).product).notices
    made = letter(replace(about, **more), notices[language])
    return "" if made is None else text(made)


def codes_of(name: str) -> list[str]:
    """The reason codes of a story."""
    verdict = decided_once(name).verdict
    return [] if verdict is None else [reason.code for reason in verdict.reasons]


def declared() -> set[Key]:
    """The codes of the newest version of each shipped product that accounts can yield."""
    found = set[Key]()
    for product in shipped().products.values():
        ruleset = product.version(newest(product.name))
        found |= {(product.name, code) for code in ruleset.reasons.keys() - ruleset.unused_reasons}
    return found - UNREACHED.keys()


def path_of(key: Key) -> Path:
    product, code = key
    return FOLDER / product / f"{code}.txt"


def kept() -> Mapping[Key, str]:
    """The story of each file that is there."""
    files = sorted(FOLDER.glob("*/*.txt"))
    return {(file.parent.name, file.stem): file.read_text("utf-8").split("\n")[1] for file in files}


def printed(key: Key, name: str) -> str:
    """A file: the code, the story, and the letter in both languages or that there is none."""
    _, code = key
    story, verdict = story_named(name), decided_once(name).verdict
    assert verdict is not None, name
    kind = f" {verdict.refer_kind}" if verdict.refer_kind else ""
    head = f"{code} of {story.product}: {verdict.outcome}{kind}\n{name}\n{story.title}\n"
    parts = []
    for language in LANGUAGES:
        made = letter_text(name, language)
        if not made:
            [reason] = [one for one in verdict.reasons if one.code == code]
            told = said(reason.texts, language)
            made = f"No letter: a person reviews it first. The answer says:\n\n{told}\n"
        parts.append(f"\n======== {language} ========\n\n{made}")
    return head + "".join(parts)


def chosen() -> Iterator[tuple[Key, str]]:
    """A story for each code: the one that is kept, else one with a letter and few other reasons."""
    known, found = kept(), dict[Key, list[str]]()
    for name in stories():
        story = story_named(name)
        if story.rules.ruleset.version == newest(story.product):
            for code in codes_of(name):
                found.setdefault((story.product, code), []).append(name)
    for key, names in sorted(found.items()):
        yield key, known[key] if known.get(key) in names else min(names, key=_rank)


def _rank(name: str) -> tuple[bool, int, str]:
    verdict = decided_once(name).verdict
    declines = verdict is not None and verdict.outcome is Outcome.DECLINE
    return not letter_text(name, "en"), len(codes_of(name)) - declines, name


def renew() -> None:
    """Print every file anew, and remove those whose code is no more."""
    stories_of = dict(chosen())
    for key in kept().keys() - stories_of.keys():
        path_of(key).unlink()
    for key, name in stories_of.items():
        path_of(key).parent.mkdir(parents=True, exist_ok=True)
        path_of(key).write_text(printed(key, name), encoding="utf-8")


if __name__ == "__main__":
    renew()
