"""The `derived:` section: named expressions, from top to bottom.

One that rests on what a stage gives is read, and evaluated, after that stage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from decision_service.domain.money import exponent
from decision_service.language.expressions.tree import (
    Choice,
    Constant,
    FunctionCall,
    NameRead,
    Node,
)
from decision_service.language.types import INTEGER, MONEY, NUMBER
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar
from decision_service.language.yaml.readers import as_scalar, check_identifier
from decision_service.ruleset.analysis.ranges import span_of
from decision_service.ruleset.reading.draft import Derived, RulesetDraft, Waiting

_USE = re.compile(r"\bderived\.([A-Za-z_]\w*)", re.ASCII)
_NAME = re.compile(r"\b[a-z]\w*\.[a-z]\w*", re.ASCII)
_NOT_GIVEN = ("derived.", "offer.")
"""What is defined below, but by no stage."""


def read_derived(draft: RulesetDraft) -> None:
    """Read every expression and define `derived.<name>` with its type."""
    node = draft.root.map("derived")
    if node is None:
        return
    draft.names.cycles.update(_cycles(node))
    given = draft.names.upcoming - {n for n in draft.names.upcoming if n.startswith(_NOT_GIVEN)}
    for index, entry in enumerate(node.entries):
        draft.places[f"derived.{entry.key}"] = entry.key_place
        needs = _named(entry.value) & (given | draft.names.waiting.keys())
        if needs:
            below = frozenset(f"derived.{e.key}" for e in node.entries[index + 1 :])
            draft.waiting.append(Waiting(entry, needs, below))
            given_by = (draft.names.waiting.get(name, frozenset({name})) for name in needs)
            draft.names.waiting[f"derived.{entry.key}"] = frozenset().union(*given_by)
        else:
            _define(entry, draft)


def read_waiting(draft: RulesetDraft, *, last: bool = False) -> None:
    """Read the expressions that rest on nothing to come any more; after the last stage, all."""
    names, left = draft.names, []
    for each in draft.waiting:
        if last or all(n in names.symbols or n in names.broken for n in each.needs):
            names.waiting.pop(f"derived.{each.entry.key}", None)
            names.below = each.below
            _define(each.entry, draft)
            names.below = frozenset()
        else:
            left.append(each)
    draft.waiting = left


def _define(entry: MapEntry, draft: RulesetDraft) -> None:
    named = check_identifier(entry.key, entry.key_place, "the derived name", draft.report)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    tree = draft.expression(scalar)
    if tree is None or not named:
        draft.names.broken.add(f"derived.{entry.key}")
        return
    draft.derived.append(Derived(entry.key, entry.key_place, tree, len(draft.stages)))
    draft.names.define(f"derived.{entry.key}", tree.type, *_bounds(tree, draft), _labels(tree))


def _bounds(tree: Node, draft: RulesetDraft) -> tuple[Decimal | None, Decimal | None]:
    """What the bounds of its names say about an expression's own, in major units."""
    if tree.type not in (INTEGER, NUMBER, MONEY):
        return None, None
    currency = draft.names.currency
    scale = -exponent(currency) if tree.type is MONEY else 0
    span = span_of(tree, {}, currency)
    ends = (span.low, span.high)
    low, high = (None if end is None else Decimal(end).scaleb(scale) for end in ends)
    return low, high


def _labels(tree: Node) -> tuple[str, ...]:
    """The labels that a text can be, in order; none where some part of it can be any text."""
    match tree:
        case NameRead():
            return tree.symbol.labels
        case Constant(value=str(label)):
            return (label,)
        case Choice():
            parts = [_labels(tree.then), _labels(tree.otherwise)]
        case FunctionCall(function="coalesce"):
            parts = [_labels(argument) for argument in tree.arguments]
        case _:
            return ()
    return tuple(dict.fromkeys(x for part in parts for x in part)) if all(parts) else ()


def _cycles(node: MapNode) -> dict[str, str]:
    """For each derived name that needs itself, the way round in words."""
    uses = {e.key: _used(e.value) for e in node.entries}
    found: dict[str, str] = {}
    for name in uses:
        way = _way_back(name, uses)
        if way:
            found[f"derived.{name}"] = " → ".join(f"derived.{n}" for n in way)
    return found


def _used(node: object) -> list[str]:
    return _USE.findall(node.text) if isinstance(node, Scalar) else []


def _named(node: object) -> set[str]:
    return set(_NAME.findall(node.text)) if isinstance(node, Scalar) else set()


def _way_back(name: str, uses: Mapping[str, list[str]]) -> list[str]:
    """The shortest chain of uses from a name back to itself, breadth first; empty if none."""
    ways, seen = [[name]], {name}
    while ways:
        way = ways.pop(0)
        for used in uses.get(way[-1], ()):
            if used == name:
                return [*way, name]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return []
