"""From a decision and a product's texts to a letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from decision_service.domain.verdict import Outcome
from decision_service.notices.kinds import kind_of
from decision_service.notices.languages.known import LANGUAGES
from decision_service.notices.languages.words import Words
from decision_service.notices.model import (
    Letter,
    LetterPart,
    NoticeKind,
    NoticeSubject,
    NoticeTexts,
)
from decision_service.notices.parts.offer import (
    granted,
    offer_part,
    price_fillings,
    valid_until,
)
from decision_service.notices.parts.person import person_part, persons_reason
from decision_service.notices.parts.recourse import recourse_part
from decision_service.notices.parts.used import used_part
from decision_service.notices.values import day_text, money_text, said


def letter(subject: NoticeSubject, texts: NoticeTexts) -> Letter | None:
    """The letter that is due; None where none is (`kind_of`)."""
    kind = kind_of(subject)
    if kind is None:
        return None
    words, own = LANGUAGES[texts.language], texts.kinds[kind]
    filled = _fillings(subject, texts, words)
    return Letter(
        kind=kind,
        language=texts.language,
        title=own.title.format_map(filled),
        lender=texts.lender.format_map(filled),
        opening=own.opening.format_map(filled),
        parts=tuple(_parts(kind, subject, texts, words, filled)),
        closing=own.closing.format_map(filled),
    )


def _parts(
    kind: NoticeKind,
    subject: NoticeSubject,
    texts: NoticeTexts,
    words: Words,
    filled: Mapping[str, str],
) -> Iterator[LetterPart]:
    if subject.person is not None:
        yield person_part(subject.person, words)
    offer = offer_part(subject, texts, words, filled)
    if offer is not None:
        yield offer
    if kind is NoticeKind.ADVERSE_ACTION:
        yield LetterPart(words.reasons, items=_reasons(subject, texts.language, words))
    if kind is NoticeKind.INCOMPLETE:
        yield LetterPart(words.missing, items=_missing(subject, texts.language, words))
    if kind is not NoticeKind.ADVERSE_ACTION and subject.verdict.conditions:
        conditions = (said(one.texts, texts.language) for one in subject.verdict.conditions)
        yield LetterPart(words.conditions, items=tuple(conditions))
    yield used_part(subject, words)
    recourse = recourse_part(subject, texts, words)
    if recourse is not None:
        yield recourse
    yield _contest(subject, texts, words, filled)
    yield LetterPart(words.contact, (texts.contact.format_map(filled),))
    yield LetterPart("", (words.reference.format_map(filled),))


def _contest(
    subject: NoticeSubject, texts: NoticeTexts, words: Words, filled: Mapping[str, str]
) -> LetterPart:
    if subject.person is None:
        return LetterPart(words.contest, (texts.contest.format_map(filled),))
    own = texts.contest_again or texts.contest
    return LetterPart(words.contest_again, (own.format_map(filled),))


def _reasons(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    """A person's reason, else the principal ones in order; two with one sentence are told once."""
    if subject.person is not None and subject.person.outcome is Outcome.DECLINE:
        return (persons_reason(subject.person, language, words),)
    told = (said(one.texts, language) for one in subject.verdict.reasons)
    return tuple(dict.fromkeys(told))


def _missing(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    """The reasons, then what the applicant can do about each cause, each once with its sources."""
    remedies: dict[str, dict[str, None]] = {}
    for one in subject.lacks:
        named = one.provider or (words.kinds[one.kind] if one.kind else "")
        remedies.setdefault(words.remedies[one.cause], {})[named] = None
    told = (
        f"{remedy} ({', '.join(filter(None, of))})" if any(of) else remedy
        for remedy, of in remedies.items()
    )
    return (*_reasons(subject, language, words), *told)


def _fillings(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> Mapping[str, str]:
    return {
        "lender": texts.lender,
        "application_id": subject.application_id or subject.decision_id,
        "decision_id": subject.decision_id,
        "decided_on": day_text(subject.decided_on, words),
        "asked": money_text(subject.asked),
        "amount": money_text(granted(subject)),
        "expires_on": valid_until(subject, words),
        **price_fillings(subject),
    }
