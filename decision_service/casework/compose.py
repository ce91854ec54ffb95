"""From a decision and a product's texts to a letter, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from textwrap import fill

from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rules.letter_words import (
    LANGUAGES,
    Words,
    day_text,
    money_text,
    said,
    value_text,
)
from decision_service.rules.letters import (
    Letter,
    LetterPart,
    NoticeKind,
    NoticeSubject,
    NoticeTexts,
    PersonsResult,
    SourceUsed,
    granted,
    offer_part,
    price_fillings,
    valid_until,
)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto;
  padding: 2rem 1.25rem; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p, ul { margin: .3rem 0; } .lender { font-weight: 600; } .reference { margin-top: 1.6rem; }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""

COLUMNS = 78


def kind_of(subject: NoticeSubject) -> NoticeKind | None:
    """The kind of letter that is due; None while a person reviews, and for one not decided here.

    A person's result counts in place of the decision's. A referral for missing data is an
    incomplete application; any other referral waits for its review.
    """
    verdict, person = subject.verdict, subject.person
    match verdict.outcome if person is None else person.outcome:
        case Outcome.DECLINE:
            return NoticeKind.ADVERSE_ACTION
        case Outcome.APPROVE:
            return NoticeKind.COUNTER_OFFER if subject.is_reduced else NoticeKind.APPROVAL
        case Outcome.REFER if verdict.refer_kind is ReferKind.DATA:
            return NoticeKind.INCOMPLETE
    return None


def _person_part(person: PersonsResult, words: Words) -> LetterPart:
    """That a person decided, and whether that confirms or changes what was contested."""
    sentence = words.by_person
    if person.contested:
        sentence = words.changed if person.changed else words.confirmed
    return LetterPart(
        words.reviewed, (sentence.format(reviewed_on=day_text(person.decided_on, words)),)
    )


def _recourse_part(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> LetterPart | None:
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
    asked, term = money_text(subject.asked) or words.application, subject.asked_term
    rests = words.rests.format(
        asked=words.over.format(asked=asked, term=term) if term else asked,
        decided_on=day_text(subject.decided_on, words),
    )
    if not disclosed.changes:
        return None if disclosed.day is None else LetterPart(words.recourse, (wait, rests))
    changes = [
        texts.changes[one.factor].format(
            now=value_text(one.now, words), needed=value_text(one.needed, words)
        )
        for one in disclosed.changes
    ]
    items = changes if disclosed.day is None else [*changes, wait]
    return LetterPart(words.recourse, (words.changes, rests), tuple(items))


def _used_part(subject: NoticeSubject, words: Words) -> LetterPart:
    kinds = [words.kinds[kind] for kind in subject.data if kind in words.kinds]
    sources = [_source(one, words) for one in subject.sources]
    shown = [] if subject.person is None else [words.shown]
    return LetterPart(words.data, () if sources else (words.no_data,), (*sources, *kinds, *shown))


def _source(one: SourceUsed, words: Words) -> str:
    provider = one.provider or words.documents
    if one.as_of is None:
        return provider
    return words.source.format(provider=provider, as_of=day_text(one.as_of, words))


def letter(subject: NoticeSubject, texts: NoticeTexts) -> Letter | None:
    kind = kind_of(subject)
    if kind is None:
        return None
    words, own = LANGUAGES[texts.language], texts.kinds[kind]
    filled = {
        "lender": texts.lender,
        "application_id": subject.application_id or subject.decision_id,
        "decision_id": subject.decision_id,
        "decided_on": day_text(subject.decided_on, words),
        "asked": money_text(subject.asked),
        "amount": money_text(granted(subject)),
        "expires_on": valid_until(subject, words),
        **price_fillings(subject),
    }
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
        yield _person_part(subject.person, words)
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
    yield _used_part(subject, words)
    recourse = _recourse_part(subject, texts, words)
    if recourse is not None:
        yield recourse
    heading, own = words.contest, texts.contest
    if subject.person is not None:
        heading, own = words.contest_again, texts.contest_again or texts.contest
    yield LetterPart(heading, (own.format_map(filled),))
    yield LetterPart(words.contact, (texts.contact.format_map(filled),))
    yield LetterPart("", (words.reference.format_map(filled),))


def _reasons(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    """A person's reason, else the principal ones in order, each sentence once."""
    if subject.person is not None and subject.person.outcome is Outcome.DECLINE:
        sentences = subject.person.sentences  # none where the reason is withheld
        return (said(sentences, language) if sentences else words.untold,)
    return tuple(dict.fromkeys(said(one.texts, language) for one in subject.verdict.reasons))


def _missing(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    remedies: dict[str, dict[str, None]] = {}
    for one in subject.lacks:
        named = one.provider or (words.kinds[one.kind] if one.kind else "")
        remedies.setdefault(words.remedies[one.cause], {})[named] = None
    what_to_do = (
        f"{remedy} ({', '.join(filter(None, of))})" if any(of) else remedy
        for remedy, of in remedies.items()
    )
    return (*_reasons(subject, language, words), *what_to_do)


def html(letter: Letter) -> str:
    title, body = escape(letter.title), "".join(map(_section, letter.parts))
    closing = f"<p>{escape(letter.closing)}</p>" if letter.closing else ""
    return (
        f'<!doctype html>\n<html lang="{escape(letter.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="lender">{escape(letter.lender)}</p><h1>{title}</h1>'
        f"<p>{escape(letter.opening)}</p>{body}{closing}</main></body></html>\n"
    )


def _section(part: LetterPart) -> str:
    if not part.heading:
        return "".join(f'<p class="reference">{escape(line)}</p>\n' for line in part.lines)
    content = "".join(f"<p>{escape(line)}</p>" for line in part.lines)
    if part.items:
        content += f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in part.items)}</ul>"
    return f"<section><h2>{escape(part.heading)}</h2>{content}</section>\n"


def text(letter: Letter) -> str:
    """The whole letter, ending in a line break."""
    blocks = [letter.lender, letter.title, letter.opening]
    parts = map(_block, letter.parts)
    closing = [letter.closing] if letter.closing else []
    return "\n\n".join([*map(_wrapped, blocks), *parts, *map(_wrapped, closing)]) + "\n"


def _block(part: LetterPart) -> str:
    lines = [part.heading] if part.heading else []
    lines += [_wrapped(line) for line in part.lines]
    lines += [_wrapped(item, "- ", "  ") for item in part.items]
    return "\n".join(lines)


def _wrapped(line: str, first: str = "", rest: str = "") -> str:
    return fill(
        line,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
