"""From a decision and a product's texts to a letter, as plain text and as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from textwrap import fill

import msgspec
from msgspec.structs import replace

from decision_service.build import templates
from decision_service.casework.named import Linked, LinkResult, Loan, Named, ReadData
from decision_service.casework.recourse import Recourse
from decision_service.domain.accounts import INCOME_KINDS, Kind, remedy_of
from decision_service.domain.decision import (
    Component,
    OfferKind,
    Outcome,
    Price,
    Reason,
    ReferKind,
    Verdict,
)
from decision_service.domain.factor import Value
from decision_service.domain.values import Cause, DataReason, Money, Month, currency_sign
from decision_service.rules.language.values import exactly
from decision_service.rules.letters import LATE, PRICE, NoticeKind, NoticeTexts, Words, words_in

COLUMNS = 78
_CONNECT = frozenset(
    {Cause.NO_DATA, Cause.NOT_CONNECTED, Cause.NO_EVIDENCE, Cause.UNKNOWN_PROVIDER}
)
"""Causes that another account would mend."""
_TOO_SHORT = frozenset({Cause.SHORT_HISTORY, Cause.DIVISION_BY_ZERO})
"""Causes by which there is some data, and not enough of it."""
_ON_PAPER = INCOME_KINDS | {Kind.EMPLOYMENTS}
"""What a document can show, and the rules then count as shown by one."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OF_TWO_PERIODS = 4
"""Days that begin or end one of two periods."""
_WEEKS_A_MONTH = Decimal(52) / 12
_ROUNDS = 200


class SourceUsed(msgspec.Struct, frozen=True, order=True):
    """An account used, by its provider's name (empty for own papers), and its data's last day."""

    provider: str
    as_of: date | None


class Lack(msgspec.Struct, frozen=True):
    """Why a value is missing, and of what: its provider's name, else the kind of data.

    `code` is the reason's, `error` the vendor's of the account; `month` is open until `due`.
    """

    cause: Cause
    provider: str = ""
    kind: Kind | None = None
    code: DataReason | None = None
    error: str = ""
    month: Month | None = None
    due: date | None = None


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

    `data` are the kinds of data that were read, as the vendor names them; `own_records` says that
    this lender's own were. `lacks` is what is missing. `expires` is when the offer ends, in the
    product's zone. `recourse` is what may be disclosed. `kept_months` is for how long a decision is
    kept after its loan is closed, 0 where that is not to be said. `look_minutes` is after how many
    minutes the service looks by itself for what is missing, 0 where it does not. `read` is what the
    reading named, None where it is erased. `connect` are the vendor's types of providers of which
    an account would help.
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
    own_records: bool = False
    look_minutes: int = 0
    read: ReadData | None = None
    connect: tuple[str, ...] = ()

    @property
    def has_documents(self) -> bool:
        """Whether the applicant has handed in papers that were used."""
        return any(not one.provider for one in self.sources)

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
        person = self.person
        offer = self.verdict.offer
        if person is not None and person.amount is not None:
            return Approval(person.amount, person.term_months, person.price)
        if person is None and offer and self.verdict.outcome is Outcome.APPROVE:
            return Approval(offer.approved_amount, offer.term_months, offer.price)
        return None

    def valid_until(self, words: Words) -> str:
        """The last whole day before the end; on the last day itself the hour of the end too."""
        decided_on = self.decided_on
        end = self.expires
        if self.person is not None:
            decided_on = self.person.decided_on
            end = self.person.expires
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
    verdict = subject.verdict
    person = subject.person
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
    words = words_in(texts.language)
    own = texts.kinds[kind]
    approval = subject.approval
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
        parts=tuple(_parts(kind, subject, texts, words=words, filled=filled)),
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
    person = subject.person
    verdict = subject.verdict
    if person is not None:
        sentence = words.by_person
        if person.contested:
            sentence = words.changed if person.changed else words.confirmed
        looked = sentence.format(reviewed_on=day_text(person.decided_on, words))
        yield LetterPart(words.reviewed, (looked,))
    if subject.approval is not None:
        limit = _limit(subject, texts, words)
        items = tuple(_offered(subject.approval, texts, words, filled=filled))
        yield LetterPart(words.offer, (limit,) if limit else (), items)
    if kind is NoticeKind.ADVERSE_ACTION:
        yield LetterPart(words.reasons, items=_reasons(subject, texts.language, words))
    if kind is NoticeKind.INCOMPLETE:
        yield from _incomplete(subject, texts.language, words)
    # A referral has conditions of its offer too, and is no promise of a payout (0180).
    if subject.approval is not None and verdict.conditions:
        conditions = (said(one.texts, texts.language) for one in verdict.conditions)
        yield LetterPart(words.conditions, items=tuple(conditions))
    linked = () if subject.read is None or person is not None else subject.read.linked
    if linked:
        helps = kind is NoticeKind.INCOMPLETE
        items = tuple(_link_text(one, words, helps=helps) for one in linked)
        yield LetterPart(words.linked, items=items)
    yield _data_used(subject, words)
    yield from _recourse(subject, texts, words)
    heading = words.contest
    own = texts.contest
    if person is not None:
        heading = words.contest_again
        own = texts.contest_again or texts.contest
    yield LetterPart(heading, (own.format_map(filled),))
    yield LetterPart(words.contact, (texts.contact.format_map(filled),))
    yield LetterPart("", (words.reference.format_map(filled),))


def _limit(subject: NoticeSubject, texts: NoticeTexts, words: Words) -> str:
    """Why less than what was asked for is approved; empty where it is not less."""
    asked = money_text(subject.asked)
    offer = subject.verdict.offer
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
    """The changes and the day; nothing where there is nothing to say, or no words for a change."""
    person = subject.person
    recourse = subject.recourse
    # A person who confirms a decline has not looked at what an earlier letter said.
    if person is not None and person.contested and person.outcome is Outcome.DECLINE:
        yield LetterPart(words.recourse, (words.by_rules_alone,))
        return
    # A part of what is needed would not do, so that none of it is said.
    if recourse is None or any(one.factor not in texts.changes for one in recourse.changes):
        return
    asked = money_text(subject.asked) or words.application
    term = subject.asked_term
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


def _data_used(subject: NoticeSubject, words: Words) -> LetterPart:
    used = [_source(one, words) for one in subject.sources]
    loans = subject.read.loans if subject.read else ()
    for kind in (kind for kind in subject.data if kind in words.kinds):
        named = _listed([_loan_text(loan, words) for loan in loans], words.and_)
        of_loans = named and kind == Kind.LIABILITIES
        said_of = words.kinds[kind]
        used.append(words.loans.format(kind=said_of, names=named) if of_loans else said_of)
    if subject.own_records:
        used.append(words.own_records)
    if subject.person is not None:
        used.append(words.shown)
    return LetterPart(words.data, () if subject.sources else (words.no_data,), tuple(used))


def _link_text(one: Linked, words: Words, *, helps: bool) -> str:
    """What an account that was linked lately did; what mends one that failed, where it `helps`."""
    data = _listed([words.kinds[kind] for kind in one.data], words.and_)
    line = words.links[one.result].format(
        provider=one.provider, day=day_text(one.day, words), data=data
    )
    if not helps or one.result is not LinkResult.FAILED:
        return line
    return words.attempted.format(line=line, advice=words.attempts[remedy_of(one.error)])


def _reasons(subject: NoticeSubject, language: str, words: Words) -> tuple[str, ...]:
    """A person's reason, else the principal ones in order, each sentence once."""
    if subject.person is not None and subject.person.outcome is Outcome.DECLINE:
        # There are none where the reason is withheld: it may be a signal of fraud (0181).
        sentences = subject.person.sentences
        return (said(sentences, language) if sentences else words.untold,)
    return _sentences(subject.verdict.reasons, subject, language, words=words)


def _sentences(
    reasons: Iterable[Reason], subject: NoticeSubject, language: str, words: Words
) -> tuple[str, ...]:
    every = (_sentence(one, subject, language, words=words) for one in reasons)
    return tuple(dict.fromkeys(sentence for several in every for sentence in several))


def _sentence(reason: Reason, subject: NoticeSubject, language: str, words: Words) -> Iterator[str]:
    """A reason in words, with what stands behind it and the day that it shows."""
    lacks = [one for one in _lacks(subject) if one.code == reason.code]
    if reason.code == DataReason.NOT_YET_POSTED and lacks:
        yield from (_open_month(one, words) for one in sorted(lacks, key=_by_month))
        return
    named = subject.read.reasons.get(reason.code) if subject.read else None
    names = [] if named is None else [*_names(named, words)]
    if reason.code == DataReason.DATA_MISSING:
        names += dict.fromkeys(_lacking(one, words) for one in lacks if not one.provider)
    if isinstance(reason.required_value, date):
        names = [day_text(reason.required_value, words)]
    sentence = said(reason.texts, language)
    if reason.code == DataReason.PAYSLIPS_OVERLAP:
        sentence = _with_days(sentence, words)
    if not names:
        yield sentence
    else:
        yield words.named.format(sentence=sentence, names=_listed(names, words.and_))


def _with_days(sentence: str, words: Words) -> str:
    """With two periods that end it as a person writes their days."""
    days = [day_text(date.fromisoformat(one), words) for one in _DAY.findall(sentence)]
    if len(days) != _OF_TWO_PERIODS:
        return sentence
    first = " \N{EN DASH} ".join(days[:2])
    second = " \N{EN DASH} ".join(days[2:])
    return f"{sentence.partition(':')[0]}: {first}; {second}"


def _lacking(lack: Lack, words: Words) -> str:
    """What kind of data lacks, and whether it is all of it."""
    if lack.kind is None:
        return words.what_is_sent
    kind = words.what["income"] if lack.kind in INCOME_KINDS else words.kinds[lack.kind]
    return words.long_enough.format(kind=kind) if lack.cause in _TOO_SHORT else kind


def _names(named: Named, words: Words) -> Iterator[str]:
    yield from (_loan_text(one, words) for one in named.loans)
    yield from (words.debts[one] for one in named.debts)
    yield from named.employers
    sources = [one or words.documents for one in named.sources]
    if named.of_birth and sources:
        yield words.birth_date.format(sources=_listed(sources, words.and_))
    else:
        yield from sources


def _loan_text(loan: Loan, words: Words) -> str:
    return words.loan.format(scheme=loan.scheme, type=loan.type)


def _lacks(subject: NoticeSubject) -> Iterator[Lack]:
    """What is missing; of a kind that the accounts gave, what is missing comes with time."""
    for one in subject.lacks:
        given = one.kind is not None and one.kind.value in subject.data
        came = given and one.cause is Cause.NO_DATA and not one.provider
        yield replace(one, cause=Cause.SHORT_HISTORY) if came else one


def _by_month(lack: Lack) -> int:
    return 0 if lack.month is None else lack.month.index


def _open_month(lack: Lack, words: Words) -> str:
    what = words.what["contributions" if lack.kind is Kind.CONTRIBUTIONS else "income"]
    at = words.at.format(provider=lack.provider) if lack.provider else ""
    return words.not_posted.format(what=what, month=_month_text(lack.month, words), at=at)


def _incomplete(subject: NoticeSubject, language: str, words: Words) -> Iterator[LetterPart]:
    """What is missing and what helps; apart what a person weighs who looks at the application."""
    missing: list[Reason] = []
    also: list[Reason] = []
    for reason in subject.verdict.reasons:
        whole = reason.component in {Component.DATA, Component.KNOCKOUT}
        (missing if whole else also).append(reason)
    what = _sentences(missing, subject, language, words=words)
    helps = tuple(dict.fromkeys(_remedies(subject, words)))
    yield LetterPart(words.missing, items=(*what, *helps))
    if also:
        yield LetterPart(words.also, items=_sentences(also, subject, language, words=words))


def _remedies(subject: NoticeSubject, words: Words) -> Iterator[str]:
    """What helps, each thing once, with all that it helps for."""
    lacks = [*_lasting(list(_lacks(subject)))]
    # What an account that is connected does not show of its own records, another one would not
    wanted = [one for one in lacks if one.cause in _CONNECT and not one.provider]
    by_remedy: dict[str, list[Lack]] = {}
    for one in sorted((one for one in lacks if one not in wanted), key=_by_month):
        by_remedy.setdefault(_remedy(one, subject, words), []).append(one)
    again = words.looks_again.format(minutes=subject.look_minutes)
    for remedy, of in by_remedy.items():
        yield remedy.format(
            of=_concerned(of, words),
            again=again if subject.look_minutes else words.person_looks,
            then=words.decides_again if subject.look_minutes else words.apply_again,
            month=_month_text(of[0].month, words),
            due=day_text(of[0].due, words),
        )
    unknown = subject.read.unknown if subject.read else ()
    if unknown and any(one.cause is Cause.UNKNOWN_PROVIDER for one in wanted):
        yield words.not_counted.format(of=_listed(unknown, words.and_))
    if wanted:
        yield _connect(wanted, subject, words)


def _lasting(lacks: Sequence[Lack]) -> Iterator[Lack]:
    """Those to be mended: without what the mending of another brings along."""
    short = {one.kind for one in lacks if one.cause is Cause.SHORT_HISTORY}
    for one in lacks:
        with_others = one.cause is Cause.NO_EVIDENCE and any(
            o.cause is not one.cause for o in lacks
        )
        of_short = one.cause is Cause.DIVISION_BY_ZERO and one.kind in short
        if not with_others and not of_short:
            yield one


def _remedy(lack: Lack, subject: NoticeSubject, words: Words) -> str:
    """The sentence that helps, its braces not filled in; of a month its own is."""
    if lack.cause is Cause.NOT_YET_POSTED:
        due = lack.due is not None and lack.due > subject.decided_on
        month = _month_text(lack.month, words)
        day = day_text(lack.due, words)
        sentence = words.remedies["due" if due else "overdue"]
        # Filled in here: else the sentences of two months would be taken for one.
        return sentence.replace("{month}", month).replace("{due}", day)
    if lack.error:
        return words.accounts[remedy_of(lack.error)]
    by_code = "" if lack.code is None else words.remedies.get(lack.code, "")
    return by_code or words.remedies.get(lack.cause, words.person_reviews)


def _connect(wanted: Sequence[Lack], subject: NoticeSubject, words: Words) -> str:
    """To connect an account; a document is asked for only where it shows all that is missing."""
    kinds = dict.fromkeys(one.kind for one in wanted if one.kind)
    of = _listed([*dict.fromkeys(_lacking(one, words) for one in wanted)], words.and_)
    types = dict.fromkeys(words.types[one] for one in subject.connect if one in words.types)
    sentence = words.connect_types if types else words.connect
    if subject.read is not None and not set(subject.read.types).isdisjoint(subject.connect):
        # One of that type is connected and did not have it: the same would not help again.
        sentence = words.connect_another
    found = sentence.format(of=of, types=_listed([*types], words.or_))
    # Documents hold pay and jobs, and nothing that a scheme or a platform alone says. Who has
    # handed in some is not asked for more.
    shown = bool(kinds) and kinds.keys() <= _ON_PAPER and not subject.has_documents
    return found + words.or_document if shown else found


def _concerned(lacks: Iterable[Lack], words: Words) -> str:
    names: dict[str, None] = {}
    for one in lacks:
        names[one.provider or (_lacking(one, words) if one.kind else words.the_account)] = None
    return _listed([*names], words.and_)


def _listed(names: Sequence[str], word: str) -> str:
    """`A`, `A and B`, or `A, B and C`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def said(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]


def day_text(day: date | None, words: Words) -> str:
    if day is None:
        return ""
    return words.day.format(month=words.months[day.month - 1], day=day.day, year=day.year)


def _month_text(month: Month | None, words: Words) -> str:
    return "" if month is None else f"{words.months[month.number - 1]} {month.year}"


def money_text(amount: Money | None) -> str:
    """An amount with its sign, never parted, and decimals where there are any; empty for none."""
    if amount is None:
        return ""
    sign = currency_sign(amount.currency)
    whole = amount.major.to_integral_value()
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
    weeks in 12 months.
    """
    payments = [Decimal(price.instalment.minor)] * (price.instalments - 1)
    payments.append(Decimal(price.total.minor) - sum(payments))
    # With 34 digits, of which a letter shows the hundredths of a percent.
    with exactly():
        rate = Decimal(0)
        # Newton's method from 0 rises to the rate, since the sum falls ever more slowly.
        for _ in range(_ROUNDS):
            worth = Decimal(-price.paid_out.minor)
            slope = Decimal(0)
            discount = Decimal(1)
            for number, payment in enumerate(payments, 1):
                discount /= 1 + rate
                worth += payment * discount
                slope += number * payment * discount / (1 + rate)
            before = rate
            rate = rate + max(worth / slope, Decimal(0))
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
