"""`--set` and `--sweep`: figures and their values as they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod
from typing import NamedTuple

from decision_service.cli.errors import CommandError, Exit

MOST_POINTS = 500
MOST_RANGES = 2
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})/({_NUMBER})", re.ASCII)


def assignments(given: Sequence[str]) -> Mapping[str, str]:
    """`params.x=1` as a mapping; raises CommandError."""
    found: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise CommandError(
                f"--set is {word}: write a figure and its value, such as "
                "params.min_monthly_income=9000",
                Exit.USAGE,
            )
        if name in found:
            raise CommandError(f"--set gives {name} twice: {found[name]} and {value}", Exit.USAGE)
        found[name] = value
    return found


def sweep_points(given: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """Every point of one range, or of two as a grid; raises CommandError."""
    if len(given) > MOST_RANGES:
        raise CommandError(f"--sweep is given {len(given)} times: two at most", Exit.USAGE)
    ranges = [_range(word) for word in given]
    count = prod(one.steps for one in ranges)
    if count > MOST_POINTS:
        raise CommandError(
            f"--sweep {' --sweep '.join(given)} has {count:,} points and {MOST_POINTS} are the "
            "most: widen the steps",
            Exit.USAGE,
        )
    names = [one.figure for one in ranges]
    every = product(*(one.values() for one in ranges)) if ranges else ()
    return [dict(zip(names, values, strict=True)) for values in every]


class _Range(NamedTuple):
    """A figure with its first and last value, and the step between two."""

    figure: str
    first: Decimal
    last: Decimal
    step: Decimal

    @property
    def steps(self) -> int:
        return int((self.last - self.first) / self.step) + 1

    def values(self) -> list[str]:
        return [f"{self.first + self.step * place:f}" for place in range(self.steps)]


def _range(word: str) -> _Range:
    name, _, told = word.partition("=")
    found = _RANGE.fullmatch(told)
    if found is None:
        raise CommandError(
            f"--sweep is {word}: write from..to/step, such as "
            "params.min_monthly_income=7000..12000/500",
            Exit.USAGE,
        )
    one = _Range(name, *map(Decimal, found.groups()))
    if one.step <= 0 or one.last < one.first:
        raise CommandError(
            f"--sweep is {word}: the end must not be below the beginning, and the step above 0",
            Exit.USAGE,
        )
    return one
