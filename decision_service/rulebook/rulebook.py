"""All products with their rules and plans as they decide now, and the policy over them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.domain.errors import ProductUnknown, RulesetUnknown, RulesUnavailable
from decision_service.domain.ports import StoredText
from decision_service.rollout.model import Plan
from decision_service.rollout.state import RolloutState
from decision_service.rules.language.diagnostics import Diagnostic, count
from decision_service.rules.program import CompiledRuleset, KeyList

# What decides needs no letters and no laws, and does not load them.
if TYPE_CHECKING:
    from decision_service.rules.law import PriceLaw
    from decision_service.rules.letters import NoticeTexts

POLICY = "policy.yaml"
NOTHING_IN_FORCE = (
    "no release of rules is in force yet: two persons confirm the first one, "
    "`decision-service rules releases` lists what waits"
)
MOST_PERCENT = 100


class PlanRisk(StrEnum):
    """What `preflight` refuses in a plan unless the policy accepts it."""

    FIRST_STAGE = "first_stage"
    NO_GUARDRAILS = "no_guardrails"
    NO_CAPS = "no_caps"


class Floors(msgspec.Struct, frozen=True):
    """The least percentages of a version: of parts that cases reach, of changes they notice."""

    coverage: int = MOST_PERCENT
    figures: int = MOST_PERCENT


class Acceptance(msgspec.Struct, frozen=True):
    product: str
    what: PlanRisk
    reason: str


class Policy(msgspec.Struct, frozen=True):
    """A folder's policy; without a file everything is asked for and nothing is accepted."""

    floors: Floors = Floors()
    accept: tuple[Acceptance, ...] = ()

    def reason(self, product: str, what: PlanRisk) -> str:
        """Why a risk of a product's plan is accepted; empty where it is not."""
        found = (one.reason for one in self.accept if (one.product, one.what) == (product, what))
        return next(found, "")

    @property
    def remarks(self) -> tuple[str, ...]:
        return tuple(
            f"{POLICY} asks for {floor} % of {name} alone, not for {MOST_PERCENT} %"
            for name, floor in msgspec.structs.asdict(self.floors).items()
            if floor < MOST_PERCENT
        )


# dict=True, since a cached property keeps its value in it.
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
        return self.versions[self.plan.versions.champion]

    @cached_property
    def roles(self) -> Mapping[int, str]:
        """What the plan makes of its versions: champion, challenger or shadow, by number."""
        versions = self.plan.versions
        found = {one.version: "shadow" for one in versions.shadow}
        if versions.challenger is not None:
            found[versions.challenger.version] = "challenger"
        found[versions.champion] = "champion"
        return found

    def version(self, number: int) -> CompiledRuleset:
        found = self.versions.get(number) if number else self.champion
        if found is None:
            known = ", ".join(str(version) for version in sorted(self.versions))
            raise RulesetUnknown(
                f"{self.name} has no version {number}: the loaded ones are {known}", version=number
            )
        return found

    @cached_property
    def lists(self) -> tuple[KeyList, ...]:
        found = {one.name: one for v in self.versions.values() for one in v.lists.values()}
        return tuple(found[name] for name in sorted(found))

    @cached_property
    def input_names(self) -> frozenset[str]:
        """The inputs that any loaded version declares, so that clients may send them early."""
        return frozenset(name for version in self.versions.values() for name in version.inputs)


# dict=True, since a cached property keeps its value in it.
class Rulebook(msgspec.Struct, frozen=True, dict=True):
    """All products without errors; `laws` are for proofs alone."""

    products: Mapping[str, Product] = msgspec.field(default_factory=dict)
    policy: Policy = Policy()
    laws: Mapping[str, PriceLaw] = msgspec.field(default_factory=dict)

    def product(self, name: str) -> Product:
        """Raises ProductUnknown, and RulesUnavailable before the first release."""
        found = self.products.get(name)
        # Before the first release no product is known, which is another mistake than a wrong name.
        if not self.products:
            raise RulesUnavailable(NOTHING_IN_FORCE)
        if found is None:
            known = ", ".join(sorted(self.products)) or "none"
            what = f"there is no product {name}" if name else "product is empty"
            raise ProductUnknown(f"{what}: the loaded ones are {known}", product=name)
        return found

    def with_products(self, moved: Mapping[str, Product]) -> Rulebook:
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
        return {
            ruleset.digest: ruleset
            for product in self.products.values()
            for ruleset in product.versions.values()
        }

    def by_digest(self, digest: str) -> CompiledRuleset | None:
        return self.digests.get(digest)


class ActiveRulesStatus(msgspec.Struct, frozen=True):
    """`since` is when each digest began to decide; `refused` is empty after a good reading."""

    rulebook: Rulebook
    since: Mapping[str, datetime]
    read: datetime
    refused: tuple[Diagnostic, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """A line for operators where the folder's last reading was refused."""
        if not self.refused:
            return ()
        found = count(self.refused)
        when = f"{self.read:%Y-%m-%dT%H:%M:%SZ}"
        return (f"rules refused at {when} ({found}); the last good ones decide",)


class ActiveRules:
    """A decision takes `current()` once and keeps it; a later `put` does not reach it."""

    def __init__(self, rulebook: Rulebook, now: datetime) -> None:
        self._status = ActiveRulesStatus(rulebook, dict.fromkeys(rulebook.digests, now), now)

    def current(self) -> Rulebook:
        return self._status.rulebook

    @property
    def status(self) -> ActiveRulesStatus:
        return self._status

    def put(self, rulebook: Rulebook, now: datetime) -> None:
        since = {digest: self._status.since.get(digest, now) for digest in rulebook.digests}
        # One assignment: whoever reads meanwhile has the old rules with their days, or the new
        # ones.
        self._status = ActiveRulesStatus(rulebook, since, now)

    def set_products(self, moved: Mapping[str, Product]) -> None:
        self._status = replace(self._status, rulebook=self.current().with_products(moved))

    def accept(self, now: datetime) -> None:
        """The folder was read without a mistake; what decides may be another release."""
        self._status = replace(self._status, read=now, refused=())

    def refuse(self, problems: tuple[Diagnostic, ...], now: datetime) -> None:
        self._status = replace(self._status, read=now, refused=problems)


def used_kind(product: str, version: int) -> str:
    """The kind of the notes on one version, of which the newest names what it decided with."""
    return f"used {product}@{version}"


def used_mark(ruleset: CompiledRuleset) -> StoredText:
    """The note that a version has decided with this content, stored before its first decision."""
    kind = used_kind(ruleset.ruleset, ruleset.version)
    return StoredText(f"{kind} {ruleset.digest}", kind, ruleset.digest.encode())
