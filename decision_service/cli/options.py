"""Options that commands share: numbers, fields of a request, inputs and filters, in their
words.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.output import CommandError, Exit
from decision_service.rules.language.fields import parse_day

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,4}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ABOUT = r"([-+]?[\d.,][\d.,_eE+'-]*)"
_MONEY = re.compile(rf"([A-Z]{{3}}) {_ABOUT}|{_ABOUT} ([A-Z]{{3}})")
"""What is meant as an amount of a currency, well written or not."""
DAY_SECONDS = 86_400
INT32 = 2**31 - 1


def whole(about: str, *names: str, least: int = 0, most: int = INT32) -> Any:
    def read(given: str | int) -> int:
        value = int(given) if _WHOLE.fullmatch(str(given)) else None
        if value is None or not least <= value <= most:
            raise typer.BadParameter(
                f"{given} is not a whole number from {least} to {most}, written in plain digits"
            )
        return value

    return _option(about, names, read, "INTEGER")


def seconds(about: str, *names: str) -> Any:
    """An option of a time in seconds, up to a day."""

    def read(given: str | float) -> float:
        plain = str(given).removesuffix("s")
        value = float(plain) if _PLAIN.fullmatch(plain) else None
        if value is None or not 0 < value <= DAY_SECONDS:
            raise typer.BadParameter(
                f"{given} is not a number of seconds above 0 and up to {DAY_SECONDS}, such as 10, "
                "10s or 0.5"
            )
        return value

    return _option(about, names, read, "SECONDS")


def _option(about: str, names: tuple[str, ...], read: Callable[[Any], Any], metavar: str) -> Any:
    return typer.Option(*names, help=about, parser=read, metavar=metavar)


_INPUTS = "further input NAME=VALUE: 12, true, 2026-01-31, 'PHP 500', anything else is text"

UserOption = Annotated[str, typer.Option("--user-id", help="the Smile userId")]
ProductOption = Annotated[str, typer.Option("--product", help="the rules folder's name")]
ApplicationOption = Annotated[
    str, typer.Option("--application-id", help="your own reference of the application")
]
CustomerOption = Annotated[
    str, typer.Option("--customer-ref", help="your own reference of the customer")
]
AmountOption = Annotated[
    str | None, typer.Option("--amount", help="amount asked for, such as 20000 or 20000.50")
]
CurrencyOption = Annotated[str, typer.Option("--currency", help="of the amount, ISO 4217")]
InputOption = Annotated[list[str] | None, typer.Option("--input", help=_INPUTS)]
TextOption = Annotated[str, typer.Option("--text", help="up to 2,000 characters")]
RequestOption = Annotated[
    str, typer.Option("--request-id", help="makes a repeated call safe; else a new one")
]
LimitOption = Annotated[int, whole("at most this many, up to 500", "--limit", least=1, most=500)]
PageOption = Annotated[
    str, typer.Option("--page-token", help="the page after, as the page before names it")
]


def request_id(given: str) -> str:
    return given or str(uuid.uuid4())


class View(StrEnum):
    BASIC = "basic"
    FULL = "full"

    @property
    def message(self) -> pb.DecisionView:
        return pb.DECISION_VIEW_FULL if self is View.FULL else pb.DECISION_VIEW_BASIC


ViewOption = Annotated[View, typer.Option("--view", help="full: with factors and rules")]


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


class OutcomeWord(StrEnum):
    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"
    NOT_ENROLLED = "not-enrolled"


OutcomeOption = Annotated[
    OutcomeWord | None,
    typer.Option("--outcome", help="with this outcome", case_sensitive=False),
]
FromOption = Annotated[
    str, typer.Option("--from", metavar="DAY", help="made on this day (UTC) or later")
]
BeforeOption = Annotated[
    str, typer.Option("--before", metavar="DAY", help="made before this day (UTC)")
]


UnreportedOption = Annotated[
    bool, typer.Option("--unreported", help="approved, and no loan was reported")
]


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Fields that decisions must have; empty ones match any. Days are `YYYY-MM-DD`."""

    user_id: str = ""
    application_id: str = ""
    customer_ref: str = ""
    product: str = ""
    outcome: OutcomeWord | None = None
    first_day: str = ""
    before: str = ""
    unreported: bool = False

    def request(self, page_size: int, page_token: str = "") -> service_pb.ListDecisionsRequest:
        if self.first_day and self.before and self.before <= self.first_day:
            message = f"--before {self.before} is not after --from {self.first_day}"
            raise CommandError(message, Exit.USAGE)
        return service_pb.ListDecisionsRequest(
            user_id=self.user_id,
            application_id=self.application_id,
            customer_ref=self.customer_ref,
            product=self.product,
            outcome=None if self.outcome is None else f"OUTCOME_{self.outcome.name}",
            create_time_from=_midnight("--from", self.first_day),
            create_time_before=_midnight("--before", self.before),
            page_size=page_size,
            page_token=page_token,
            unreported=self.unreported,
        )


def _midnight(option: str, day: str) -> Timestamp | None:
    if not day:
        return None
    found = parse_day(day)
    if found is None:
        message = f"{option} is {day!r}: it must be a day such as 2026-01-31"
        raise CommandError(message, Exit.USAGE)
    stamp = Timestamp()
    stamp.FromDatetime(datetime.combine(found, time(), UTC))
    return stamp


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]
InitOption = Annotated[
    bool, typer.Option("--init", help="begin a new store where the SQLite file is missing")
]
