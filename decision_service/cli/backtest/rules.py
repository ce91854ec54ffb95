"""The two sets of rules that a backtest compares, from a rules folder and what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import loaded, select_rules
from decision_service.cli.rules.version import NamedVersion, find_version
from decision_service.domain.errors import ProductUnknown
from decision_service.factors.registry import catalogue
from decision_service.pipeline.backtest.rules import RulesOrder
from decision_service.pipeline.rules.rulebook import Product
from decision_service.pipeline.rules.texts import ruleset_text
from decision_service.ruleset.figures.setting import FigureSetter, FiguresUnfit, SetFigure
from decision_service.ruleset.program.model import CompiledRuleset


@dataclass(frozen=True, slots=True)
class ComparedRules:
    """A product, its champion as it stands, and what it is compared with."""

    product: Product
    base: RulesOrder
    other: RulesOrder
    changed: CompiledRuleset
    name: str
    figures: tuple[SetFigure, ...]
    present: tuple[str, ...]


def compared_rules(
    folder: Path,
    name: str,
    other: str,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    """The rules; raises CommandError with the sentence of what is wrong with them."""
    selection = select_rules(folder)
    rulebook = loaded(selection).rulebook
    assert rulebook is not None  # noqa: S101  `loaded` raises otherwise
    try:
        product = rulebook.product(name)
    except ProductUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None
    base = find_version(f"{name}@{product.champion.version}", folder)
    changed = find_version(other, folder) if other else base
    if changed.ruleset.ruleset != name:
        raise CommandError(
            f"{other} is a version of {changed.ruleset.ruleset}, not of {name}: compare like with "
            "like",
            Exit.USAGE,
        )
    return _compared(product, base, changed, figures, points)


def _compared(
    product: Product,
    base: NamedVersion,
    changed: NamedVersion,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    ruleset = changed.ruleset
    told: tuple[SetFigure, ...] = ()
    present: tuple[str, ...] = ()
    try:
        if figures or points:
            setter = FigureSetter(changed.files, catalogue())
            if figures:
                ruleset, told = setter.compiled(figures)
            for point in points:
                _, found = setter.compiled({**figures, **point})
                present = tuple(one.before for one in found if one.at in point)
    except FiguresUnfit as error:
        raise CommandError(str(error), Exit.USAGE) from None
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
    )


def _order(version: NamedVersion, figures: Mapping[str, str]) -> RulesOrder:
    """A version as workers take it."""
    body = ruleset_text(version.ruleset, version.files).body
    return RulesOrder(body, dict(figures), dict(version.files.lists or {}))
