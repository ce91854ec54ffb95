"""Values, enums and problems on the wire, the same for every service."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self, TypeAlias, cast

import grpc
from google.protobuf.descriptor import EnumDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.domain.calendar import Month
from decision_service.domain.decision import Component, OfferKind, Outcome, ReferKind, Truth
from decision_service.domain.errors import UNSEEN, FieldInvalid, FieldProblem, visible
from decision_service.domain.factor import KindStatus, Value
from decision_service.domain.missing import Missing
from decision_service.domain.money import LARGEST_AMOUNT, Money, exponent

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NANOS = 1_000_000_000
_LARGEST = int(LARGEST_AMOUNT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_DECISION_ID = re.compile(r"dec_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9-]{0,99}", re.ASCII)
_REFERENCE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?", re.ASCII)
_UUID = re.compile(r"(\{)?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?(1)\})", re.A | re.I)
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")

Methods: TypeAlias = "dict[str, grpc.RpcMethodHandler[object, object]]"
"""A service's methods by name."""

Fields: TypeAlias = dict[str, Any]
"""A message's fields by name.

Protobuf makes a message with all that is in it from nested dicts at once; a message that is handed
over in place of a dict it copies by writing it out and reading it again.
"""


def _numbers(kind: Any, prefix: str, names: Iterable[StrEnum]) -> Mapping[StrEnum | None, int]:
    """The numbers of an enum on the wire by ours; None is UNSPECIFIED."""
    return {None: 0} | {name: kind.Value(f"{prefix}_{name}") for name in names}


OUTCOMES = _numbers(pb.Outcome, "OUTCOME", Outcome)

REFER_KINDS = _numbers(pb.ReferKind, "REFER_KIND", ReferKind)

COMPONENTS = _numbers(pb.Component, "COMPONENT", Component)

OFFER_KINDS = _numbers(pb.OfferKind, "OFFER_KIND", OfferKind)

TRUTHS = _numbers(pb.Truth, "TRUTH", Truth)

STATUSES = _numbers(pb.KindStatus, "KIND_STATUS", KindStatus)


def enum_name(enum: EnumDescriptor, number: int) -> str:
    names = enum.values_by_number
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return str(names[number].name.removeprefix(prefix)) if number in names else str(number)


class WireError(ValueError):
    """A value on the wire is malformed; the message says what to send."""


def same(of: object, *names: str) -> Fields:
    """The fields that a message has under the names and in the form of another object's."""
    return {name: getattr(of, name) for name in names}


def value_from_message(message: values_pb2.InputValue) -> Value:
    """The value that a client sent; raises WireError when it is malformed."""
    match message.WhichOneof("value"):
        case "number":
            if not _DECIMAL.fullmatch(message.number):
                raise WireError(
                    'number must be an exact decimal as text, for example "0.35" or "6"'
                )
            return Decimal(message.number)
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
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, Money):
        return {"money": money_fields(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, str):
        return {"text": value}
    return {"number": decimal_text(value)}


def optional_value(value: Value | None) -> Fields | None:
    return None if value is None else value_fields(value)


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
    return MoneyMessage(**money_fields(money))


def optional_money(money: Money | None) -> Fields | None:
    return None if money is None else money_fields(money)


def money_fields(money: Money) -> Fields:
    scale = 10 ** exponent(money.currency)
    units, rest = divmod(abs(money.minor), scale)
    sign = -1 if money.minor < 0 else 1
    nanos = rest * (_NANOS // scale)
    return {"currency_code": money.currency, "units": sign * units, "nanos": sign * nanos}


def timestamp(instant: datetime) -> Timestamp:
    return Timestamp(**timestamp_fields(instant))


def optional_time(instant: datetime | None) -> Fields | None:
    return None if instant is None else timestamp_fields(instant)


def timestamp_fields(instant: datetime) -> Fields:
    since = instant - _EPOCH
    return {"seconds": since.days * 86_400 + since.seconds, "nanos": since.microseconds * 1000}


def missing_fields(missing: Missing) -> Fields:
    """The fields of a MissingCause: why a value is missing, as a client reads it."""
    return {
        **same(missing, "cause", "reason"),
        "tainted": missing.cause.tainted,
        "data_kind": missing.kind or "",
        "source_id": missing.source or "",
        "account_error_code": missing.account_error or "",
        "detail": missing.detail or "",
        "month": "" if missing.month is None else str(Month(missing.month)),
        "due_date": "" if missing.due is None else missing.due.isoformat(),
    }


def civil_date(text: str) -> date:
    """A date of the form YYYY-MM-DD; raises WireError."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise WireError("date must be a civil date of the form YYYY-MM-DD")


def request_id_in(written: str) -> str:
    """A client's request id: a UUID in small letters without braces, another id as it is."""
    uuid = _UUID.fullmatch(written)
    return uuid[2].lower() if uuid else written


class Problems:
    """Collects what is wrong with a request, field by field; raises it when its block ends."""

    def __init__(self) -> None:
        self._found: list[FieldProblem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.raise_if_any()

    def add(self, field: str, description: str) -> None:
        self._found.append(FieldProblem(field, f"{field} {description}"))

    def raise_if_any(self) -> None:
        if self._found:
            message = "; ".join(problem.description for problem in self._found)
            raise FieldInvalid(message, tuple(self._found))

    def date(self, field: str, value: str) -> date | None:
        """A civil date, or None where it is noted as empty or malformed."""
        try:
            return civil_date(value)
        except WireError as error:
            self.add(
                field, f"is malformed: {error}" if value else "is empty: it must be YYYY-MM-DD"
            )
            return None

    def instant(self, request: Message, field: str) -> datetime | None:
        """An instant of a request; None where it has none, or is noted as out of the calendar."""
        if not request.HasField(field):
            return None
        sent: Timestamp = getattr(request, field)
        try:
            return sent.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.add(field, "is not an instant between the years 1 and 9999")
            return None

    def money(self, request: Message, name: str, inside: str = "") -> Money | None:
        """An amount of a request; None where it has none, or is noted as malformed."""
        if not request.HasField(name):
            return None
        try:
            return money_from_message(getattr(request, name))
        except WireError as error:
            self.add(f"{inside}{name}", f"is malformed: {error}")
            return None

    def text(self, field: str, value: str, pattern: re.Pattern[str], form: str) -> None:
        if not pattern.fullmatch(value):
            self.add(field, f"must be {form}" if value else f"is empty: it must be {form}")


def check_product(problems: Problems, product: str, field: str = "product") -> None:
    problems.text(field, product, _PRODUCT, "a product's name, for example personal-loan-ph")


def check_page_size(problems: Problems, asked: int) -> None:
    """Note a size below 0; a size above the largest means the largest (AIP-158)."""
    if asked < 0:
        problems.add("page_size", f"is {asked}: it must not be negative")


def check_user_id(problems: Problems, user_id: str) -> None:
    problems.text("user_id", user_id, _USER_ID, "1 to 200 letters, digits, _ or -")


def check_decision_id(problems: Problems, decision_id: str, field: str = "decision_id") -> None:
    problems.text(field, decision_id, _DECISION_ID, "`dec_` and a ULID")


def check_reference(problems: Problems, field: str, value: str, *, required: bool = False) -> None:
    """Note what cannot be a client's own reference; an empty one is none."""
    if value or required:
        problems.text(field, value, _REFERENCE, "1 to 200 printable ASCII characters")


def check_texts(problems: Problems, value: object, field: str = "") -> None:
    """Note each text of a request, however deep, with a control or bidirectional character.

    It would rule the screen of whoever reads it later.
    """
    if isinstance(value, str):
        if found := UNSEEN.search(value):
            problems.add(
                field,
                f"has U+{ord(found[0]):04X} at character {found.start() + 1}: send no "
                "control or bidirectional characters; line breaks and tabs are allowed",
            )
    elif isinstance(value, InputValue):
        check_texts(problems, value.text, field)
    elif isinstance(value, Message):
        for one, inner in value.ListFields():
            check_texts(problems, inner, f"{field}.{one.name}" if field else one.name)
    elif isinstance(value, Mapping):
        check_texts(problems, [*value], field)
        for key in value:
            check_texts(problems, value[key], f"{field}.{visible(key)}")
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for each in value:
            check_texts(problems, each, field)


def methods(service: ServiceDescriptor, servicer: object) -> Methods:
    """A service's methods: its RPC `GetClock` is the servicer's `get_clock`."""
    return {
        rpc.name: _unary(
            getattr(servicer, _CAPITAL.sub("_", rpc.name).lower()), GetMessageClass(rpc.input_type)
        )
        for rpc in service.methods
    }


def _unary(
    behaviour: Callable[..., Awaitable[object]], request: type[Message]
) -> grpc.RpcMethodHandler[object, object]:
    async def checked(message: Message, context: Any) -> object:
        with Problems() as problems:
            check_texts(problems, message)
        return await behaviour(message, context)

    def serialize(reply: object) -> bytes:  # bytes are a decision as it was recorded
        return reply if isinstance(reply, bytes) else cast("Message", reply).SerializeToString()

    return grpc.unary_unary_rpc_method_handler(
        checked, request_deserializer=request.FromString, response_serializer=serialize
    )
