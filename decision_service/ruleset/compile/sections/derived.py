"""The `derived:` section: named expressions, from top to bottom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from decision_service.domain.money import exponent
from decision_service.language.expressions.tree import Node
from decision_service.language.types import INTEGER, MONEY, NUMBER
from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar
from decision_service.language.yaml.readers import as_scalar, check_identifier
from decision_service.ruleset.analysis.ranges import span_of
from decision_service.ruleset.reading.draft import Derived, RulesetDraft

_USE = re.compile(r"\bderived\.([A-Za-z_]\w*)", re.ASCII)


def read_derived(draft: RulesetDraft) -> None:
    """Read every expression and define `derived.<name>` with its type."""
    node = draft.root.map("derived")
    if node is None:
        return
    draft.names.cycles.update(_cycles(node))
    for entry in node.entries:
        draft.places[f"derived.{entry.key}"] = entry.key_place
        _define(entry, draft)


def _define(entry: MapEntry, draft: RulesetDraft) -> None:
    named = check_identifier(entry.key, entry.key_place, "the derived name", draft.report)
    scalar = as_scalar(entry.value, f"`{entry.key}`", draft.report)
    tree = draft.expression(scalar)
    if tree is None or not named:
        draft.names.broken.add(f"derived.{entry.key}")
        return
    draft.derived.append(Derived(entry.key, entry.key_place, tree))
    draft.names.define(f"derived.{entry.key}", tree.type, *_bounds(tree, draft))


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
