"""Which versions of a rules folder are new or changed, and what each is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from decision_service.cli.rules.folder import RulesSelection, loaded, select_rules
from decision_service.pipeline.rules.loading import LoadResult
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.program.model import CompiledRuleset


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """A rules folder that loads."""

    path: Path
    selection: RulesSelection
    loading: LoadResult

    @classmethod
    def read(cls, path: Path) -> LoadedRules:
        """The rules of a folder; raises CommandError."""
        selection = select_rules(path)
        return cls(path, selection, loaded(selection))

    @property
    def rulebook(self) -> Rulebook:
        """The rules."""
        assert self.loading.rulebook is not None  # noqa: S101 - else it does not load
        return self.loading.rulebook

    def file(self, ruleset: CompiledRuleset) -> str:
        """The path of a version's file."""
        return str(self.path / ruleset.ruleset / f"v{ruleset.version}.yaml")


@dataclass(frozen=True, slots=True)
class ChangedVersion:
    """A version that decides otherwise than before, or may decide now.

    `before` is the same version or else the champion as it was, `champion` that alone; both None
    for a new product.
    """

    after: CompiledRuleset
    role: str
    before: CompiledRuleset | None
    champion: CompiledRuleset | None

    @property
    def name(self) -> str:
        """`personal-loan-ph v2 (challenger)`."""
        role = f" ({self.role})" if self.role else ""
        return f"{self.after.ruleset} v{self.after.version}{role}"


def changed_versions(old: Rulebook, new: Rulebook) -> Iterator[ChangedVersion]:
    """In the order of products and versions; a version that only became champion is one."""
    for name, product in new.products.items():
        was = old.products.get(name)
        for number, ruleset in sorted(product.versions.items()):
            same = was.versions.get(number) if was else None
            champion = was.champion if was else None
            promoted = ruleset is product.champion and champion is not None
            if promoted and champion is not None and champion.digest == ruleset.digest:
                promoted = False
            if promoted or same is None or same.digest != ruleset.digest:
                before = champion if promoted else same or champion
                yield ChangedVersion(ruleset, _role(product, number), before, champion)


def removed_versions(old: Rulebook, new: Rulebook) -> Iterator[str]:
    """`personal-loan-ph v1` for each version that is there no more."""
    for name, product in old.products.items():
        kept = new.products[name].versions if name in new.products else {}
        yield from (
            f"{name} v{number}" for number in sorted(product.versions) if number not in kept
        )


def _role(product: Product, number: int) -> str:
    if number == product.champion.version:
        return "champion"
    challenger = product.plan.versions.challenger
    return "challenger" if challenger and challenger.version == number else ""
