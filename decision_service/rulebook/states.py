"""Two states of the rules compared as a whole: versions, plans, lists and guards, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.factors.registry import catalogue
from decision_service.rulebook.acceptance import ListChange, list_changes
from decision_service.rulebook.changes import Direction, WrittenChange, keys_of
from decision_service.rulebook.differences import RulesetDiff, compare
from decision_service.rulebook.loosenings import (
    RulesState,
    guard_changes,
    loosenings_among,
    name_of,
)
from decision_service.rulebook.plan_differences import compare_plans, file_of
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.language.diagnostics import plural
from decision_service.rules.program import CompiledRuleset

Selected = Callable[[str], bool]
"""Whether a file is asked about, by its path in the folder."""


class ChangedVersion(msgspec.Struct, frozen=True):
    """A version that decides otherwise than before, or may decide now.

    `before` is the same version or else the champion as it was, `champion` that alone; both None
    for a new product, of which there is no comparison either.
    """

    after: CompiledRuleset
    role: str
    before: CompiledRuleset | None
    champion: CompiledRuleset | None
    found: RulesetDiff | None = None

    @property
    def name(self) -> str:
        """`personal-loan-ph v2 (challenger)`."""
        role = f" ({self.role})" if self.role else ""
        return f"{self.after.ruleset} v{self.after.version}{role}"


def _changed_versions(old: Rulebook, new: Rulebook) -> Iterator[ChangedVersion]:
    """In the order of products and versions; a version that only became champion is one."""
    for name, product in new.products.items():
        was = old.products.get(name)
        champion = was.champion if was else None
        for number, ruleset in sorted(product.versions.items()):
            same = was.versions.get(number) if was else None
            is_champion = ruleset is product.champion
            role = ""
            if is_champion or number == product.plan.versions.of(Arm.CHALLENGER):
                role = "champion" if is_champion else "challenger"
            # Its text may be as it was: who is decided by it is not.
            if is_champion and champion and champion.digest != ruleset.digest:
                yield ChangedVersion(ruleset, role, champion, champion=champion)
            elif same is None or same.digest != ruleset.digest:
                yield ChangedVersion(ruleset, role, same or champion, champion=champion)


class PlanDiff(msgspec.Struct, frozen=True):
    product: str
    before: str | None
    after: str | None
    changes: tuple[WrittenChange, ...]


class RulesDiff(msgspec.Struct, frozen=True):
    """Two states compared; `loosenings` are to be accepted, `guards` what else guards the rules."""

    gone: tuple[str, ...]
    versions: tuple[ChangedVersion, ...]
    plans: tuple[PlanDiff, ...]
    lists: tuple[ListChange, ...]
    guards: tuple[WrittenChange, ...]
    loosenings: tuple[WrittenChange, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)

    @property
    def only_narrows(self) -> bool:
        """Whether every change tightens, so that nobody is approved who was not before."""
        if self.gone or self.loosenings:
            return False
        changes: list[WrittenChange] = []
        for plan in self.plans:
            changes += plan.changes
        for one in self.versions:
            # Of a new product nothing is known: it may approve anyone.
            if one.found is None:
                return False
            changes += one.found.changes
        return all(one.direction is Direction.TIGHTENS for one in changes)


def whole(_: str) -> bool:
    return True


def compare_states(old: RulesState, new: RulesState, selected: Selected = whole) -> RulesDiff:
    """Everything that differs in the files that are `selected`."""
    lists = list_changes(old.folder, new.folder)
    # Once for both lists, since it reads and compares every file of two folders.
    guards = [*guard_changes(old, new)]
    asked = loosenings_among(guards, old, new)
    return RulesDiff(
        tuple(_gone(old, new, selected)),
        tuple(_versions(old, new, selected)),
        tuple(_plans(old, new, selected)),
        lists=tuple(one for one in lists if selected(one.path)),
        guards=tuple(
            one for one in guards if one.direction is Direction.TIGHTENS and selected(one.group)
        ),
        loosenings=tuple(one for one in asked if selected(one.group)),
    )


def _versions(old: RulesState, new: RulesState, selected: Selected) -> Iterator[ChangedVersion]:
    for one in _changed_versions(old.rulebook, new.rulebook):
        if not selected(f"{one.after.ruleset}/v{one.after.version}.yaml"):
            continue
        was = None if one.before is None else old.files(one.before)
        found = None if was is None else compare(was, new.files(one.after), catalogue())
        yield replace(one, found=found)


def _plans(old: RulesState, new: RulesState, selected: Selected) -> Iterator[PlanDiff]:
    before = old.rulebook.products
    after = new.rulebook.products
    for name in keys_of(before, after):
        old_plan = before[name].plan if name in before else None
        new_plan = after[name].plan if name in after else None
        found = compare_plans(old_plan, new_plan)
        changes = tuple(one for one in found if selected(f"{name}/{file_of(one)}"))
        if changes:
            digests = [plan.digest if plan else None for plan in (old_plan, new_plan)]
            yield PlanDiff(name, digests[0], digests[1], changes=changes)


def _gone(old: RulesState, new: RulesState, selected: Selected) -> Iterator[str]:
    for name, product in old.rulebook.products.items():
        kept = new.rulebook.products.get(name)
        for number in sorted(product.versions):
            left = kept is not None and number in kept.versions
            if not left and selected(f"{name}/v{number}.yaml"):
                yield f"{name} v{number}"


def difference_lines(comparison: RulesDiff) -> Iterator[str]:
    for name in comparison.gone:
        yield f"{name} is gone"
    for one in comparison.versions:
        against = f" against v{one.before.version}" if one.before else ""
        changes = () if one.found is None else one.found.changes
        words = plural(len(changes), "change")
        if one.found is None or one.found.alike:
            words = "is new" if one.found is None else "decides alike"
        yield f"{one.name}{against}: {words}"
        yield from change_lines(changes, "  ")
    for plan in comparison.plans:
        yield f"{plan.product} rollout plan: {plural(len(plan.changes), 'change')}"
        yield from change_lines(plan.changes, "  ")
    for change in comparison.lists:
        yield f"{Direction.CHANGES}: {change.path} {change.words}"
    yield from change_lines(comparison.guards)
    if comparison.loosenings:
        yield f"{plural(len(comparison.loosenings), 'loosening')} to be accepted by name:"
    for asked in comparison.loosenings:
        yield f"  {name_of(asked)} {asked.words}"


def change_lines(changes: Iterable[WrittenChange], indent: str = "") -> Iterator[str]:
    # Changes of one group follow each other already.
    for group, found in groupby(changes, key=lambda change: change.group):
        yield f"{indent}{group}"
        for change in found:
            yield f"{indent}  {change.direction}: {change.subject} {change.words}"
