"""From a decision and a product's texts to a letter, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from textwrap import fill

import msgspec

from decision_service.build import templates
from decision_service.casework.recourse import Recourse
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import OfferKind, Outcome, Price, ReferKind, Verdict
from decision_service.domain.factor import Value
from decision_service.domain.values import Cause, Money, currency_sign
from decision_service.rules.language.values import exactly
from decision_service.rules.letters import LATE, PRICE, NoticeKind, NoticeTexts, Words, words_in

COLUMNS = 78
_WEEKS_A_MONTH = Decimal(52) / 12
_ROUNDS = 200


class SourceUsed(msgspec.Struct, frozen=True, order=True):
    """An account used, by its provider's name (empty for own papers), and its data's last day."""

    provider: str
    as_of: date | None


class Lack(msgspec.Struct, frozen=True):
    """Why a value is missing, and of what: its provider's name, else the kind of data."""

    cause: Cause
    provider: str = ""
    kind: Kind | None = None


class PersonsResult(msgspec.Struct, frozen=True):
    """What a person decided, and why in words by language; none where it is withheld.

    `contested` says that the applicant had asked for it, `changed` that something else stood.
    `expires` is when an approval ends, in the product's zone.
    """

    outcome: Outcome
    decided_on: date
    sentences: Mapping[str, str] = msgspec.field(default_factory=dict)
    amount: Money | None = None
    term_months: int | None = None
    price: Price | None = None
    expires: datetime | None = None
    contested: bool = False
    changed: bool = False


class Approval(msgspec.Struct, frozen=True):
    """What a person or the rules approved; no `price` where no rules can price it."""

    amount: Money
    term: int | None
    price: Price | None


class NoticeSubject(msgspec.Struct, frozen=True):
    """The decision that a letter is about; a result of `person` replaces its own.

    `data` are the kinds of data that were read, as the vendor names them; `lacks` is what is
    missing. `expires` is when the offer ends, in the product's zone. `recourse` is what may be
    disclosed. `kept_months` is for how long a decision is kept after its loan is closed, 0 where
    that is not to be said.
    """

    decision_id: str
    application_id: str
    decided_on: date
    asked: Money | None
    verdict: Verdict
    asked_term: int | None = None
    sources: tuple[SourceUsed, ...] = ()
    data: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()
    expires: datetime | None = None
    recourse: Recourse | None = None
    person: PersonsResult | None = None
    kept_months: int = 0

    @property
    def is_reduced(self) -> bool:
        if self.person is not None:
            amount = self.person.amount
            return amount is not None and self.asked is not None and amount < self.asked
        offer = self.verdict.offer
        return offer is not None and offer.kind is OfferKind.REDUCED

    @property
    def approval(self) -> Approval | None:
        """The offer of a referral is approved by none."""
        person, offer = self.person, self.verdict.offer
        if person is not None and person.amount is not None:
            return Approval(person.amount, person.term_months, person.price)
        if person is None and offer and self.verdict.outcome is Outcome.APPROVE:
            return Approval(offer.approved_amount, offer.term_months, offer.price)
        return None

    def valid_until(self, words: Words) -> str:
        """The last whole day before the end; on the last day itself the hour of the end too."""
        decided_on, end = self.decided_on, self.expires
        if self.person is not None:
            decided_on, end = self.person.decided_on, self.person.expires
        if end is None:
            return ""
        last = end.date() - timedelta(days=1)
        return (
            f"{day_text(end, words)}, {end:%H:%M}" if last < decided_on else day_text(last, words)
        )


class LetterPart(msgspec.Struct, frozen=True):
    heading: str
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


class Letter(msgspec.Struct, frozen=True):
    kind: NoticeKind
    language: str
    title: str
    lender: str
    opening: str
    parts: tuple[LetterPart, ...]
    closing: str


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


def letter(subject: NoticeSubject, texts: NoticeTexts) -> Letter | None:
    kind = kind_of(subject)
    if kind is None:
        return None
    words, own, approval = words_in(texts.language), texts.kinds[kind], subject.approval
    filled = {
        "lender": texts.lender,
        "application_id": subject.application_id or subject.decision_id,
        "decision_id": subject.decision_id,
        "decided_on": day_text(subject.decided_on, words),
        "asked": money_text(subject.asked),
        "amount": money_text(approval.amount if approval else None),
        "expires_on": subject.valid_until(words),
        "kept_months": str(subject.kept_months or ""),
        **_price(approval.price if approval else None),
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


def _price(price: Price | None) -> Mapping[str, str]:
    """The text of each placeholder of the price; empty where no rules can price the approval."""
    if price is None:
        return dict.fromkeys((*PRICE, *LATE), "")
    return {
        "monthly_rate": percent_text(price.monthly_rate),
        "fees": money_text(price.fees),
        "paid_out": money_text(price.paid_out),
        "effective_rate": percent_text(effective_rate(price)),
        "instalment": money_text(price.instalment),
        "instalments": str(price.instalments),
        "total": money_text(price.total),
        "late_penalty": "" if price.late_penalty is None else percent_text(price.late_penalty),
        "most_total_cost": money_text(price.most_total_cost),
    }


def _parts(
    kind: NoticeKind,
    subject: NoticeSubject,
    texts: NoticeTexts,
    words: Words,
    filled: Mapping[str, str],
) -> Iterator[LetterPart]:
    person, verdict = subject.person, subject.verdict
    if person is not None:
        sentence = words.by_person
        if person.contested:
            sentence = words.changed if person.changed else words.confirmed
        looked = sentence.format(reviewed_on=day_text(person.decided_on, words))
        yield LetterPart(words.reviewed, (looked,))
    if subject.approval is not None:
        limit = _limit(subject, texts, words)
        items = tuple(_offered(subject.approval, texts, words, filled))
        yield LetterPart(words.offer, (limit,) if limit else (), items)
    if kind is NoticeKind.ADVERSE_ACTION:
        yield LetterPart(words.reasons, items=_reasons(subject, texts.language, words))
    if kind is NoticeKind.INCOMPLETE:
        yield LetterPart(words.missing, items=_missing(subject, texts.language, words))
    if kind is not NoticeKind.ADVERSE_ACTION and verdict.conditions:
        conditions = (said(one.texts, texts.language) for one in verdict.conditions)
        yield LetterPart(words.conditions, items=tuple(conditions))
    used = [_source(one, words) for one in subject.sources]
    kinds = [words.kinds[kind] for kind in subject.data if kind in words.kinds]
    shown = [] if person is None else [words.shown]
    yield LetterPart(words.data, () if used else (words.no_data,), (*used, *kinds, *shown))
    yield from _recourse(subject, texts, words)
    heading, own = words.contest, texts.contest
    if person is not None:
        heading, own = words.contest_again, texts.contest_again or texts.contest
    yield LetterPart(heading, (own.format_map(filled),))
    yield LetterPart(words.contact, (texts.contact.format_map(filled),))
    yield LetterPart("", (words.reference.format_map(filled),))


def _limit(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> str:
    """Why less than what was asked for is approved; empty where it is not less."""
    asked, offer = money_text(subject.asked), subject.verdict.offer
    if subject.person is not None:
        return words.person_limit.format(asked=asked) if subject.is_reduced else ""
    if offer is None or not (offer.binding and asked):
        return ""
    return words.limit.format(asked=asked, limit=texts.limits.get(offer.binding, words.other_limit))


def _offered(
    approval: Approval, texts: NoticeTexts, words: Words, filled: Mapping[str, str]
) -> Iterator[str]:
    yield words.amount.format_map(filled)
    if approval.term:
        yield words.term.format(term=approval.term, s="s" * (approval.term > 1))
    if approval.price is not None:
        # A version of before says nothing of penalties: their lines are left out
        lacking = [f"{{{name}}}" for name in (*LATE, "kept_months") if not filled[name]]
        for line in texts.price:
            if not any(name in line for name in lacking):
                yield line.format_map(filled)
    if filled["expires_on"]:
        yield words.expires.format_map(filled)


def _source(one: SourceUsed, words: Words) -> str:
    provider = one.provider or words.documents
    if one.as_of is None:
        return provider
    return words.source.format(provider=provider, as_of=day_text(one.as_of, words))


def _recourse(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> Iterator[LetterPart]:
    """The changes and the day; nothing where there is nothing to say, or no words for a change.

    A part of what is needed would not do, so that none of it is said. A person who confirms a
    decline has not looked at what an earlier letter said.
    """
    person, recourse = subject.person, subject.recourse
    if person is not None and person.contested and person.outcome is Outcome.DECLINE:
        yield LetterPart(words.recourse, (words.by_rules_alone,))
        return
    if recourse is None or any(one.factor not in texts.changes for one in recourse.changes):
        return
    asked, term = money_text(subject.asked) or words.application, subject.asked_term
    rests = words.rests.format(
        asked=words.over.format(asked=asked, term=term, s="s" * (term > 1)) if term else asked,
        decided_on=day_text(subject.decided_on, words),
    )
    changes = [
        texts.changes[one.factor].format(
            now=value_text(one.now, words), needed=value_text(one.needed, words)
        )
        for one in recourse.changes
    ]
    wait = [words.again.format(again_on=day_text(recourse.day, words))] if recourse.day else []
    if changes:
        yield LetterPart(words.recourse, (words.changes, rests), (*changes, *wait))
    elif wait:
        yield LetterPart(words.recourse, (*wait, rests))


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
        remedies.setdefault(words.remedies.get(one.cause, words.later), {})[named] = None
    what_to_do = (
        f"{remedy} ({', '.join(filter(None, of))})" if any(of) else remedy
        for remedy, of in remedies.items()
    )
    return (*_reasons(subject, language, words), *what_to_do)


def said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]


def day_text(day: date | None, words: Words) -> str:
    if day is None:
        return ""
    return words.day.format(month=words.months[day.month - 1], day=day.day, year=day.year)


def money_text(amount: Money | None) -> str:
    """An amount with its sign, never parted, and decimals where there are any; empty for none."""
    if amount is None:
        return ""
    sign, whole = currency_sign(amount.currency), amount.major.to_integral_value()
    number = f"{whole:,.0f}" if whole == amount.major else f"{amount.major:,}"
    return f"{sign}\N{NO-BREAK SPACE}{number}"


def percent_text(share: Decimal) -> str:
    return f"{(share * 100).quantize(Decimal('0.01')).normalize():f}%"


def value_text(value: Value, words: Words) -> str:
    if isinstance(value, Money):
        return money_text(value)
    if isinstance(value, date):
        return day_text(value, words)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def effective_rate(price: Price) -> Decimal:
    """The share a month that discounts all instalments to what is paid out.

    The i of paid_out = sum of payment_k / (1 + i)^k over the k-th month: the effective interest
    rate of BSP Circular 730, as in PFRS 9. Of weekly payments it is the week's, compounded over 52
    weeks in 12 months. Newton's method from 0 rises to it, since the sum falls ever more slowly.
    """
    payments = [Decimal(price.instalment.minor)] * (price.instalments - 1)
    payments.append(Decimal(price.total.minor) - sum(payments))
    with exactly():
        rate = Decimal(0)
        for _ in range(_ROUNDS):
            worth, slope, discount = Decimal(-price.paid_out.minor), Decimal(0), Decimal(1)
            for number, payment in enumerate(payments, 1):
                discount /= 1 + rate
                worth += payment * discount
                slope += number * payment * discount / (1 + rate)
            before, rate = rate, rate + max(worth / slope, Decimal(0))
            if rate == before:
                break
        return (1 + rate) ** _WEEKS_A_MONTH - 1 if price.weekly else rate


_FORMS = templates(__package__, "letter")
_FORMS.filters["wrapped"] = partial(
    fill, width=COLUMNS, break_long_words=False, break_on_hyphens=False
)


def html(letter: Letter) -> str:
    return _FORMS.get_template("letter.html").render(letter=letter)


def text(letter: Letter) -> str:
    """The whole letter, ending in a line break."""
    return _FORMS.get_template("letter.txt").render(letter=letter)
