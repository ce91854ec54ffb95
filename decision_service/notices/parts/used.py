"""Which information a decision used, and from whom."""

from __future__ import annotations

from decision_service.notices.languages.words import Words
from decision_service.notices.model import LetterPart, NoticeSubject, SourceUsed
from decision_service.notices.values import day_text


def used_part(subject: NoticeSubject, words: Words) -> LetterPart:
    """The sources with their days, the kinds of data, and what a person was shown."""
    kinds = [words.kinds[kind] for kind in subject.data if kind in words.kinds]
    sources = [_source(one, words) for one in subject.sources]
    shown = [] if subject.person is None else [words.shown]
    return LetterPart(words.data, () if sources else (words.no_data,), (*sources, *kinds, *shown))


def _source(one: SourceUsed, words: Words) -> str:
    provider = one.provider or words.documents
    if one.as_of is None:
        return provider
    return words.source.format(provider=provider, as_of=day_text(one.as_of, words))
