"""Amounts and inputs of a call, from the words of a command line."""

from __future__ import annotations

import re

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import values_pb2
from decision_service.cli.errors import CommandError, Exit

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,4}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ABOUT = r"([-+]?[\d.,][\d.,_eE+'-]*)"
_MONEY = re.compile(rf"([A-Z]{{3}}) {_ABOUT}|{_ABOUT} ([A-Z]{{3}})")
"""What is meant as an amount of a currency, well written or not."""


def money_message(amount: str, currency: str) -> MoneyMessage:
    """An exact amount of at most 13 digits and four decimals; raises CommandError.

    One form is taken, `20000` or `20000.50`: whether a comma groups or divides is not guessed.
    """
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise CommandError(
            f"the amount {amount!r} is not written as 20000 or 20000.50: plain digits, a point "
            "before at most four decimals, no separators, no exponent, no spaces",
            Exit.USAGE,
        )
    if not _CURRENCY.fullmatch(currency):
        raise CommandError(
            f"the currency {currency!r} is not three capital letters such as PHP", Exit.USAGE
        )
    sign = -1 if found[1] else 1
    nanos = int((found[3] or "").ljust(9, "0"))
    return MoneyMessage(currency_code=currency, units=sign * int(found[2]), nanos=sign * nanos)


def parse_input(pair: str) -> tuple[str, values_pb2.InputValue]:
    """An input from `name=value`, its type from the value's form."""
    name, equals, text = pair.partition("=")
    if not equals or not name:
        raise CommandError(f"--input {pair!r} must have the form name=value", Exit.USAGE)
    money = _MONEY.fullmatch(text)
    if money:
        amount = money_message(money[2] or money[3], money[1] or money[4])
        return name, values_pb2.InputValue(money=amount)
    if _NUMBER.fullmatch(text):
        return name, values_pb2.InputValue(number=text)
    if _DATE.fullmatch(text):
        return name, values_pb2.InputValue(date=text)
    if text in {"true", "false"}:
        return name, values_pb2.InputValue(flag=text == "true")
    return name, values_pb2.InputValue(text=text)
