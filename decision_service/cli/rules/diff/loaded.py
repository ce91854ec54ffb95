"""A rules folder, or a part of it, that loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decision_service.cli.rules.folder import RulesSelection, loaded, select_rules, shown_name
from decision_service.pipeline.rules.folder import files_of
from decision_service.pipeline.rules.loading import LoadResult
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.ruleset.program.model import CompiledRuleset, RulesetFiles


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """A rules folder that loads, or a product or plan within it."""

    path: Path
    selection: RulesSelection
    loading: LoadResult

    @classmethod
    def read(cls, path: Path) -> LoadedRules:
        selection = select_rules(path)
        return cls(path, selection, loaded(selection))

    @property
    def rulebook(self) -> Rulebook:
        assert self.loading.rulebook is not None  # noqa: S101 - else it does not load
        return self.loading.rulebook

    @property
    def part(self) -> str:
        """The selected part by its path within the folder; empty for all of it."""
        name = shown_name(self.selection.root)
        return self.selection.part.removeprefix(name).removeprefix("/")

    def files(self, ruleset: CompiledRuleset) -> RulesetFiles:
        folder = self.selection.folder
        product = next(p for p in folder.products if p.product == ruleset.ruleset)
        return files_of(folder, product, ruleset.version)

    def file(self, ruleset: CompiledRuleset) -> str:
        return str(self.path / ruleset.ruleset / f"v{ruleset.version}.yaml")
