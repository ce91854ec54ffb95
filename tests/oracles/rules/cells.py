"""Condition cells of bins and tables."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from tests.oracles.rules.holes import Gone

INTERVAL = re.compile(r"([\[(])(.+),(.+)([\])])")
OPERATOR = re.compile(r"(<=|>=|==|!=|<|>)(.+)")


def fits(cell: str, value: Any) -> Any:
    """Whether a cell takes a value: True, False, or Gone where it cannot be told."""
    if cell == "-":
        return True
    if isinstance(value, Gone):
        return True if cell == "missing" and not value.tainted else value
    if cell == "missing":
        return False
    interval, operation = INTERVAL.fullmatch(cell), OPERATOR.fullmatch(cell)
    if isinstance(value, str | bool):
        return _labelled(cell, operation, value)
    if interval is not None:
        opening, low, high, closing = interval.groups()
        above = value >= _like(value, low) if opening == "[" else value > _like(value, low)
        below = value <= _like(value, high) if closing == "]" else value < _like(value, high)
        return above and below
    assert operation is not None, cell
    end = _like(value, operation[2])
    return {
        "<": value < end, "<=": value <= end, ">": value > end, ">=": value >= end,
        "==": value == end, "!=": value != end,
    }[operation[1]]  # fmt: skip


def _labelled(cell: str, operation: re.Match[str] | None, value: Any) -> bool:
    words = (operation[2] if operation else cell).split("|")
    text = str(value).lower() if isinstance(value, bool) else value
    among = text in [word.strip() for word in words]
    return not among if operation is not None and operation[1] == "!=" else among


def _like(value: Any, text: str) -> Any:
    text = text.strip()
    return date.fromisoformat(text) if isinstance(value, date) else Decimal(text)
