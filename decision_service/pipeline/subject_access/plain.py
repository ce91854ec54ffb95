"""Values as a person reads them: texts, flags, whole numbers, None, lists and mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.months import Month

_AMOUNTS = frozenset(
    {
        "amount", "base", "gross", "net", "loan_amount", "amortization", "outstanding", "overdue",
        "next_payment", "exposure", "instalments", "approved", "disbursed", "instalment", "repaid",
        "due", "granted", "live_amount",
    }
)  # fmt: skip
"""Fields that hold whole minor units of the `currency` beside them."""

_MONTHS = frozenset({"month", "newest"})
"""Fields that hold a `Month.index`."""

Plain = str | bool | int | None | list[Any] | dict[str, Any]


def plain(value: object) -> Plain:
    """A value without the types of the code; amounts as `PHP 1200.00`, instants in UTC."""
    match value:
        case Enum():
            return str(value.value)
        case None | bool() | int() | str():
            return value
        case msgspec.Struct() if not isinstance(value, Money):
            return fields(msgspec.structs.asdict(value))
        case Mapping():
            return {str(plain(name)): plain(one) for name, one in value.items()}
        case Iterable():
            return [plain(one) for one in value]
    return _text(value)


def _text(value: object) -> str:
    match value:
        case Money():
            return money(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
    raise TypeError(f"a {type(value).__name__} has no plain form")


def fields(of: Mapping[str, Any], currency: str | None = None) -> dict[str, Any]:
    """Fields by name, without those that are None, with amounts of their currency."""
    unit = of.get("currency") or currency
    return {name: _field(name, one, unit) for name, one in of.items() if one is not None}


def money(amount: Money) -> str:
    """An amount as `PHP 1200.00`."""
    return f"{amount.currency} {amount.major:f}"


def _field(name: str, value: Any, currency: str | None) -> Plain:
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _AMOUNTS and currency:
            return money(Money(currency, value))
        if name in _MONTHS:
            return str(Month(value))
    return plain(value)
