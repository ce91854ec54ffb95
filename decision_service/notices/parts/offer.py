"""What a letter says of an approval: amount, term, instalment, end, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome
from decision_service.notices.languages.words import Words
from decision_service.notices.model import LetterPart, NoticeSubject, NoticeTexts, PersonsResult
from decision_service.notices.values import end_text, money_text


def granted(subject: NoticeSubject) -> Money | None:
    """The amount that is approved; None where none is or none is named."""
    if subject.person is not None:
        return subject.person.amount
    offer = subject.verdict.offer
    return None if offer is None else offer.approved_amount


def valid_until(subject: NoticeSubject, words: Words) -> str:
    """Until when the approval can be taken up; empty where it has no end."""
    if subject.person is not None:
        return end_text(subject.person.expires, subject.person.decided_on, words)
    return end_text(subject.expires, subject.decided_on, words)


def offer_part(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> LetterPart | None:
    """The offer of an approval by rules, or the amount that a person approved."""
    verdict = subject.verdict
    if subject.person is not None:
        return _by_person(subject, subject.person, words)
    if verdict.outcome is not Outcome.APPROVE or verdict.offer is None:
        return None
    lines: tuple[str, ...] = ()
    if verdict.offer.binding and subject.asked is not None:
        limit = texts.limits.get(verdict.offer.binding, words.other_limit)
        lines = (words.limit.format(asked=money_text(subject.asked), limit=limit),)
    offer, instalment = verdict.offer, verdict.offer.outputs.get("instalment")
    told = instalment if isinstance(instalment, Money) else None
    items = _terms(
        offer.approved_amount, offer.term_months, told, valid_until(subject, words), words
    )
    return LetterPart(words.offer, lines, tuple(items))


def _terms(
    amount: Money, term: int | None, instalment: Money | None, until: str, words: Words
) -> Iterator[str]:
    yield words.amount.format(amount=money_text(amount))
    if term:
        yield words.term.format(term=term)
    if instalment is not None:
        yield words.instalment.format(instalment=money_text(instalment))
    if until:
        yield words.expires.format(expires_on=until)


def _by_person(subject: NoticeSubject, person: PersonsResult, words: Words) -> LetterPart | None:
    """What a person approved, on the product's terms for that amount."""
    if person.amount is None:
        return None
    reduced = (words.person_limit.format(asked=money_text(subject.asked)),)
    lines = reduced if subject.is_reduced else ()
    until = valid_until(subject, words)
    items = _terms(person.amount, person.term_months, person.instalment, until, words)
    return LetterPart(words.offer, lines, tuple(items))
