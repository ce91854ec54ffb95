"""What a letter says of an approval: amount, term, price, end, and what limits it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from decision_service.domain.money import Money
from decision_service.domain.verdict import Outcome, Price
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.notices.languages.words import Words
from decision_service.notices.model import LetterPart, NoticeSubject, NoticeTexts, PersonsResult
from decision_service.notices.values import end_text, money_text, percent_text

PRICE = (
    "monthly_rate", "fees", "paid_out", "effective_rate", "instalment", "instalments", "total"
)  # fmt: skip
"""What an approval has to disclose (Republic Act 3765), by the names of placeholders."""

_WEEKS_A_MONTH = Decimal(52) / 12
_ROUNDS = 200


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


def price_fillings(subject: NoticeSubject) -> Mapping[str, str]:
    """The text of each placeholder of the price; empty where no rules can price the approval."""
    price = _price(subject)
    if price is None:
        return dict.fromkeys(PRICE, "")
    return {
        "monthly_rate": percent_text(price.monthly_rate),
        "fees": money_text(price.fees),
        "paid_out": money_text(price.paid_out),
        "effective_rate": percent_text(effective_rate(price)),
        "instalment": money_text(price.instalment),
        "instalments": str(price.instalments),
        "total": money_text(price.total),
    }


def _price(subject: NoticeSubject) -> Price | None:
    if subject.person is not None:
        return subject.person.price
    return None if subject.verdict.offer is None else subject.verdict.offer.price


def offer_part(
    subject: NoticeSubject, texts: NoticeTexts, words: Words, filled: Mapping[str, str]
) -> LetterPart | None:
    """The offer of an approval by rules, or the amount that a person approved."""
    verdict = subject.verdict
    lines_of_price = [] if _price(subject) is None else [*texts.price]
    price = [line.format_map(filled) for line in lines_of_price]
    if subject.person is not None:
        return _by_person(subject, subject.person, price, words)
    if verdict.outcome is not Outcome.APPROVE or verdict.offer is None:
        return None
    lines: tuple[str, ...] = ()
    if verdict.offer.binding and subject.asked is not None:
        limit = texts.limits.get(verdict.offer.binding, words.other_limit)
        lines = (words.limit.format(asked=money_text(subject.asked), limit=limit),)
    offer, until = verdict.offer, valid_until(subject, words)
    items = _terms(offer.approved_amount, offer.term_months, price, until, words)
    return LetterPart(words.offer, lines, tuple(items))


def _terms(
    amount: Money, term: int | None, price: Iterable[str], until: str, words: Words
) -> Iterator[str]:
    yield words.amount.format(amount=money_text(amount))
    if term:
        yield words.term.format(term=term)
    yield from price
    if until:
        yield words.expires.format(expires_on=until)


def _by_person(
    subject: NoticeSubject, person: PersonsResult, price: Iterable[str], words: Words
) -> LetterPart | None:
    """What a person approved, on the product's terms for that amount."""
    if person.amount is None:
        return None
    reduced = (words.person_limit.format(asked=money_text(subject.asked)),)
    lines = reduced if subject.is_reduced else ()
    until = valid_until(subject, words)
    items = _terms(person.amount, person.term_months, price, until, words)
    return LetterPart(words.offer, lines, tuple(items))
