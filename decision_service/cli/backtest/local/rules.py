"""The two sets of rules that a backtest compares, from a rules folder and what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.folder import loaded, select_rules
from decision_service.cli.rules.version import NamedVersion, find_version
from decision_service.domain.errors import ProductUnknown
from decision_service.pipeline.backtest.compared import ComparedRules, RulesVersion, compared
from decision_service.ruleset.figures.setting import FiguresUnfit


def compared_rules(
    folder: Path,
    name: str,
    other: str,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    """The rules; raises CommandError with the sentence of what is wrong with them."""
    loading = loaded(select_rules(folder))
    rulebook = loading.rulebook
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
    try:
        both = compared(product, _version(base), _version(changed), figures, points)
    except FiguresUnfit as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return replace(both, texts={text.digest: text.body for text in loading.texts})


def _version(named: NamedVersion) -> RulesVersion:
    return RulesVersion(named.files, named.ruleset)
