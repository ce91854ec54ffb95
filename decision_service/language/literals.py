"""Literals that take the type of what they stand with: numbers become money, text a date."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from decision_service.domain.money import exponent
from decision_service.language.diagnostics import Report
from decision_service.language.readers import parse_day
from decision_service.language.tree import Constant
from decision_service.language.types import DATE, MONEY, NUMERIC, TEXT

LARGEST_MONEY = Decimal(10) ** 12


def to_money(constant: Constant, currency: str, report: Report) -> Constant | None:
    """A bare number as money in minor units; other literals stay, a number too fine is refused."""
    if constant.type not in NUMERIC or not isinstance(constant.value, int | Decimal):
        return constant
    minor = money_minor(Decimal(constant.value), currency)
    if minor is None:
        digits = exponent(currency)
        message = f"{constant.text} is no amount in {currency}"
        hint = f"at most 10^12, with at most {digits} digits after the point"
        report.error("R309", constant.place, message, hint)
        return None
    return replace(constant, type=MONEY, value=minor)


def money_minor(amount: Decimal, currency: str) -> int | None:
    """An exact amount in major units as minor units; None where it is too large or too fine."""
    if abs(amount) > LARGEST_MONEY:
        return None
    minor = amount.scaleb(exponent(currency))
    return int(minor) if minor == minor.to_integral_value() else None


def to_date(constant: Constant, _currency: str, report: Report) -> Constant | None:
    """A quoted `yyyy-mm-dd` as a date; other literals stay, another text is refused."""
    if constant.type is not TEXT:
        return constant
    day = parse_day(str(constant.value))
    if day is None:
        hint = 'write it as "yyyy-mm-dd"'
        report.error("R310", constant.place, f"{constant.text} is no date", hint)
        return None
    return replace(constant, type=DATE, value=day)
