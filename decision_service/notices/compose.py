"""From a decision and a product's texts to a letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from decision_service.domain.money import Money, currency_sign
from decision_service.domain.verdict import Offer, Outcome
from decision_service.notices.kinds import kind_of
from decision_service.notices.model import (
    Letter,
    NoticeKind,
    NoticeSubject,
    NoticeTexts,
    Part,
)
from decision_service.notices.words import LANGUAGES, Words


def letter(subject: NoticeSubject, texts: NoticeTexts) -> Letter | None:
    """The letter that is due; None where none is (`kind_of`)."""
    kind = kind_of(subject.verdict)
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
) -> Iterator[Part]:
    verdict = subject.verdict
    if verdict.outcome is Outcome.APPROVE and verdict.offer is not None:
        yield _offer(verdict.offer, subject, texts, words)
    if kind is NoticeKind.ADVERSE_ACTION:
        yield Part(words.reasons, items=_reasons(subject, texts.language))
    if kind is NoticeKind.INCOMPLETE:
        yield Part(words.missing, items=_missing(subject, texts.language, words))
    if verdict.conditions:
        told = tuple(_said(one.texts, texts.language) for one in verdict.conditions)
        yield Part(words.conditions, items=told)
    yield _data(subject, words)
    if subject.again_on is not None:
        again = words.again.format(again_on=_day(subject.again_on, words))
        yield Part(words.recourse, (again,))
    yield Part(words.contest, (texts.contest.format_map(filled),))
    yield Part(words.contact, (texts.contact.format_map(filled),))
    yield Part("", (words.reference.format_map(filled),))


def _offer(offer: Offer, subject: NoticeSubject, texts: NoticeTexts, words: Words) -> Part:
    """Amount, term, instalment and end; of a reduced offer what keeps it from being more."""
    items = [words.amount.format(amount=money_text(offer.approved_amount))]
    if offer.term_months:
        items.append(words.term.format(term=offer.term_months))
    instalment = offer.outputs.get("instalment")
    if isinstance(instalment, Money):
        items.append(words.instalment.format(instalment=money_text(instalment)))
    if subject.expires_on is not None:
        items.append(words.expires.format(expires_on=_day(subject.expires_on, words)))
    lines: tuple[str, ...] = ()
    if offer.binding and subject.asked is not None:
        limit = texts.limits.get(offer.binding, words.other_limit)
        lines = (words.limit.format(asked=money_text(subject.asked), limit=limit),)
    return Part(words.offer, lines, tuple(items))


def _reasons(subject: NoticeSubject, language: str) -> tuple[str, ...]:
    """The principal reasons in order; two with one sentence are told once."""
    told = (_said(one.texts, language) for one in subject.verdict.reasons)
    return tuple(dict.fromkeys(told))


def _missing(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    """The reasons, then what the applicant can do about each cause, each once."""
    causes = (one.missing.cause.value for one in subject.verdict.data_requests)
    remedies = (words.remedies[cause] for cause in causes)
    return tuple(dict.fromkeys((*_reasons(subject, language), *remedies)))


def _data(subject: NoticeSubject, words: Words) -> Part:
    kinds = tuple(words.kinds[kind] for kind in subject.data if kind in words.kinds)
    sources = tuple(
        one.provider
        if one.as_of is None
        else words.source.format(provider=one.provider, as_of=_day(one.as_of, words))
        for one in subject.sources
    )
    return Part(words.data, () if sources else (words.no_data,), (*sources, *kinds))


def _fillings(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> Mapping[str, str]:
    offer = subject.verdict.offer
    return {
        "lender": texts.lender,
        "application_id": subject.application_id or subject.decision_id,
        "decision_id": subject.decision_id,
        "decided_on": _day(subject.decided_on, words),
        "asked": "" if subject.asked is None else money_text(subject.asked),
        "amount": "" if offer is None else money_text(offer.approved_amount),
        "expires_on": "" if subject.expires_on is None else _day(subject.expires_on, words),
    }


def _said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]


def _day(day: date, words: Words) -> str:
    return words.day.format(month=words.months[day.month - 1], day=day.day, year=day.year)


def money_text(amount: Money) -> str:
    """An amount with its currency's sign, and its decimals where there are any."""
    sign, whole = currency_sign(amount.currency), amount.major.to_integral_value()
    return f"{sign} {whole:,.0f}" if whole == amount.major else f"{sign} {amount.major:,}"
