"""Times as settings write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_seconds(value: object) -> object:
    """Seconds from `1.5`, `250ms`, `5s`, `15m`, `24h` or `14d`; other types pass through."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    unit = next((u for u in ("ms", "s", "m", "h", "d") if text.endswith(u)), "")
    number = text[: len(text) - len(unit)] if unit else text
    try:
        return float(number) * _UNITS.get(unit, 1)
    except ValueError:
        raise ValueError("a time such as 250ms, 5s, 15m, 24h or 14d is needed") from None


def parse_months(value: object) -> object:
    """Months from `25` or `25 months`; other types pass through."""
    if not isinstance(value, str):
        return value
    number = value.strip().removesuffix("s").removesuffix("month").strip()
    if not number.isdecimal():
        raise ValueError("a number of months such as 25, or 25 months, is needed")
    return int(number)


Months = Annotated[int, BeforeValidator(parse_months), Field(ge=1, le=1200)]
Seconds = Annotated[float, BeforeValidator(parse_seconds), Field(ge=0)]
