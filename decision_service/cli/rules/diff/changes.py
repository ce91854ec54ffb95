"""Which versions of a rules folder are new or changed, and what each is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.ruleset.program.model import CompiledRuleset


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


def _role(product: Product, number: int) -> str:
    if number == product.champion.version:
        return "champion"
    challenger = product.plan.versions.challenger
    return "challenger" if challenger and challenger.version == number else ""
