"""The two sets of rules of a backtest: a product's champion, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from decision_service.factors.registry import catalogue
from decision_service.pipeline.backtest.margins import Margin, margins
from decision_service.pipeline.backtest.rules import RulesOrder
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.rules.texts import ruleset_text
from decision_service.ruleset.figures.setting import FigureSetter, SetFigure
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles


class RulesVersion(msgspec.Struct, frozen=True):
    """A version's files with what they compile to."""

    files: RulesetFiles
    ruleset: CompiledRuleset


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
    base: RulesVersion,
    changed: RulesVersion,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    """Both sides, the other with figures set; each point is tried. Raises FiguresUnfit."""
    ruleset = changed.ruleset
    told: tuple[SetFigure, ...] = ()
    present: tuple[str, ...] = ()
    near: tuple[Margin, ...] = ()
    if figures or points:
        setter = FigureSetter(changed.files, catalogue())
        if figures:
            ruleset, told = setter.compiled(figures)
            near = margins(setter, figures)
        for point in points:
            _, found = setter.compiled({**figures, **point})
            present = tuple(one.before for one in found if one.at in point)
    name = f"v{changed.ruleset.version}"
    shown = ", ".join(f"{one.at.removeprefix('params.')} {one.after}" for one in told)
    return ComparedRules(
        product,
        _order(base, {}),
        _order(changed, figures),
        ruleset,
        f"{name} with {shown}" if shown else name,
        told,
        present,
        near,
    )


def _order(version: RulesVersion, figures: Mapping[str, str]) -> RulesOrder:
    """A version as workers take it."""
    body = ruleset_text(version.ruleset, version.files).body
    return RulesOrder(body, dict(figures), dict(version.files.lists or {}))
