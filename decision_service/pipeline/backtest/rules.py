"""The two sets of rules of a backtest, as they are sent to a worker and compiled there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec
from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.impact.figures import DatedFigure
from decision_service.pipeline.backtest.judge import BacktestRules
from decision_service.pipeline.rules.texts import files_from_body
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.figures.setting import FigureSetter
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles


class RulesOrder(msgspec.Struct, frozen=True):
    """A version's stored files, with figures to set, and the lists of today that it may ask."""

    body: bytes
    figures: Mapping[str, str] = {}
    lists: Mapping[str, str] = {}

    @property
    def files(self) -> RulesetFiles:
        """The version's files."""
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
