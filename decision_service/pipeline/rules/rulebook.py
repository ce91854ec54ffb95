"""All products with their rules and plans, checked together and replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.errors import ProductUnknown, RulesetUnknown
from decision_service.notices.model import NoticeTexts
from decision_service.pipeline.rules.policy import Policy
from decision_service.pipeline.rules.publishing.manifest import Publication
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState
from decision_service.ruleset.program.lists import KeyList
from decision_service.ruleset.program.model import CompiledRuleset


class Product(msgspec.Struct, frozen=True, dict=True):
    """One product: its ruleset versions, its rollout plan, and the rollout's state.

    `notices` are its texts for letters by language. `waiting` is a changed plan that takes effect
    once two callers have confirmed it; until then `plan`, the one in force, goes on.
    """

    name: str
    versions: Mapping[int, CompiledRuleset]
    plan: Plan
    state: RolloutState
    notices: Mapping[str, NoticeTexts] = msgspec.field(default_factory=dict)
    waiting: Plan | None = None

    @property
    def champion(self) -> CompiledRuleset:
        """The version that decides for everybody who is in no other arm."""
        return self.versions[self.plan.versions.champion]

    def version(self, number: int) -> CompiledRuleset:
        """A version, the champion for 0; raises RulesetUnknown."""
        found = self.versions.get(number) if number else self.champion
        if found is None:
            known = ", ".join(str(version) for version in sorted(self.versions))
            raise RulesetUnknown(
                f"{self.name} has no version {number}: the loaded ones are {known}", version=number
            )
        return found

    @cached_property
    def lists(self) -> tuple[KeyList, ...]:
        """The lists that any loaded version asks, by name."""
        found = {one.name: one for v in self.versions.values() for one in v.lists.values()}
        return tuple(found[name] for name in sorted(found))

    @cached_property
    def input_names(self) -> frozenset[str]:
        """The inputs that any loaded version declares, so that clients may send them early."""
        return frozenset(name for version in self.versions.values() for name in version.inputs)


class Rulebook(msgspec.Struct, frozen=True, dict=True):
    """All products without errors; a decision keeps the rulebook of its admission.

    `published` is who published them; None where nobody did.
    """

    products: Mapping[str, Product] = msgspec.field(default_factory=dict)
    published: Publication | None = None
    policy: Policy = Policy()

    def product(self, name: str) -> Product:
        """A product by name; raises ProductUnknown."""
        found = self.products.get(name)
        if found is None:
            known = ", ".join(sorted(self.products)) or "none"
            raise ProductUnknown(
                f"there is no product {name}: the loaded ones are {known}", product=name
            )
        return found

    def with_products(self, moved: Mapping[str, Product]) -> Rulebook:
        """The same rules with these products, each with another state or plan."""
        return replace(self, products={**self.products, **moved})

    @property
    def deciding(self) -> Mapping[str, CompiledRuleset]:
        """Each product's champion and challenger by their names, `personal-loan-ph v1`."""
        versions = [
            product.versions[number]
            for product in self.products.values()
            for arm in (Arm.CHAMPION, Arm.CHALLENGER)
            if (number := product.plan.versions.of(arm) or 0) in product.versions
        ]
        return {f"{one.ruleset} v{one.version}": one for one in versions}

    @cached_property
    def digests(self) -> Mapping[str, CompiledRuleset]:
        """Every loaded ruleset by its digest."""
        return {
            ruleset.digest: ruleset
            for product in self.products.values()
            for ruleset in product.versions.values()
        }

    def by_digest(self, digest: str) -> CompiledRuleset | None:
        """The loaded ruleset of a digest, if there is one."""
        return self.digests.get(digest)
