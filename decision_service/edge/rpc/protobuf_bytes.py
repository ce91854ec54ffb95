"""Protobuf's wire format by hand: what a message's fields come to, one after the other.

Making a message object and writing it out costs several times as much as its bytes do. The caller
puts fields in the order of their numbers, as protobuf does. Keys are read from the descriptors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import values_pb2
from decision_service.domain.factor import Value
from decision_service.domain.money import Money, exponent
from decision_service.edge.rpc.values import decimal_text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000
_WORD = (1 << 64) - 1
_SMALL = tuple(bytes((number,)) for number in range(128))
_MORE = tuple(bytes((number | 128,)) for number in range(128))
_DELIMITED, _VARINT = 2, 0
_ABOVE_ALL = b"\xff"
_FIRST, _SECOND = b"\x0a", b"\x12"  # the fields of an entry of any map to messages
_TEXTUAL = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE)


def varint(number: int) -> bytes:
    """A whole number, a negative one as two's complement of 64 bits."""
    if 0 <= number < 128:
        return _SMALL[number]
    number &= _WORD
    if number < 16_384:
        return _MORE[number & 127] + _SMALL[number >> 7]
    return _MORE[number & 127] + _MORE[number >> 7 & 127] + _upper(number >> 14)


@lru_cache(1024)
def _upper(number: int) -> bytes:
    """The upper part of a large number: that of an instant stays the same for hours."""
    return varint(number)


def keys(message: Any) -> Any:
    """What stands before each field of a message class, by the field's name.

    It says the field's number, and how its value is written.
    """
    return SimpleNamespace(**{f.name: varint(f.number << 3 | _form(f)) for f in _fields(message)})


def _fields(message: Any) -> Sequence[FieldDescriptor]:
    fields: Sequence[FieldDescriptor] = message.DESCRIPTOR.fields
    return fields


def _form(field: FieldDescriptor) -> int:
    return _DELIMITED if field.type in _TEXTUAL else _VARINT


def text(key: bytes, value: str) -> bytes:
    """A field of text; an empty one is not there."""
    return delimited(key, value.encode()) if value else b""


def number(key: bytes, value: int) -> bytes:
    """A field of a whole number, flag or enum; nought is not there."""
    return key + varint(value) if value else b""


def present_number(key: bytes, value: int) -> bytes:
    """A field of a whole number that is there even when it is nought."""
    return key + varint(value)


def delimited(key: bytes, body: bytes) -> bytes:
    """A field that is there even when it is empty: a message, or one of a oneof."""
    size = len(body)
    return key + (_SMALL[size] if size < 128 else varint(size)) + body


def entries(key: bytes, values: Mapping[str, Value]) -> bytes:
    """A map from names to InputValues, in the order of deterministic serialization."""
    found = b""
    for name, first in _in_order(tuple(values)):
        found += delimited(key, first + delimited(_SECOND, value(values[name])))
    return found


@lru_cache(1024)
def _in_order(names: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """Names with the field of an entry that holds them, a name behind those that it begins."""
    found = sorted(names, key=lambda name: name.encode() + _ABOVE_ALL)
    return tuple((name, delimited(_FIRST, name.encode())) for name in found)


def timestamp(instant: datetime) -> bytes:
    """The body of a Timestamp."""
    since = instant - _EPOCH
    seconds = number(_TIMESTAMP.seconds, since.days * 86_400 + since.seconds)
    part = since.microseconds
    return seconds + number(_TIMESTAMP.nanos, part * 1000) if part else seconds


def money(amount: Money) -> bytes:
    """The body of a google.type.Money."""
    head, scale, nanos = _in(amount.currency)
    minor = amount.minor
    units, rest = divmod(minor, scale) if minor >= 0 else _towards_zero(minor, scale)
    body = head + _MONEY.units + varint(units) if units else head
    return body + _MONEY.nanos + varint(rest * nanos) if rest else body


def _towards_zero(minor: int, scale: int) -> tuple[int, int]:
    units, rest = divmod(-minor, scale)
    return -units, -rest


@lru_cache(256)
def _in(currency: str) -> tuple[bytes, int, int]:
    """How an amount in a currency begins; its minor units in a major one, and nanos in a minor."""
    scale = 10 ** exponent(currency)
    return text(_MONEY.currency_code, currency), scale, _NANOS // scale


def value(present: Value) -> bytes:
    """The body of an InputValue."""
    if isinstance(present, Money):
        return delimited(_VALUE.money, money(present))
    if isinstance(present, bool):
        return present_number(_VALUE.flag, present)
    if isinstance(present, date):
        return delimited(_VALUE.date, present.isoformat().encode())
    if isinstance(present, str):
        return delimited(_VALUE.text, present.encode())
    return delimited(_VALUE.number, decimal_text(present).encode())


_TIMESTAMP, _MONEY, _VALUE = keys(Timestamp), keys(MoneyMessage), keys(values_pb2.InputValue)
