"""What a letter says of a person's result: that a person looked at it, when, and why."""

from __future__ import annotations

from decision_service.notices.languages.words import Words
from decision_service.notices.model import LetterPart, PersonsResult
from decision_service.notices.values import day_text, said


def person_part(person: PersonsResult, words: Words) -> LetterPart:
    """That a person decided, and whether that confirms or changes what was contested."""
    sentence = words.by_person
    if person.contested:
        sentence = words.changed if person.changed else words.confirmed
    return LetterPart(
        words.reviewed, (sentence.format(reviewed_on=day_text(person.decided_on, words)),)
    )


def persons_reason(person: PersonsResult, language: str, words: Words) -> str:
    """Why in the applicant's words; of a reason that nobody is told, that it can be asked for."""
    return said(person.sentences, language) if person.sentences else words.untold
