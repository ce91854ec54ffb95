"""Two states of the rules: versions, plans and lists that are new, changed or gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.diff.changes import ChangedVersion, changed_versions
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.factors.registry import catalogue
from decision_service.language.changes import WrittenChange, keys_of
from decision_service.pipeline.rules.list_changes import ListChange, list_changes
from decision_service.pipeline.rules.safeguards import guard_changes
from decision_service.rollout.diff.plans import compare_plans
from decision_service.ruleset.diff.versions import RulesetDiff, compare
from decision_service.ruleset.reading.lists import SHARED


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """The changes of a product's plan; a digest is empty where there is no plan."""

    product: str
    before: str
    after: str
    changes: tuple[WrittenChange, ...]


@dataclass(frozen=True, slots=True)
class RulesDiff:
    """Everything by which two states of the rules may decide otherwise.

    `versions` have no comparison where there is nothing to compare with.
    """

    gone: tuple[str, ...]
    versions: tuple[tuple[ChangedVersion, RulesetDiff | None], ...]
    plans: tuple[PlanDiff, ...]
    lists: tuple[ListChange, ...]
    guards: tuple[WrittenChange, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.versions or self.plans or self.lists or self.guards)


def compare_rules(old: LoadedRules, new: LoadedRules) -> RulesDiff:
    """The differences of two folders, or of the same part of both; raises CommandError."""
    if old.part != new.part:
        first, second = (rules.part or "all products" for rules in (old, new))
        raise CommandError(
            f"one side is {first} and the other {second}: name the same part of both, or two "
            "versions by their files",
            Exit.USAGE,
        )
    folders = old.selection.folder, new.selection.folder
    return RulesDiff(
        tuple(_gone(old, new)),
        tuple(_versions(old, new)),
        tuple(_plans(old, new)),
        tuple(_lists(old, new)),
        tuple(one for one in guard_changes(*folders) if _selected(new, one.group)),
    )


def _selected(rules: LoadedRules, path: str) -> bool:
    """Whether a path within the folder belongs to the part; a shared list is of every product."""
    part = rules.part
    whole_product = "/" not in part
    return (
        part in ("", path)
        or path.startswith(f"{part}/")
        or (whole_product and path.startswith(SHARED))
    )


def _versions(
    old: LoadedRules, new: LoadedRules
) -> Iterator[tuple[ChangedVersion, RulesetDiff | None]]:
    for one in changed_versions(old.rulebook, new.rulebook):
        if not _selected(new, f"{one.after.ruleset}/v{one.after.version}.yaml"):
            continue
        if one.before is None:
            yield one, None
        else:
            yield one, compare(old.files(one.before), new.files(one.after), catalogue())


def _plans(old: LoadedRules, new: LoadedRules) -> Iterator[PlanDiff]:
    before, after = old.rulebook.products, new.rulebook.products
    for name in keys_of(before, after):
        sides = (before.get(name), after.get(name))
        first, second = (None if product is None else product.plan for product in sides)
        changes = compare_plans(first, second)
        if changes and _selected(new, f"{name}/rollout.yaml"):
            before_digest, digest = (plan.digest if plan else "" for plan in (first, second))
            yield PlanDiff(name, before_digest, digest, changes)


def _lists(old: LoadedRules, new: LoadedRules) -> Iterator[ListChange]:
    found = list_changes(old.selection.folder, new.selection.folder, datetime.now(UTC))
    for change in () if found is None else found.changes:
        if _selected(new, change.path):
            yield change


def _gone(old: LoadedRules, new: LoadedRules) -> Iterator[str]:
    """`personal-loan-ph v1` for each version that is there no more."""
    for name, product in old.rulebook.products.items():
        kept = new.rulebook.products.get(name)
        for number in sorted(product.versions):
            left = kept is not None and number in kept.versions
            if not left and _selected(old, f"{name}/v{number}.yaml"):
                yield f"{name} v{number}"
