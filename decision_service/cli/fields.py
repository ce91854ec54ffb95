"""The fields of a request as options: by the descriptors of the protos, with their comments."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache, reduce
from importlib import resources
from inspect import Parameter
from typing import Annotated, Any, cast, get_args

import typer
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.type.money_pb2 import Money

from decision_service.api.v1.values_pb2 import InputValue
from decision_service.cli.output import CommandError, read_by, whole

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,4}))?", re.ASCII)
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?", re.ASCII)
_TOO_LARGE = re.compile(r"-?[1-9][0-9]{13,}(\.[0-9]*)?", re.ASCII)
_SHOWN = 40
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_ABOUT = r"([-+]?[\d.,][\d.,_eE+'-]*)"
_MONEY = re.compile(rf"([A-Z]{{3}}) {_ABOUT}|{_ABOUT} ([A-Z]{{3}})")
"""What is meant as an amount of a currency, well written or not."""
_TIME = re.compile(r"([0-9]{1,6})([smhd]?)", re.ASCII)
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_REQUIRED = re.compile(r", required(?=[.:;])")
_PAIRS = (
    "NAME=VALUE: 12, true, 2026-01-31, 'PHP 500', anything else is text; observed outside: "
    "'VALUE @ 2026-01-31', or 'VALUE @ 2026-01-31 @ CONSENT'"
)
_OBSERVED = re.compile(r"(.+?)\s*@\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s*@\s*(.+))?", re.ASCII)
NAMES = {
    "requested_amount": "amount",
    "approved_amount": "amount",
    "requested_term_months": "term",
    "wait_timeout": "wait",
    "inputs": "input",
    "data_kinds": "kind",
    "provider_types": "provider-type",
    "first_provider_ids": "first-provider",
    "create_time_from": "from",
    "create_time_before": "before",
    "send_time": "at",
    "hold_until_time": "hold-until",
    "page_size": "limit",
    "ruleset_ref.version": "version",
    "ruleset_ref.digest": "digest",
}
"""Options whose names are not those of their fields."""


@dataclass(frozen=True, slots=True)
class FieldOption:
    """An option or the argument of a command, and what puts it into the field at its path."""

    path: tuple[str, ...]
    parameter: Parameter
    fill: Callable[[Any, str, Any], None]

    def put(self, request: Message, value: Any, currency: str) -> None:
        """Put a value there that the option was given."""
        *outer, name = self.path
        holder: Any = reduce(getattr, outer, request)
        self.fill(holder, name, (value, currency) if self.fill is _fill_money else value)

    def put_text(self, request: Message, text: str, currency: str) -> None:
        """Put a text there as if it were said on the line; raises BadParameter, CommandError."""
        kind, option, *_ = get_args(self.parameter.annotation)
        read = _flag if kind is bool else option.parser or str
        self.put(request, read(text), currency)


def field_options(
    request: type[Message], argument: str, without: Collection[str], defaults: Mapping[str, str]
) -> Iterator[FieldOption]:
    """The fields of a request, with those of messages in it; `argument` is one without a name."""
    for path, field in _leaves(cast("Descriptor", request.DESCRIPTOR), ()):
        name = ".".join(path)
        if name in without or path[0] in without:
            continue
        comment = comments()[".".join(field.full_name.split(".")[-2:])]
        about = _about(comment)
        option = "--" + NAMES.get(name, name.replace("_", "-").replace(".", "-"))
        annotation, fill = _taken(field, about, option)
        default: Any = defaults.get(name, False if annotation is bool else None)
        if name == argument:
            annotation = Annotated[str, typer.Argument(metavar=name.upper(), help=about)]
            default = defaults.get(name, Parameter.empty)
        elif _REQUIRED.search(comment) and name not in defaults and name != "request_id":
            default = Parameter.empty
        kind = Parameter.KEYWORD_ONLY
        parameter = Parameter("_".join(path), kind, annotation=annotation, default=default)
        yield FieldOption(path, parameter, fill)


def _about(comment: str) -> str:
    """The first words of a comment, as the other options have theirs: `the product`."""
    first = re.split(r"[.;:] ", _REQUIRED.sub("", comment))[0].removesuffix(".")
    return first[:1].lower() + first[1:] if re.match(r"[A-Z]('|[a-z ])", first) else first


@cache
def comments() -> Mapping[str, str]:
    """What the protos say of each field and method."""
    file = resources.files("decision_service.api").joinpath("comments.json")
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


def fill_request(
    request: Any, options: list[FieldOption], given: Mapping[str, Any], currency: str
) -> None:
    """Put in what options were given, and an id of its own where a request without one has one."""
    for option in options:
        value = given[option.parameter.name]
        if value is None or value is False or value in ("", []):
            continue
        option.put(request, value, currency)
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
        _assign(request, "request_id", str(uuid.uuid4()))


def _leaves(
    message: Descriptor, outer: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], FieldDescriptor]]:
    for field in message.fields:
        inner = field.message_type
        if inner is None or field.is_repeated or inner.file.package.startswith("google."):
            yield (*outer, field.name), field
        else:
            yield from _leaves(inner, (*outer, field.name))


def _taken(field: FieldDescriptor, about: str, option: str) -> tuple[Any, Callable[..., None]]:
    """The annotation of an option of a field, and what puts its value there."""
    if field.is_repeated:
        if field.message_type is not None:
            pairs = typer.Option(option, help=f"{about}; {_PAIRS}", metavar="NAME=VALUE")
            return Annotated[list[str] | None, pairs], _fill_inputs
        several = typer.Option(option, help=f"{about}; repeatable", metavar="<str>")
        return Annotated[list[str] | None, several], _extend
    if field.enum_type is not None:
        words = _words(field.enum_type)
        about = f"{about}: {', '.join(words)}"
        read = read_by(_word_reader(words), about, option, metavar=field.name.upper())
        return Annotated[str | None, read], _assign
    if field.message_type is not None:
        match field.message_type.name:
            case "Money":
                return Annotated[str | None, typer.Option(option, help=about)], _fill_money
            case "Timestamp":
                return Annotated[str | None, read_by(instant, about, option, metavar="DAY")], _set
            case "Duration":
                return Annotated[str | None, read_by(_time, about, option, metavar="TIME")], _set
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return Annotated[bool, typer.Option(option, help=about)], _assign
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return Annotated[str | None, typer.Option(option, help=about)], _assign
    return Annotated[int | None, whole(about, option)], _assign


def _assign(message: Any, name: str, value: Any) -> None:
    setattr(message, name, value)


def _extend(message: Any, name: str, values: list[str]) -> None:
    getattr(message, name).extend(values)


def _set(message: Any, name: str, value: Any) -> None:
    field = getattr(message, name)
    if isinstance(value, datetime):
        field.FromDatetime(value)
    else:
        field.FromSeconds(value)


def _fill_money(message: Any, name: str, given: tuple[str, str]) -> None:
    getattr(message, name).CopyFrom(money_message(*given))


def _fill_inputs(message: Any, name: str, pairs: list[str]) -> None:
    for pair in pairs:
        key, value = parse_input(pair)
        getattr(message, name)[key].CopyFrom(value)


def _words(enum: EnumDescriptor) -> dict[str, int]:
    """The words of an enum: `adverse-action` of `NOTICE_KIND_ADVERSE_ACTION`; none of zero."""
    zero, *others = enum.values
    prefix = zero.name.removesuffix("UNSPECIFIED")
    return {o.name.removeprefix(prefix).lower().replace("_", "-"): o.number for o in others}


def _word_reader(words: Mapping[str, int]) -> Callable[[Any], int]:
    def read(given: Any) -> int:
        if isinstance(given, int):
            return given
        found = words.get(given.lower().replace("_", "-"))
        if found is None:
            raise typer.BadParameter(f"{given!r} is not one of {', '.join(words)}")
        return found

    return read


def instant(given: Any) -> datetime:
    """An instant, from a day (its first moment in UTC), an instant with its zone, or `now`."""
    if isinstance(given, datetime):
        return given
    if given == "now":
        return datetime.now(UTC)
    try:
        read = datetime.fromisoformat(given)
        if _DAY.fullmatch(given):
            return datetime.combine(read, time(), UTC)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        if _DAY.fullmatch(given):
            raise typer.BadParameter(f"the calendar has no day {given}") from None
    raise typer.BadParameter(
        f"{given!r} must be a day such as 2026-01-31, or an instant such as 2026-01-31T09:00:00Z"
    )


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise typer.BadParameter(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _time(given: Any) -> int:
    if isinstance(given, int):
        return given
    found = _TIME.fullmatch(given)
    if found is None:
        raise typer.BadParameter(f"{given} is no time such as 30s, 90m, 24h or 14d")
    return int(found[1]) * UNITS[found[2]]


def money_message(amount: str, currency: str) -> Money:
    """An exact amount of at most 13 digits and four decimals; raises CommandError.

    `20000`, `20000.50` and `20,000` are taken: a comma groups three digits, and never divides.
    """
    if _GROUPED.fullmatch(amount):
        amount = amount.replace(",", "")
    if _TOO_LARGE.fullmatch(amount):
        short = amount if len(amount) <= _SHOWN else f"{amount[:_SHOWN]}…"
        raise CommandError(f"the amount {short} has more than 13 digits before the point")
    found = _AMOUNT.fullmatch(amount)
    if found is None:
        raise CommandError(
            f"the amount {amount!r} is not written as 20000 or 20000.50: digits, commas "
            "between groups of three alone, a point before at most four decimals, no spaces"
        )
    if not _CURRENCY.fullmatch(currency):
        raise CommandError(f"the currency {currency!r} is not three capital letters such as PHP")
    sign = -1 if found[1] else 1
    nanos = int((found[3] or "").ljust(9, "0"))
    return Money(currency_code=currency, units=sign * int(found[2]), nanos=sign * nanos)


def parse_input(pair: str) -> tuple[str, InputValue]:
    """An input from `name=value`, its type from the value's form."""
    name, equals, text = pair.partition("=")
    if not equals or not name:
        raise CommandError(f"--input {pair!r} must have the form name=value")
    observed = _OBSERVED.fullmatch(text)
    value = _value(text if observed is None else observed[1])
    if observed is not None:
        value.observed_on = observed[2]
        value.consent_reference = observed[3] or ""
    return name, value


def _value(text: str) -> InputValue:
    money = _MONEY.fullmatch(text)
    if money:
        amount = money_message(money[2] or money[3], money[1] or money[4])
        return InputValue(money=amount)
    if _NUMBER.fullmatch(text):
        return InputValue(number=text)
    if _DAY.fullmatch(text):
        return InputValue(date=text)
    if text in {"true", "false"}:
        return InputValue(flag=text == "true")
    return InputValue(text=text)
