"""`rules diff`: what changed between two versions or two states of the rules, with what is
proved of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from decision_service.cli.output import CommandError, Exit
from decision_service.cli.views import counted
from decision_service.factors.registry import catalogue
from decision_service.rulebook.acceptance import ListChange, list_changes
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.rules.inputs import SHARED
from decision_service.rules.program import CompiledRuleset
from decision_service.workbench.backtest.report import Proofs
from decision_service.workbench.changes import Direction, WrittenChange, keys_of
from decision_service.workbench.commands.folder import LoadedRules
from decision_service.workbench.diff import RulesetDiff, compare
from decision_service.workbench.plan_diff import compare_plans, file_of
from decision_service.workbench.proofs.report import claim_proofs
from decision_service.workbench.proofs.solver import SolverMissing
from decision_service.workbench.safeguards import guard_changes


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


@dataclass(frozen=True, slots=True)
class PlanDiff:
    product: str
    before: str
    after: str
    changes: tuple[WrittenChange, ...]


@dataclass(frozen=True, slots=True)
class RulesDiff:
    """Two states compared; `versions` have no comparison where nothing was before."""

    gone: tuple[str, ...]
    versions: tuple[tuple[ChangedVersion, RulesetDiff | None], ...]
    plans: tuple[PlanDiff, ...]
    lists: tuple[ListChange, ...]
    guards: tuple[WrittenChange, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.versions or self.plans or self.lists or self.guards)


def compare_rules(old: LoadedRules, new: LoadedRules) -> RulesDiff:
    if old.part != new.part:
        first, second = (rules.part or "all products" for rules in (old, new))
        raise CommandError(
            f"one side is {first} and the other {second}: name the same part of both, or two "
            "versions by their files",
            Exit.USAGE,
        )
    folders = old.selection.folder, new.selection.folder
    lists = list_changes(*folders, datetime.now(UTC))
    return RulesDiff(
        tuple(_gone(old, new)),
        tuple(_versions(old, new)),
        tuple(_plans(old, new)),
        tuple(one for one in lists.changes if _selected(new, one.path)) if lists else (),
        tuple(one for one in guard_changes(*folders) if _selected(new, one.group)),
    )


def _selected(rules: LoadedRules, path: str) -> bool:
    part = rules.part
    shared = "/" not in part and path.startswith(SHARED)  # of every product
    return shared or part in ("", path) or path.startswith(f"{part}/")


def _versions(
    old: LoadedRules, new: LoadedRules
) -> Iterator[tuple[ChangedVersion, RulesetDiff | None]]:
    for one in changed_versions(old.rulebook, new.rulebook):
        if not _selected(new, f"{one.after.ruleset}/v{one.after.version}.yaml"):
            continue
        was = None if one.before is None else old.files(one.before)
        yield one, None if was is None else compare(was, new.files(one.after), catalogue())


def _plans(old: LoadedRules, new: LoadedRules) -> Iterator[PlanDiff]:
    before, after = old.rulebook.products, new.rulebook.products
    for name in keys_of(before, after):
        sides = (before.get(name), after.get(name))
        first, second = (None if product is None else product.plan for product in sides)
        found = compare_plans(first, second)
        changes = tuple(one for one in found if _selected(new, f"{name}/{file_of(one)}"))
        if changes:
            before_digest, digest = (plan.digest if plan else "" for plan in (first, second))
            yield PlanDiff(name, before_digest, digest, changes)


def _gone(old: LoadedRules, new: LoadedRules) -> Iterator[str]:
    for name, product in old.rulebook.products.items():
        kept = new.rulebook.products.get(name)
        for number in sorted(product.versions):
            left = kept is not None and number in kept.versions
            if not left and _selected(old, f"{name}/v{number}.yaml"):
                yield f"{name} v{number}"


def state_lines(comparison: RulesDiff) -> Iterator[str]:
    for name in comparison.gone:
        yield f"{name} is gone"
    for one, found in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        changes = () if found is None else found.changes
        words = "decides alike" if found and found.alike else counted(len(changes), "change")
        yield f"{one.name}{against}: {'is new' if found is None else words}"
        yield from change_lines(changes, "  ")
    for plan in comparison.plans:
        yield f"{plan.product} rollout plan: {counted(len(plan.changes), 'change')}"
        yield from change_lines(plan.changes, "  ")
    for change in comparison.lists:
        yield f"{Direction.CHANGES}: {change.path} {change.words}"
    yield from change_lines(comparison.guards)


def states_dict(comparison: RulesDiff) -> dict[str, Any]:
    return {
        "gone": list(comparison.gone),
        "versions": [
            {
                "role": one.role,
                "before": one.before and ruleset_dict(one.before),
                "after": ruleset_dict(one.after),
                **({} if found is None else comparison_dict(found)),
            }
            for one, found in comparison.versions
        ],
        "plans": [
            {
                "product": plan.product,
                "before": plan.before or None,
                "after": plan.after or None,
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in comparison.plans
        ],
        "lists": [asdict(change) for change in comparison.lists],
        "guards": [asdict(change) for change in comparison.guards],
    }


def change_lines(changes: Iterable[WrittenChange], indent: str = "") -> Iterator[str]:
    for group, found in groupby(changes, key=lambda change: change.group):
        yield f"{indent}{group}"
        for change in found:
            yield f"{indent}  {change.direction}: {change.subject} {change.words}"


def comparison_dict(comparison: RulesetDiff) -> dict[str, Any]:
    return {
        "identical": comparison.identical,
        "alike": comparison.alike,
        "changes": [asdict(change) for change in comparison.changes],
    }


def ruleset_dict(ruleset: CompiledRuleset) -> dict[str, Any]:
    return {key: getattr(ruleset, key) for key in ("ruleset", "version", "digest")}


ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove the change for all applicants (extra `workbench`)")
]


def proved(
    old: CompiledRuleset,
    new: CompiledRuleset,
    since: date | None = None,
    name: str = "",
) -> Proofs:
    """What is proved of a change from a day on, else from today; raises CommandError."""
    today = since or datetime.now(UTC).astimezone(new.zone).date()
    try:
        claims = tuple(claim_proofs(old, new, today, time.monotonic))
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return Proofs(f"v{old.version}", name or f"v{new.version}", today.isoformat(), claims)


def sentences(proofs: Proofs) -> list[str]:
    return [one.sentence for one in proofs.claims]
