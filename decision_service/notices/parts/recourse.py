"""What a letter says would change the answer."""

from __future__ import annotations

from decision_service.notices.languages.words import Words
from decision_service.notices.model import (
    DisclosedChange,
    DisclosedRecourse,
    LetterPart,
    NoticeTexts,
)
from decision_service.notices.values import day_text, value_text


def recourse_part(
    disclosed: DisclosedRecourse | None, texts: NoticeTexts, words: Words
) -> LetterPart | None:
    """The changes and the day; None where there is nothing to tell, or no words for a change.

    A part of what is needed would not do, so that none of it is told.
    """
    if disclosed is None or any(one.factor not in texts.changes for one in disclosed.changes):
        return None
    wait = words.again.format(again_on=day_text(disclosed.day, words))
    if not disclosed.changes:
        return None if disclosed.day is None else LetterPart(words.recourse, (wait,))
    changes = [_change(one, texts, words) for one in disclosed.changes]
    items = changes if disclosed.day is None else [*changes, wait]
    return LetterPart(words.recourse, (words.changes,), tuple(items))


def _change(one: DisclosedChange, texts: NoticeTexts, words: Words) -> str:
    now, needed = value_text(one.now, words), value_text(one.needed, words)
    return texts.changes[one.factor].format(now=now, needed=needed)
