"""A typical person, whom a counterexample should differ from in as little as possible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from decision_service.domain.factor import Better, FactorSpec, ValueType
from decision_service.domain.money import exponent
from decision_service.language.types import Symbol
from decision_service.proofs.person import TODAY

_AMOUNTS = {"income": 30_000, "contributions": 2_000, "transactions": 20_000, "inputs": 20_000}
_COUNTS = {"months": 24, "years": 35, "days": 20}
_LONG_AGO = timedelta(days=365)


def typical(symbol: Symbol, spec: FactorSpec | None, currency: str, day: date) -> Any:
    """A plain value of a name within its bounds, good for an applicant where it can be."""
    if symbol.type is ValueType.FLAG:
        return spec is not None and spec.better is Better.UP
    if symbol.type is ValueType.TEXT:
        return symbol.labels[0] if symbol.labels else "some text"
    if symbol.type is ValueType.DATE:
        return day if symbol.name == TODAY else day - _LONG_AGO
    plain = _within(symbol, _plain(symbol, spec))
    if symbol.type is ValueType.MONEY:
        return int(plain.scaleb(exponent(currency)))
    return int(plain) if symbol.type is ValueType.INTEGER else plain


def _plain(symbol: Symbol, spec: FactorSpec | None) -> Decimal:
    """In the unit of the name."""
    family = symbol.name.partition(".")[0]
    if spec is not None and spec.better is Better.DOWN:
        return Decimal(0)
    if symbol.type is ValueType.MONEY:
        good = spec is None or spec.better is Better.UP
        return Decimal(_AMOUNTS.get(family, 0) if good else 0)
    if symbol.type is ValueType.NUMBER:
        good = spec is not None and spec.better is Better.UP
        return Decimal(1) if good else Decimal(0)
    if spec is None:
        return Decimal(6)
    return Decimal(_COUNTS.get(spec.unit, 1))


def _within(symbol: Symbol, value: Decimal) -> Decimal:
    if symbol.lower is not None:
        value = max(value, symbol.lower)
    return value if symbol.upper is None else min(value, symbol.upper)


def rounder(value: Any, type_: ValueType) -> Iterator[Any]:
    """Rounder values near a number, the roundest first."""
    if type_ in (ValueType.MONEY, ValueType.INTEGER):
        sizes = (10**zeros for zeros in range(len(str(abs(value)))))
        yield from (size if value > 0 else -size for size in sizes)
        for zeros in range(9, 0, -1):
            step = 10**zeros
            yield from dict.fromkeys((value // step * step, -(-value // step) * step))
    elif type_ is ValueType.NUMBER:
        for digits in range(9):
            step = Decimal(1).scaleb(-digits)
            below = (value // step) * step
            yield from (below, below + step, below - step)
