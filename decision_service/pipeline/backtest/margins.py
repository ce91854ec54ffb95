"""Values near to a set figure: what the change would do if the figure lay a little elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from decision_service.ruleset.figures.setting import FigureSetter, FiguresUnfit

PERCENTS = tuple(range(-20, 25, 5))
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?", re.ASCII)
_FINER = 2
"""Decimals that a moved value may have more than a value with decimals."""

Margin = tuple[str, tuple[str, ...]]
"""A figure with the values near to it."""


def margins(setter: FigureSetter, figures: Mapping[str, str]) -> tuple[Margin, ...]:
    """For each set figure that is a number other than 0, the values near it that the rules take."""
    found = ((at, tuple(_fit(setter, figures, at))) for at in figures)
    return tuple((at, values) for at, values in found if len(values) > 1)


def margin_points(every: tuple[Margin, ...]) -> tuple[Mapping[str, str], ...]:
    """The margins as points, in their order."""
    return tuple({at: value} for at, values in every for value in values)


def _fit(setter: FigureSetter, figures: Mapping[str, str], at: str) -> Iterator[str]:
    for value in near(figures[at]):
        try:
            setter.compiled({**figures, at: value})
        except FiguresUnfit:
            continue
        yield value


def near(text: str) -> tuple[str, ...]:
    """The value moved by -20 % to +20 % in steps of 5 %, each once, in ascending order."""
    if not _NUMBER.fullmatch(text) or not (value := Decimal(text)):
        return ()
    places = -int(value.as_tuple().exponent)
    finest = Decimal(1).scaleb(-(places + _FINER if places else 0))
    moved = {_plain(value * (100 + p) / 100, finest) for p in PERCENTS if p} - {value}
    return tuple(text if one == value else f"{one:f}" for one in sorted({*moved, value}))


def _plain(value: Decimal, finest: Decimal) -> Decimal:
    """Rounded, without zeros at the end of its decimals."""
    rounded = value.quantize(finest)
    whole = rounded.to_integral_value()
    return whole if rounded == whole else rounded.normalize()
