"""`--set` and `--sweep`: figures and their values as they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from decision_service.cli.errors import CommandError, Exit

MOST_POINTS = 500
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
    if len(given) > 2:
        raise CommandError(f"--sweep is given {len(given)} times: two at most", Exit.USAGE)
    ranges = [_range(word) for word in given]
    count = 1
    for _, values in ranges:
        count *= len(values)
    if count > MOST_POINTS:
        raise CommandError(
            f"the sweep has {count:,} points and {MOST_POINTS} are the most: widen the steps",
            Exit.USAGE,
        )
    if not ranges:
        return []
    names = [name for name, _ in ranges]
    return [dict(zip(names, values, strict=True)) for values in product(*(v for _, v in ranges))]


def _range(word: str) -> tuple[str, list[str]]:
    name, _, told = word.partition("=")
    found = _RANGE.fullmatch(told)
    if found is None:
        raise CommandError(
            f"--sweep is {word}: write from..to/step, such as "
            "params.min_monthly_income=7000..12000/500",
            Exit.USAGE,
        )
    first, last, step = map(Decimal, found.groups())
    if step <= 0 or last < first:
        raise CommandError(
            f"--sweep is {word}: the end must not be below the beginning, and the step above 0",
            Exit.USAGE,
        )
    steps = int((last - first) / step)
    if steps >= MOST_POINTS:
        raise CommandError(
            f"--sweep {word} has {steps + 1:,} points and {MOST_POINTS} are the most: widen the "
            "steps",
            Exit.USAGE,
        )
    return name, [f"{first + step * place:f}" for place in range(steps + 1)]
