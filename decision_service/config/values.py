"""The kinds of values that settings take, each with the words that say so.

A ValueError without a message means that the value is not written as those words say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from decision_service.config.addresses import is_loopback, split_address

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_MONTHS = re.compile(r"([0-9]{1,6})(?: months?)?")
_LONGEST_TIME = 3650 * 86400


@dataclass(frozen=True, slots=True)
class Takes:
    """What a kind of value is written like, for messages and for the sample file."""

    words: str


class SmileMode(StrEnum):
    """Which vendor answers."""

    EMBEDDED = "embedded"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class OnRevoke(StrEnum):
    """Whether a withdrawn consent erases, besides the stored data, the decisions."""

    ERASE_SNAPSHOT = "erase_snapshot"
    ERASE_DECISIONS = "erase_decisions"


class LogFormat(StrEnum):
    """JSON lines for machines, columns for people."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least important lines that are written; also in upper case."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @classmethod
    def _missing_(cls, value: object) -> LogLevel | None:
        lower = value.lower() if isinstance(value, str) else value
        return next((one for one in cls if one.value == lower), None)


_TIME_WORDS = "a number with its unit, such as 250ms, 5s, 15m, 24h or 14d"
_MONTH_WORDS = "a number of months from 1 on, such as 25 or 25 months"
_ADDRESS_WORDS = "an address such as 127.0.0.1:50051"
_PATH_WORDS = "a path"
_URL_WORDS = "an https:// URL such as https://host/v1"


def _seconds(value: object) -> object:
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    return float(found[1]) * _UNITS[found[2]]


def _months(value: object) -> object:
    found = _MONTHS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) < 1:
        raise ValueError
    return int(found[1])


def _address(value: str) -> str:
    try:
        split_address(value)
    except ValueError:
        raise ValueError from None
    return value


def _path(value: object) -> object:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if not value:
        return value
    if parts.username or parts.password:
        raise ValueError("it must not hold a user name or password: use the key settings")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("http:// is accepted for loopback hosts only")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError
    return value


Seconds = Annotated[
    float, BeforeValidator(_seconds), Field(ge=0, le=_LONGEST_TIME), Takes(_TIME_WORDS)
]
Months = Annotated[int, BeforeValidator(_months), Field(ge=1, le=1200), Takes(_MONTH_WORDS)]
Address = Annotated[str, AfterValidator(_address), Takes(_ADDRESS_WORDS)]
NamedPath = Annotated[Path, BeforeValidator(_path), Takes(_PATH_WORDS)]
Url = Annotated[str, AfterValidator(_url), Takes(_URL_WORDS)]
Names = Annotated[str, Takes("names separated by commas")]
Country = Annotated[
    str, Field(pattern="^[A-Z]{2}$"), Takes("a country of ISO 3166 in capital letters, such as ID")
]
Currency = Annotated[
    str,
    Field(pattern="^[A-Z]{3}$"),
    Takes("a currency of ISO 4217 in capital letters, such as IDR"),
]
