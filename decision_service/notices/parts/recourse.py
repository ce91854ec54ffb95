"""What a letter says would change the answer."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.notices.languages.words import Words
from decision_service.notices.model import (
    DisclosedChange,
    LetterPart,
    NoticeSubject,
    NoticeTexts,
)
from decision_service.notices.values import day_text, money_text, value_text


def recourse_part(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> LetterPart | None:
    """The changes and the day; None where there is nothing to tell, or no words for a change.

    A part of what is needed would not do, so that none of it is told. A person who confirms a
    decline has not looked at what an earlier letter said.
    """
    person, disclosed = subject.person, subject.recourse
    if person is not None and person.contested and person.outcome is Outcome.DECLINE:
        return LetterPart(words.recourse, (words.by_rules_alone,))
    if disclosed is None or any(one.factor not in texts.changes for one in disclosed.changes):
        return None
    wait = words.again.format(again_on=day_text(disclosed.day, words))
    rests = _rests(subject, words)
    if not disclosed.changes:
        return None if disclosed.day is None else LetterPart(words.recourse, (wait, rests))
    changes = [_change(one, texts, words) for one in disclosed.changes]
    items = changes if disclosed.day is None else [*changes, wait]
    return LetterPart(words.recourse, (words.changes, rests), tuple(items))


def _rests(subject: NoticeSubject, words: Words) -> str:
    """For which application, and on the records of which day, it was worked out."""
    asked, term = money_text(subject.asked) or words.application, subject.asked_term
    return words.rests.format(
        asked=words.over.format(asked=asked, term=term) if term else asked,
        decided_on=day_text(subject.decided_on, words),
    )


def _change(one: DisclosedChange, texts: NoticeTexts, words: Words) -> str:
    now, needed = value_text(one.now, words), value_text(one.needed, words)
    return texts.changes[one.factor].format(now=now, needed=needed)
