"""Which inputs and factors a figure of a rule file acts upon, through the names between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from decision_service.language.yaml.nodes import MapEntry, MapNode, Scalar, YamlNode
from decision_service.ruleset.figures.model import FigureChange
from decision_service.ruleset.figures.spots import entries, items
from decision_service.ruleset.figures.trees import columns
from decision_service.ruleset.reading.names import names_in

Uses = Mapping[str, Collection[str]]


def uses_of(root: MapNode) -> Uses:
    """For each parameter, derived name, offer line, score and output the names it is made of."""
    found: dict[str, set[str]] = {}
    for param in entries(root.get("params")):
        found[f"params.{param.key}"] = set(_names(param.value))
    for family in ("derived", "offer"):
        for entry in entries(root.get(family)):
            found[f"{family}.{entry.key}"] = set(_names(entry.value))
    for stage in items(root.get("stages")):
        for entry in entries(stage):
            id_ = entry.value.get("id") if isinstance(entry.value, MapNode) else None
            if isinstance(id_, Scalar) and isinstance(entry.value, MapNode):
                outputs = ("score", "band", *columns(entry.value)[1])
                parts = set(_names(stage))
                found.update({f"{id_.text}.{output}": parts for output in outputs})
    return found


def related(root: MapNode, uses: Uses, change: FigureChange) -> frozenset[str]:
    """The names in the smallest part of the file around a figure, and all that they are made of.

    Of a parameter they are the names in the expressions that read it.
    """
    if change.at.startswith("params."):
        param = ".".join(change.at.split(".")[:2])
        start = {n for text in _texts(root) if param in names_in(text) for n in names_in(text)}
    else:
        start = set(_around(root, {id(edit.node) for edit in change.edits})[1])
    return _closed(start, uses)


def _closed(names: set[str], uses: Uses) -> frozenset[str]:
    found, rest = set(names), list(names)
    while rest:
        further = set(uses.get(rest.pop(), ())) - found
        found |= further
        rest.extend(further)
    return frozenset(found)


def _around(node: YamlNode | MapEntry, wanted: Collection[int]) -> tuple[bool, Collection[str]]:
    """Whether one of the wanted nodes is here, and the names of the smallest part that has any."""
    if id(node) in wanted:
        return True, set(_names(node))
    for part in _parts(node):
        here, names = _around(part, wanted)
        if here:
            return True, names or set(_names(node))
    return False, ()


def _parts(node: YamlNode | MapEntry) -> tuple[YamlNode | MapEntry, ...]:
    return (node.value,) if isinstance(node, MapEntry) else (*entries(node), *items(node))


def _names(node: YamlNode | MapEntry) -> Iterator[str]:
    for text in _texts(node):
        yield from names_in(text)


def _texts(node: YamlNode | MapEntry) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield node.text
    for part in _parts(node):
        yield from _texts(part)
