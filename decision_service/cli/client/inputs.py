"""Amounts and inputs of a call, from the words of a command line."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import values_pb2
from decision_service.cli.errors import CommandError, Exit

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MONEY = re.compile(r"([A-Z]{3}) ?(-?[0-9]+(?:\.[0-9]+)?)|(-?[0-9]+(?:\.[0-9]+)?) ?([A-Z]{3})")


def money_message(amount: str, currency: str) -> MoneyMessage:
    """An exact amount; raises CommandError."""
    try:
        value = Decimal(amount.replace(",", "").replace("_", ""))
        units = int(value)
        nanos = int((value - units).scaleb(9))
    except (InvalidOperation, ValueError, OverflowError):
        raise CommandError(
            f"the amount {amount!r} is not a number: write it as 20000 or 20000.50", Exit.USAGE
        ) from None
    if abs(units) > 10**15:
        raise CommandError(f"the amount {amount!r} is too large", Exit.USAGE)
    return MoneyMessage(currency_code=currency, units=units, nanos=nanos)


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
