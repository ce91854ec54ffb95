"""Values on the wire: `InputValue` and `google.type.Money`, exact in both directions."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import values_pb2
from decision_service.domain.factor import Value
from decision_service.domain.missing import Missing
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent
from decision_service.domain.months import Month

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NANOS = 1_000_000_000
_LARGEST = int(LARGEST_AMOUNT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Fields: TypeAlias = dict[str, Any]
"""A message's fields by name.

Protobuf makes a message with all that is in it from nested dicts at once; a message that is handed
over in place of a dict it copies by writing it out and reading it again.
"""


class WireError(ValueError):
    """A value on the wire is malformed; the message says what to send."""


def value_from_message(message: values_pb2.InputValue) -> Value:
    """The value that a client sent; raises WireError when it is malformed."""
    match message.WhichOneof("value"):
        case "number":
            return _decimal(message.number)
        case "text":
            return message.text
        case "flag":
            return message.flag
        case "money":
            return money_from_message(message.money)
        case "date":
            return civil_date(message.date)
        case _:
            raise WireError("must have one of number, text, flag, money or date set")


def value_fields(value: Value) -> Fields:
    """The fields of an InputValue."""
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, Money):
        return {"money": money_fields(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, str):
        return {"text": value}
    return {"number": decimal_text(value)}


def decimal_text(value: int | Decimal) -> str:
    """An exact number without exponent and without trailing zeros after the point."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_from_message(message: MoneyMessage) -> Money:
    """An amount in whole minor units; raises WireError unless it is legal and exact in them."""
    currency, units, nanos = message.currency_code, message.units, message.nanos
    if not _CURRENCY.fullmatch(currency):
        raise WireError("currency_code must be three capital letters (ISO 4217), for example PHP")
    if abs(nanos) >= _NANOS or units * nanos < 0:
        raise WireError("nanos must lie within ±999,999,999 and have the sign of units")
    places = exponent(currency)
    step = 10 ** (9 - places)
    if nanos % step:
        finest = Decimal(1).scaleb(-places)
        raise WireError(f"the amount must not be finer than {finest} {currency}")
    scale = 10**places
    minor = units * scale + nanos // step
    if abs(minor) > _LARGEST * scale:
        raise WireError("the amount must lie within ±10^12")
    return Money(currency, minor)


def money_to_message(money: Money) -> MoneyMessage:
    """An amount as units and nanos."""
    return MoneyMessage(**money_fields(money))


def money_fields(money: Money) -> Fields:
    """The fields of a google.type.Money."""
    scale = 10 ** exponent(money.currency)
    units, rest = divmod(abs(money.minor), scale)
    sign = -1 if money.minor < 0 else 1
    nanos = rest * (_NANOS // scale)
    return {"currency_code": money.currency, "units": sign * units, "nanos": sign * nanos}


def timestamp(instant: datetime) -> Timestamp:
    """An aware instant as a Timestamp."""
    return Timestamp(**timestamp_fields(instant))


def timestamp_fields(instant: datetime) -> Fields:
    """The fields of a Timestamp."""
    since = instant - _EPOCH
    return {
        "seconds": since.days * 86_400 + since.seconds,
        "nanos": since.microseconds * 1000,
    }


def missing_fields(missing: Missing) -> Fields:
    """The fields of a MissingCause: why a value is missing, as a client reads it."""
    return {
        "cause": missing.cause,
        "tainted": missing.cause.tainted,
        "reason": missing.reason,
        "data_kind": missing.kind or "",
        "source_id": missing.source or "",
        "account_error_code": missing.account_error or "",
        "detail": missing.detail or "",
        "month": "" if missing.month is None else str(Month(missing.month)),
        "due_date": "" if missing.due is None else missing.due.isoformat(),
    }


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        raise WireError('number must be an exact decimal as text, for example "0.35" or "6"')
    return Decimal(text)


def civil_date(text: str) -> date:
    """A date of the form YYYY-MM-DD; raises WireError."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise WireError("date must be a civil date of the form YYYY-MM-DD")
