"""What guards the rules, compared: tests, guarantees, letters, the policy, lists, plans."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from decision_service.rulebook.acceptance import list_changes
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.rulebook import MOST_PERCENT, POLICY, Rulebook
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode, read
from decision_service.workbench.changes import (
    ChangeKind,
    Direction,
    WrittenChange,
    compare_parts,
    keys_of,
)
from decision_service.workbench.diff import compare_plans, file_of, items_by, single

_VERSION = re.compile(r"[^/]+/v\d+\.yaml")
_ELSEWHERE = re.compile(r"_shared/.*|[^/]+/((rollout|desk)\.yaml|tables/.*|lists/.*)")
_OF_A_VERSION = (
    *("time_zone", "currency", "max_age", "inputs", "valid_for", "recourse"),
    *("reasons", "guarantees"),
)
"""What of a version no case of given factor values can notice: what is read, asked and promised."""

_LONGEST = 100
_SHORT = {
    ChangeKind.ADDED: ("is new", Direction.TIGHTENS),
    ChangeKind.REMOVED: ("is gone", Direction.LOOSENS),
    ChangeKind.CHANGED: ("differs", Direction.CHANGES),
}


def guard_changes(before: RuleFolder, after: RuleFolder) -> Iterator[WrittenChange]:
    """What differs in files that guard rules; the group is the file by its path in the folder."""
    old = before.contents
    new = after.contents
    for path in sorted({*old, *new}):
        if _ELSEWHERE.fullmatch(path) or old.get(path) == new.get(path):
            continue
        first, second = (_parts(path, texts.get(path)) for texts in (old, new))
        if path != POLICY and (path not in old or path not in new):
            sort = ChangeKind.REMOVED if path in old else ChangeKind.ADDED
            first, second = (_promised(path, parts) for parts in (first, second))
            words, direction = _SHORT[sort]
            words = f"{words}, with {len(first) or len(second)} parts"
            if first or second:
                yield WrittenChange(path, "the file", sort, words=words, direction=direction)
            continue
        old_parts, new_parts = (
            [single(path, name, node) for name, node in parts.items()] for parts in (first, second)
        )
        for change in compare_parts(old_parts, new_parts):
            words, direction = _SHORT[change.sort]
            short = change.words if len(change.words) <= _LONGEST else words
            direction = _of_policy(change) if path == POLICY else direction
            yield replace(change, words=short, direction=direction)


def _promised(path: str, parts: Mapping[str, YamlNode]) -> Mapping[str, YamlNode]:
    """Of a version that is new or gone only its guarantees: the plan says whether it decides."""
    if not _VERSION.fullmatch(path):
        return parts
    return {name: node for name, node in parts.items() if name.startswith("guarantee ")}


def _of_policy(change: WrittenChange) -> Direction:
    """A floor that is lower loosens, and so does what is accepted."""
    if change.subject == "accept" and change.before and change.after:
        return Direction.CHANGES
    sides = (change.before or str(MOST_PERCENT), change.after or str(MOST_PERCENT))
    old, new = (int(side) if side.isdecimal() else 0 for side in sides)
    return Direction.TIGHTENS if new > old else Direction.LOOSENS


def loosened(
    before: RuleFolder, old: Rulebook, after: RuleFolder, new: Rulebook, now: datetime
) -> Iterator[WrittenChange]:
    """What is to be accepted by name: guards that are gone or altered, and looser plans."""
    for change in guard_changes(before, after):
        if change.direction is not Direction.TIGHTENS:
            yield change
    lists = list_changes(before, after, now)
    for one in () if lists is None else lists.changes:
        if one.before and (one.removed or not one.added):
            yield WrittenChange(one.path, "the list", ChangeKind.CHANGED, words=one.words)
    for name in keys_of(old.products, new.products):
        first = old.products.get(name)
        second = new.products.get(name)
        changes = compare_plans(first.plan, second.plan if second else None) if first else ()
        for change in changes:
            if change.direction is Direction.LOOSENS:
                yield replace(change, group=f"{name}/{file_of(change)}")


def unaccepted(found: Iterable[WrittenChange], accepted: Collection[str]) -> list[str]:
    """A sentence for each change that neither its name nor that of its file accepts."""
    return [
        f"{name} {one.words} ({one.direction})"
        for one in found
        if not {one.group, name := f"{one.group}: {one.subject}"} & {*accepted}
    ]


def _parts(path: str, text: str | None) -> Mapping[str, YamlNode]:
    """The parts of a file by name: items of a list that have one, keys of a map, else the whole."""
    if text is None:
        return {}
    root = read(path, text, Report()) if path.endswith((".yaml", ".yml")) else None
    if not isinstance(root, MapNode):
        return {"the file": Scalar(text, plain=False, place=Place(path, 1, 1, end=2))}
    wanted = _OF_A_VERSION if _VERSION.fullmatch(path) else tuple(e.key for e in root.entries)
    found: dict[str, YamlNode] = {}
    for key in wanted:
        node = root.get(key)
        named = items_by(root.get(key), "name")
        if isinstance(node, ListNode) and len(named) == len(node.items):
            found |= {f"{key.removesuffix('s')} {name}": one for name, one in named.items()}
        elif isinstance(node, MapNode):
            found |= {f"{key} {entry.key}": entry.value for entry in node.entries}
        elif node is not None:
            found[key] = node
    return found | dict(_missing_rules(root)) if wanted is _OF_A_VERSION else found


def _missing_rules(root: MapNode) -> Iterator[tuple[str, YamlNode]]:
    """What each rule does where its data is missing, also where it does not say so."""
    stages = root.get("stages")
    for stage in stages.items if isinstance(stages, ListNode) else ():
        rules = stage.get("rules") if isinstance(stage, MapNode) else None
        for rule in rules.items if isinstance(rules, ListNode) else ():
            if isinstance(rule, MapNode) and isinstance(name := rule.get("id"), Scalar):
                missing = rule.get("when_missing") or Scalar("REFER", plain=True, place=name.place)
                yield f"when_missing of {name.text}", missing
