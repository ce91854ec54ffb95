"""The figures within a text, and the values next to each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from decision_service.language.yaml.readers import parse_day

SMALL = 20
"""Whole numbers up to this one move by 1, others by a tenth."""

_TOKEN = re.compile(
    r"'[^']*'"
    r'|"[^"]*"'
    r"|\d{4}-\d{2}-\d{2}"
    r"|(?<![\w.])\d+(?:\.\d+)?(?![\w.])"
    r"|(?<![\w.])(?:true|false)(?![\w.])"
)
_OPERATOR = re.compile(r"[<>]=?|[!=]=|\b(?:and|or)\b|\b(?:min|max)(?=\()|[+-]")
_SIGNED = re.compile(r"(?:^|[(,<>=*/+-]|\b(?:if|else|and|or|not|in))\s*$")
"""What is before a minus that belongs to one value alone."""

_SWAPPED = {"<": "<=", ">": ">=", "and": "or", "min": "max", "+": "-", "==": "!="}
_SWAPPED |= {after: before for before, after in _SWAPPED.items()}
_WORD = re.compile(r"[^|\s\"'=!]+")


class FigureToken(msgspec.Struct, frozen=True):
    """A figure within a text: characters `start` to `end`; labels without their quotes."""

    start: int
    end: int
    text: str
    label: bool = False


def figures(text: str) -> Iterator[FigureToken]:
    """The numbers, dates, flags and quoted labels of an expression or a cell."""
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        if found[0][0] in "'\"":
            start, end = start + 1, end - 1
        word = text[start:end]
        yield FigureToken(start, end, word, label=found[0] != word and parse_day(word) is None)


def operators(text: str) -> Iterator[tuple[FigureToken, str]]:
    """The operators of an expression, each with the one that it is mistaken for."""
    taken = [found.span() for found in _TOKEN.finditer(text)]  # labels and dates have none
    for found in _OPERATOR.finditer(text):
        here = found.start()
        signed = found[0] in "+-" and _SIGNED.search(text, 0, here)
        if not signed and not any(start <= here < end for start, end in taken):
            yield FigureToken(*found.span(), found[0]), _SWAPPED[found[0]]


def labels(text: str) -> Iterator[FigureToken]:
    """The labels of a cell `A | B`, `!= A`; none in `-` and `missing`."""
    for found in _WORD.finditer(text):
        if found[0] not in ("-", "missing"):
            yield FigureToken(*found.span(), found[0], label=True)


def next_to(text: str) -> tuple[str, ...]:
    """The values beside a number, date or flag."""
    day = parse_day(text)
    if day is not None:
        return tuple((day + timedelta(days=step)).isoformat() for step in (1, -1))
    if text in ("true", "false"):
        return ("false" if text == "true" else "true",)
    return tuple(f"{n:f}" for n in _beside(Decimal(text), whole="." not in text))


def beside(label: str, known: Sequence[str]) -> tuple[str, ...]:
    """The labels before and after one; none where it is not among the known."""
    if label not in known:
        return ()
    index = known.index(label)
    return tuple(known[i] for i in (index - 1, index + 1) if 0 <= i < len(known))


def _beside(number: Decimal, *, whole: bool) -> tuple[Decimal, Decimal]:
    if not number or (whole and number <= SMALL):
        return number + 1, number - 1
    step = number / 10
    if whole:
        step = step.to_integral_value()
    elif number >= 1 and _decimals(number) > 1:
        step = step.quantize(number)  # an amount has no more digits than centavos
    return (number + step).normalize(), (number - step).normalize()


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
