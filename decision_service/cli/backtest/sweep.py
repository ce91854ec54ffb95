"""`--set` and `--sweep`: figures and their values as they are typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from decision_service.cli.errors import CommandError, Exit
from decision_service.pipeline.backtest.sweep import FigureRange, SweepUnfit, points_of

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


def sweep_ranges(given: Sequence[str]) -> Sequence[FigureRange]:
    """The ranges as they are typed; raises CommandError."""
    return [_range(word) for word in given]


def sweep_points(given: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """Every point of one range, or of two as a grid; raises CommandError."""
    try:
        return points_of(sweep_ranges(given))
    except SweepUnfit as error:
        raise CommandError(f"--sweep {' --sweep '.join(given)}: {error}", Exit.USAGE) from None


def _range(word: str) -> FigureRange:
    name, _, told = word.partition("=")
    found = _RANGE.fullmatch(told)
    if found is None:
        raise CommandError(
            f"--sweep is {word}: write from..to/step, such as "
            "params.min_monthly_income=7000..12000/500",
            Exit.USAGE,
        )
    return FigureRange(name, *map(Decimal, found.groups()))
