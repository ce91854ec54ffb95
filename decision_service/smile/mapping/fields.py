"""One field at a time from the vendor's spelling to a value; `path` names it in the fault."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from msgspec import Raw

from decision_service.domain.missing import Cause, DataReason
from decision_service.domain.money import IllegalAmount, to_minor
from decision_service.domain.months import Month
from decision_service.smile.errors import UpstreamFault, bad_data

Value = TypeVar("Value")

EARLIEST_YEAR = 1900

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})")
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_NUMBER = 64


def needed(value: Value | None, path: str) -> Value:
    """A required field; null, absent and empty text are a change of the vendor's schema."""
    if value is None or value == "":
        raise bad_data(DataReason.UPSTREAM_SCHEMA, path)
    return value


def day(text: str | None, path: str) -> date:
    """A required civil date `yyyy-MM-dd` from 1900 on."""
    return _day(needed(text, path), path)


def day_or_none(text: str | None, path: str) -> date | None:
    """An optional civil date."""
    return _day(text, path) if text else None


def span(start: str | None, end: str | None, kind: str) -> tuple[date, date | None]:
    """`startDate`, which is required, and `endDate`, which is not before it."""
    first = day(start, f"{kind}.startDate")
    last = day_or_none(end, f"{kind}.endDate")
    if last is not None and last < first:
        raise bad_data(DataReason.BAD_DATE, f"{kind}.endDate")
    return first, last


def month_index(text: str | None, path: str) -> int:
    """A required month `yyyy-MM` from 1900 on, as `Month.index`."""
    text = needed(text, path)
    try:
        month = Month.parse(text) if _MONTH.fullmatch(text) else None
    except ValueError:
        month = None
    if month is None or month.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return month.index


def instant_or_none(text: str | None, path: str) -> datetime | None:
    """An optional instant with its zone, from 1900 on, in UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC) if _INSTANT.fullmatch(text) else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return moment


def currency(text: str | None, path: str) -> str:
    """Three capital letters; no other text names a currency for certain.

    The factors check that the currency is the ruleset's. Null and lower-case words make the whole
    kind MIXED_CURRENCY, since the amount's minor unit would be a guess.
    """
    if text is None or not _CURRENCY.fullmatch(text):
        raise UpstreamFault(Cause.MIXED_CURRENCY, DataReason.MIXED_CURRENCY, path)
    return text


def minor(raw: Raw, code: str, path: str, *, signed: bool = False) -> int:
    """A required amount in minor units."""
    return needed(minor_or_none(raw, code, path, signed=signed), path)


def minor_or_none(raw: Raw, code: str, path: str, *, signed: bool = False) -> int | None:
    """An optional amount in minor units; below zero only where `signed`.

    Anything but a JSON number is UPSTREAM_SCHEMA; BAD_AMOUNT is a number that is too large, too
    fine, negative where it may not be, or a negative zero.
    """
    token = bytes(raw)
    if token == b"null":
        return None
    if token[:1] not in b"-0123456789":
        raise bad_data(DataReason.UPSTREAM_SCHEMA, path)
    amount = _number(token, path)
    if token[:1] == b"-" and not (signed and amount):
        raise bad_data(DataReason.BAD_AMOUNT, path)
    try:
        return to_minor(amount, code)
    except IllegalAmount:
        raise bad_data(DataReason.BAD_AMOUNT, path) from None


def _number(token: bytes, path: str) -> Decimal:
    # Decimal() of a long number is quick but what follows is not, and no amount needs it.
    if len(token) > _LONGEST_NUMBER:
        raise bad_data(DataReason.BAD_AMOUNT, path)
    try:
        return Decimal(token.decode())
    except InvalidOperation:
        raise bad_data(DataReason.BAD_AMOUNT, path) from None


def _day(text: str, path: str) -> date:
    try:
        value = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or value.year < EARLIEST_YEAR:
        raise bad_data(DataReason.BAD_DATE, path)
    return value
