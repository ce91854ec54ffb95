"""Structs as messages and back, values, and what is wrong with a request, for every service."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import (
    TYPE_CHECKING,
    Any,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_type_hints,
)

import msgspec
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    ServiceDescriptor,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1.values_pb2 import InputValue
from decision_service.domain.errors import UNSEEN, FieldInvalid, FieldProblem, visible
from decision_service.domain.factor import Input, Observed, Value
from decision_service.domain.values import LARGEST_AMOUNT, Money, exponent

if TYPE_CHECKING:
    import grpc

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NANOS = 1_000_000_000
_LARGEST = int(LARGEST_AMOUNT)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_DECISION_ID = re.compile(r"dec_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9-]{0,99}", re.ASCII)
LONGEST_WHY = 500
LONGEST_TICKET = 100
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

Converter: TypeAlias = "Callable[[Any], Any] | None"
"""The form of a value in a message, None where it is the value itself."""

Source: TypeAlias = "str | Callable[[Any], Any] | None"
Step: TypeAlias = "tuple[str, Callable[[Any], Any], Converter, bool]"
"""A field's name, its value of a struct, the form of that, and whether zero is not the default."""

Plan: TypeAlias = "tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], list[Step]]"
"""How a message is made of a struct: fields as they are, read at once, and the steps for others."""

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound=msgspec.Struct)
E = TypeVar("E", bound=Enum)


def enum_name(enum: EnumDescriptor, number: int) -> str:
    names = enum.values_by_number
    prefix = names[0].name.removesuffix("UNSPECIFIED")
    return str(names[number].name.removeprefix(prefix)) if number in names else str(number)


@cache
def numbers_of(enum: EnumDescriptor) -> Mapping[str, int]:
    """The numbers of an enum by the names of ours, which are without the prefix."""
    return {enum_name(enum, number): number for number in enum.values_by_number}


class WireError(ValueError):
    """A value on the wire is malformed; the message says what to send."""


def value_from_message(message: InputValue) -> Value:
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


def value_fields(value: Input) -> Fields:
    if isinstance(value, Observed):
        observed = {"observed_on": value.day.isoformat(), "consent_reference": value.consent}
        return {**value_fields(value.value), **observed}
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
    currency = message.currency_code
    units = message.units
    nanos = message.nanos
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


def amount_text(money: MoneyMessage) -> str:
    """`20000.5`, of any amount, without its currency."""
    amount = Decimal(money.units) + Decimal(money.nanos).scaleb(-9)
    return f"{amount.normalize():f}"


def money_fields(money: Money) -> Fields:
    scale = 10 ** exponent(money.currency)
    units, rest = divmod(abs(money.minor), scale)
    sign = -1 if money.minor < 0 else 1
    nanos = rest * (_NANOS // scale)
    return {"currency_code": money.currency, "units": sign * units, "nanos": sign * nanos}


def timestamp_fields(instant: datetime) -> Fields:
    since = instant - _EPOCH
    return {"seconds": since.days * 86_400 + since.seconds, "nanos": since.microseconds * 1000}


def _duration_fields(time: timedelta) -> Fields:
    sign = -1 if time < timedelta(0) else 1
    seconds, rest = divmod(abs(time), timedelta(seconds=1))
    return {"seconds": sign * seconds, "nanos": sign * rest.microseconds * 1000}


def _text(value: str | date | int | Decimal) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else decimal_text(value)


_VALUES: Mapping[str, Callable[[Any], Fields]] = {
    Timestamp.DESCRIPTOR.full_name: timestamp_fields,
    Duration.DESCRIPTOR.full_name: _duration_fields,
    MoneyMessage.DESCRIPTOR.full_name: money_fields,
    InputValue.DESCRIPTOR.full_name: value_fields,
}


def civil_date(text: str) -> date:
    """A date of the form YYYY-MM-DD; raises WireError."""
    if not _DATE.fullmatch(text):
        raise WireError("date must be a civil date of the form YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WireError("the calendar has no such day") from None


def request_id_in(written: str) -> str:
    """A client's request id: a UUID in small letters without braces, another id as it is."""
    uuid = _UUID.fullmatch(written)
    return uuid[2].lower() if uuid else written


class Problems:
    """Collects what is wrong with a request, field by field; raises it when its block ends.

    Of a `request` for a list the size of its pages is looked at.
    """

    def __init__(self, request: object = None) -> None:
        self._found: list[FieldProblem] = []
        self._page_size: int = getattr(request, "page_size", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.raise_if_any()

    def add(self, field: str, description: str) -> None:
        self._found.append(FieldProblem(field, f"{field} {description}"))

    def raise_if_any(self) -> None:
        check_page_size(self, self._page_size)
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

    def enum(
        self, request: Message, name: str, kind: type[E], inside: str = "", *, required: bool
    ) -> E | None:
        """A member of an enum; None where it is not set, or is noted as needed or unknown."""
        number = getattr(request, name)
        if not number and not required:
            return None
        enum: Any = request.DESCRIPTOR.fields_by_name[name].enum_type
        found = kind.__members__.get(enum_name(enum, number))
        if found is None:
            what = f"is {number}, which is no {enum.name}" if number else "is not set"
            self.add(f"{inside}{name}", f"{what}: say one of {', '.join(kind.__members__)}")
        return found

    def instant(self, request: Message, field: str, inside: str = "") -> datetime | None:
        """An instant of a request; None where it has none, or is noted as out of the calendar."""
        if not request.HasField(field):
            return None
        sent: Timestamp = getattr(request, field)
        try:
            return sent.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.add(f"{inside}{field}", "is not an instant between the years 1 and 9999")
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


def in_language(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first language there is (`fil-PH` finds `fil`), else in English."""
    for language in languages:
        text = texts.get(language) or texts.get(language.partition("-")[0])
        if text:
            return text
    return texts["en"]


class Mapper:
    """Makes messages of structs, and structs of messages, by the descriptors of the messages.

    A field has the value of the attribute of its name. `differing` says by message which fields
    have another: the attribute at a path, what a function makes of the struct, or None where the
    struct has none, so that the caller gives it or it stays unset.
    """

    def __init__(self, differing: Mapping[type[Message], Mapping[str, Source]]) -> None:
        self._differing = {kind.DESCRIPTOR: sources for kind, sources in differing.items()}
        self._converters: dict[Descriptor, dict[str, Converter]] = {}
        self._plans: dict[tuple[Descriptor, type], Plan] = {}
        for message, sources in self._differing.items():
            if unknown := sources.keys() - message.fields_by_name.keys():
                raise ValueError(f"{message.name} has no field {', '.join(sorted(unknown))}")

    def message(self, kind: type[M], of: object = None, **given: object) -> M:
        return kind(**self.fields(kind, of, **given))

    def fields(self, kind: type[Message], of: object = None, **given: object) -> Fields:
        """The fields that a message has of a struct, and of the values given by name."""
        message = cast("Descriptor", kind.DESCRIPTOR)  # one of two names that the stubs have for it
        converters = self._converters_of(message)
        fields = {} if of is None else self._fields(message, of)
        for name, value in given.items():
            convert = converters[name]
            fields[name] = value if convert is None or value is None else convert(value)
        return fields

    def read(
        self, kind: type[S], message: Message, problems: Problems, inside: str = "", **given: object
    ) -> S:
        """The struct of a message; what is malformed is noted, and None in the struct.

        Fields are read whose attributes the struct has under their own or their differing name,
        apart from those given by name. A date or an enum that cannot be None has to be set.
        """
        for attribute, name, read in _readers(
            kind, message.DESCRIPTOR, tuple(self._differing.get(message.DESCRIPTOR, {}).items())
        ):
            if attribute in given:
                continue
            if read is None:
                given[attribute] = getattr(message, name)
            else:
                given[attribute] = read(problems, message, name, inside=inside)
        return kind(**given)

    def _fields(self, message: Descriptor, of: Any) -> Fields:
        kind = of.__class__
        plan = self._plans.get((message, kind))
        if plan is None:
            plan = self._plans[message, kind] = self._plan(message, kind)
        names, values_of, steps = plan
        fields = dict(zip(names, values_of(of), strict=True))
        for name, value_of, convert, keeps_zero in steps:
            value = value_of(of)
            if value or (keeps_zero and value is not None):
                fields[name] = value if convert is None else convert(value)
        return fields

    def _plan(self, message: Descriptor, kind: type) -> Plan:
        hints = get_type_hints(kind) if issubclass(kind, msgspec.Struct) else {}
        differing = self._differing.get(message, {})
        plain: dict[str, str] = {}
        steps: list[Step] = []
        for name, convert in self._converters_of(message).items():
            source = differing.get(name, name)
            field = message.fields_by_name[name]
            if isinstance(source, str):
                if convert is None or (convert is _text and _is_text(hints.get(source))):
                    plain[name] = source
                    continue
                source = attrgetter(source)
            if source is not None:
                steps.append((name, source, convert, field.has_presence or convert is _text))
        if len(plain) > 1:
            return tuple(plain), attrgetter(*plain.values()), steps
        steps += [(name, attrgetter(path), None, True) for name, path in plain.items()]
        return (), _nothing, steps

    def _converters_of(self, message: Descriptor) -> Mapping[str, Converter]:
        if message not in self._converters:
            found = {field.name: self._converter(field) for field in message.fields}
            self._converters[message] = found
        return self._converters[message]

    def _converter(self, field: FieldDescriptor) -> Converter:
        kind: Any = field.message_type
        entries = kind is not None and kind.GetOptions().map_entry
        one = self._single(kind.fields_by_name["value"] if entries else field)
        if not field.is_repeated:
            return one
        if one is None or one is _text:  # several texts are texts already
            return None

        def of_map(values: Mapping[str, Any]) -> dict[str, Any]:
            return {name: one(value) for name, value in values.items()}

        def of_list(values: Iterable[Any]) -> list[Any]:
            return [one(value) for value in values]

        return of_map if entries else of_list

    def _single(self, field: FieldDescriptor) -> Converter:
        if field.enum_type is not None:
            return numbers_of(field.enum_type).__getitem__
        message = field.message_type
        if message is None:
            return _text if field.type == FieldDescriptor.TYPE_STRING else None
        if message.full_name in _VALUES:
            return _VALUES[message.full_name]

        def nested(value: Any) -> Fields:
            return value if value.__class__ is dict else self._fields(message, value)

        return nested


def of_given(owner: str, name: str) -> Callable[[Any], Any]:
    """Reads an attribute of what a struct has under a name; None where it has nothing there."""

    def read(of: Any) -> Any:
        given = getattr(of, owner)
        return None if given is None else getattr(given, name)

    return read


def _nothing(_: Any) -> tuple[()]:
    return ()


def _is_text(hint: Any) -> bool:
    """Whether an attribute has text or None, so that it goes into a message as it is."""
    kinds = {*(get_args(hint) or (hint,))} - {type(None)}
    return all(isinstance(kind, type) and issubclass(kind, str) for kind in kinds)


class Reader(Protocol):
    """Reads a field of a message by its name; None where it is not set, or is noted."""

    def __call__(self, problems: Problems, message: Any, name: str, /, inside: str) -> Any: ...


@cache
def _readers(
    kind: type, message: Descriptor, differing: tuple[tuple[str, Source], ...]
) -> tuple[tuple[str, str, Reader | None], ...]:
    hints = get_type_hints(kind)
    sources = dict(differing)
    found = []
    for field in message.fields:
        attribute = sources.get(field.name, field.name)
        if isinstance(attribute, str) and attribute in hints:
            found.append((attribute, field.name, _reader(field, hints[attribute])))
    return tuple(found)


def _reader(field: FieldDescriptor, hint: Any) -> Reader | None:
    kinds = get_args(hint) or (hint,)
    required = type(None) not in kinds
    if field.enum_type is not None:
        enum = next(one for one in kinds if one is not type(None))

        def read_enum(problems: Problems, message: Message, name: str, inside: str) -> Any:
            return problems.enum(message, name, enum, inside=inside, required=required)

        return read_enum
    if field.message_type is not None:
        if field.message_type is Timestamp.DESCRIPTOR:
            return Problems.instant
        return Problems.money
    if date in kinds:

        def read_date(problems: Problems, message: Message, name: str, inside: str) -> Any:
            text = getattr(message, name)
            return problems.date(f"{inside}{name}", text) if required or text else None

        return read_date
    return None


def check_product(problems: Problems, product: str, field: str = "product") -> None:
    meant = "-".join(product.lower().split())
    if product != meant and _PRODUCT.fullmatch(meant):
        words = "has capitals or blanks, which names of products have not"
        problems.add(field, f"{words}: did you mean {meant}?")
    else:
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


def check_change(problems: Problems, why: str, ticket: str) -> None:
    """Note a reason or a ticket of a change that is no line of a journal."""
    for field, text, longest in (("why", why, LONGEST_WHY), ("ticket", ticket, LONGEST_TICKET)):
        if len(text) > longest or not text.isprintable():
            problems.add(field, f"must be one line of at most {longest} printable characters")


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
        check_texts(problems, value.consent_reference, f"{field}.consent_reference")
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
    """A service's methods: its RPC `GetReview` is the servicer's `get_review`."""
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

    import grpc  # commands read messages with this module, and print help without it

    return grpc.unary_unary_rpc_method_handler(
        checked, request_deserializer=request.FromString, response_serializer=serialize
    )
