"""An entry of a plan, and its values as texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import msgspec

from decision_service.language.changes import in_words

LENGTHS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class PlanEntry(msgspec.Struct, frozen=True):
    """What a plan says of one thing.

    `kind` joins entries whose order counts, empty where it does not. `values` has a text for each
    key; the empty key stands for an entry that is one text.
    """

    group: str
    subject: str
    values: Mapping[str, str]
    kind: str = ""


def single(group: str, key: str, text: str) -> PlanEntry:
    """An entry that is one text, under its key in words."""
    words = in_words(key)
    return PlanEntry(group, words if words == key else f"{words} ({key})", {"": text})


def values_of(**given: str | int | None) -> dict[str, str]:
    """The texts of those that say anything; 0 and an empty text stand for nothing written."""
    return {key: str(value) for key, value in given.items() if value}


def percent_of(share: int) -> str:
    """Thousandths of a percent as a percentage."""
    return digits_of(Decimal(share) / 1000)


def digits_of(number: Decimal | None) -> str:
    """A number without exponent and trailing zeros; empty for none."""
    return "" if number is None else f"{number.normalize():f}"


def length_of(length: timedelta) -> str:
    """A length in the largest unit that leaves no rest: `14d`, `36h`; empty for none."""
    seconds = int(length.total_seconds())
    unit, size = next(one for one in LENGTHS.items() if seconds % one[1] == 0)
    return f"{seconds // size}{unit}" if seconds else ""
