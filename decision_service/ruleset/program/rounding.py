"""Rounding of two values that differ, so that they differ in words, too."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, floor
from typing import Any

from decision_service.language.evaluation.arithmetic import EXACT

STEP = Decimal("0.0001")
"""What numbers are rounded to in words."""

_WHOLE = 28
"""Numbers from 10 to this power on are not rounded."""


def apart(one: Any, other: Any, *, money: bool) -> tuple[Any, Any] | None:
    """Both rounded away from each other, money in minor units to whole ones, numbers to STEP.

    None where they are equal, or where either is no number.
    """
    if not (_is_number(one) and _is_number(other)) or one == other:
        return None
    if one > other:
        lower, upper = _below(other, money=money), _above(one, money=money)
        return upper, lower
    return _below(one, money=money), _above(other, money=money)


def _is_number(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite() and value.adjusted() < _WHOLE
    return isinstance(value, int) and not isinstance(value, bool)


def _below(value: Decimal | int, *, money: bool) -> Decimal | int:
    if isinstance(value, int) or money:
        return floor(value)
    return value.quantize(STEP, ROUND_FLOOR, EXACT)


def _above(value: Decimal | int, *, money: bool) -> Decimal | int:
    if isinstance(value, int) or money:
        return ceil(value)
    return value.quantize(STEP, ROUND_CEILING, EXACT)
