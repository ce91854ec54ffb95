"""How far phone numbers and e-mail addresses agree."""

from __future__ import annotations

from collections.abc import Iterable

import phonenumbers

from decision_service.domain.person import LONGEST_EMAIL, LONGEST_PHONE, TYPED_PHONE, MatchGrade

GMAIL = frozenset({"gmail.com", "googlemail.com"})
"""One mail provider under two names, which documents that dots do not tell mailboxes apart."""


def phone_grade(given: str, found: Iterable[str], country: str) -> MatchGrade:
    """EXACT where one of the numbers is the given one; there is no CLOSE phone number.

    Numbers without a country code are of `country` (ISO 3166, two letters).
    """
    number = e164(given, country)
    if number is None:
        return MatchGrade.UNKNOWN
    texts = tuple(found)
    if number in texts:  # as the vendor writes them; parsing takes 25 µs each
        return MatchGrade.EXACT
    others = {other for text in texts if (other := e164(text, country))}
    if not others:
        return MatchGrade.UNKNOWN
    return MatchGrade.EXACT if number in others else MatchGrade.DIFFERENT


def email_grade(given: str, found: Iterable[str]) -> MatchGrade:
    """EXACT whatever the case; CLOSE where the addresses may well reach one mailbox."""
    address = normal_email(given)
    others = {other for text in found if (other := normal_email(text))}
    if address is None or not others:
        return MatchGrade.UNKNOWN
    if address in others:
        return MatchGrade.EXACT
    close = _mailbox(address) in map(_mailbox, others)
    return MatchGrade.CLOSE if close else MatchGrade.DIFFERENT


def e164(text: str, country: str) -> str | None:
    """The number as `+639171234567`; None for a masked one and for anything else that is none."""
    if len(text) > LONGEST_PHONE or not TYPED_PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or not number.national_number:
        return None  # a local number lacks its area; zeros alone fill a field
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(text: str) -> str | None:
    """The address without case and spaces around; None for a text that is no address."""
    address = text.strip().casefold()
    mailbox, at, domain = address.rpartition("@")
    return address if len(text) <= LONGEST_EMAIL and mailbox and at and domain else None


def _mailbox(address: str) -> str:
    """The address without what follows a plus, of Gmail's without dots and under one name."""
    mailbox, _, domain = address.rpartition("@")
    mailbox = mailbox.partition("+")[0] or mailbox
    return f"{mailbox.replace('.', '')}@gmail.com" if domain in GMAIL else f"{mailbox}@{domain}"
