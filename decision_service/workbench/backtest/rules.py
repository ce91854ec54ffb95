"""The two sets of rules of a backtest, with constants moved for a sweep or a margin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import files_from_body, ruleset_text
from decision_service.rulebook.rulebook import Product
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.workbench.backtest.judge import BacktestRules
from decision_service.workbench.backtest.report import DatedFigure
from decision_service.workbench.constants import (
    FigureSetter,
    FiguresUnfit,
    NamedVersion,
    SetFigure,
)

PERCENTS = tuple(range(-20, 25, 5))
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?", re.ASCII)
_FINER = 2
"""Decimals that a moved value may have more than a value with decimals."""

Margin = tuple[str, tuple[str, ...]]
"""A figure with the values near to it."""


class RulesOrder(msgspec.Struct, frozen=True):
    body: bytes
    figures: Mapping[str, str] = {}
    lists: Mapping[str, str] = {}

    @property
    def files(self) -> RulesetFiles:
        return replace(files_from_body(self.body), lists=self.lists)


class BacktestOrder(msgspec.Struct):
    """What every worker of a run does alike.

    `by` are the dimensions of the report; `share` of the applicants are judged, in 2**32 parts,
    chosen by a hash of `seed` and the user. `points` are the figures of each point of a sweep, set
    beside those of `other`; `margins` likewise, judged for `margin_share` of the applicants, as are
    the days of `dated` figures.
    """

    product: str
    base: RulesOrder
    other: RulesOrder
    known: frozenset[str]
    params_as_of: date | None = None
    by: tuple[str, ...] = ()
    share: int = 1 << 32
    seed: int = 0
    points: tuple[Mapping[str, str], ...] = ()
    margins: tuple[Mapping[str, str], ...] = ()
    margin_share: int = 1 << 32
    dated: tuple[DatedFigure, ...] = ()


def rules_of(order: BacktestOrder) -> BacktestRules:
    """The compiled rules of an order; raises FiguresUnfit."""
    base, other = compiled(order.base), compiled(order.other)
    points, margins = (_moved(order.other, figures) for figures in (order.points, order.margins))
    days = tuple(sorted({one.day for one in order.dated}))
    return BacktestRules(base, other, order.by, order.params_as_of, points, margins, days)


def _moved(other: RulesOrder, every: tuple[Mapping[str, str], ...]) -> tuple[CompiledRuleset, ...]:
    if not every:
        return ()
    setter = FigureSetter(other.files, catalogue())
    return tuple(setter.compiled({**other.figures, **figures})[0] for figures in every)


def compiled(order: RulesOrder) -> CompiledRuleset:
    """The version with its figures set; raises FiguresUnfit."""
    files = order.files
    if order.figures:
        return FigureSetter(files, catalogue()).compiled(order.figures)[0]
    ruleset = compile_ruleset(files, catalogue(), checks=()).ruleset
    if ruleset is None:
        raise ValueError(f"{files.path} does not compile")
    return ruleset


def margins(setter: FigureSetter, figures: Mapping[str, str]) -> tuple[Margin, ...]:
    found = ((at, tuple(_fit(setter, figures, at))) for at in figures)
    return tuple((at, values) for at, values in found if len(values) > 1)


def margin_points(every: tuple[Margin, ...]) -> tuple[Mapping[str, str], ...]:
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
    rounded = value.quantize(finest)
    whole = rounded.to_integral_value()
    return whole if rounded == whole else rounded.normalize()


class ComparedRules(msgspec.Struct, frozen=True):
    """A product, its champion as it stands, and what it is compared with.

    `name` is how reports call the other side; `figures` are those that were set, and `present` are
    the values in force of those that a sweep goes through. `margins` are values near to the set
    ones. `texts` are the stored files of versions at hand by digest, for decisions without a store.
    """

    product: Product
    base: RulesOrder
    other: RulesOrder
    changed: CompiledRuleset
    name: str
    figures: tuple[SetFigure, ...]
    present: tuple[str, ...]
    margins: tuple[Margin, ...] = ()
    texts: Mapping[str, bytes] = {}


def compared(
    product: Product,
    base: NamedVersion,
    changed: NamedVersion,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    """Both sides, the other with figures set; each point is tried. Raises FiguresUnfit."""
    ruleset = changed.ruleset
    moved: tuple[SetFigure, ...] = ()
    present: tuple[str, ...] = ()
    near: tuple[Margin, ...] = ()
    if figures or points:
        setter = FigureSetter(changed.files, catalogue())
        if figures:
            ruleset, moved = setter.compiled(figures)
            near = margins(setter, figures)
        for point in points:
            _, found = setter.compiled({**figures, **point})
            present = tuple(one.before for one in found if one.at in point)
    name = f"v{changed.ruleset.version}"
    shown = ", ".join(f"{one.at.removeprefix('params.')} {one.after}" for one in moved)
    return ComparedRules(
        product,
        _order(base, {}),
        _order(changed, figures),
        ruleset,
        f"{name} with {shown}" if shown else name,
        moved,
        present,
        near,
    )


def _order(version: NamedVersion, figures: Mapping[str, str]) -> RulesOrder:
    body = ruleset_text(version.ruleset, version.files).body
    return RulesOrder(body, dict(figures), dict(version.files.lists or {}))
