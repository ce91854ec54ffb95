"""Amounts, days and other values as letters write them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from decision_service.domain.factor import Value
from decision_service.domain.money import Money, currency_sign
from decision_service.notices.languages.words import Words


def said(texts: Mapping[str, str], language: str) -> str:
    """A text in a language, else in English."""
    return texts.get(language) or texts["en"]


def day_text(day: date | None, words: Words) -> str:
    """A day with its month's name; empty for none."""
    if day is None:
        return ""
    return words.day.format(month=words.months[day.month - 1], day=day.day, year=day.year)


def end_text(end: datetime | None, decided_on: date, words: Words) -> str:
    """The last whole day before an end, where there is one; on the last day itself the hour too."""
    if end is None:
        return ""
    last = end.date() - timedelta(days=1)
    return f"{day_text(end, words)}, {end:%H:%M}" if last < decided_on else day_text(last, words)


def money_text(amount: Money | None) -> str:
    """An amount with its currency's sign, and its decimals where there are any; empty for none.

    The sign is never parted from its number.
    """
    if amount is None:
        return ""
    sign, whole = currency_sign(amount.currency), amount.major.to_integral_value()
    number = f"{whole:,.0f}" if whole == amount.major else f"{amount.major:,}"
    return f"{sign}\N{NO-BREAK SPACE}{number}"


def percent_text(share: Decimal) -> str:
    """A share in percent, to the nearest hundredth of one."""
    return f"{(share * 100).quantize(Decimal('0.01')).normalize():f}%"


def value_text(value: Value, words: Words) -> str:
    """A factor's value."""
    if isinstance(value, Money):
        return money_text(value)
    if isinstance(value, date):
        return day_text(value, words)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
