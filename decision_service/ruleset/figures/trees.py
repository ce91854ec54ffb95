"""Trees of rule files with tables written out, and with figures changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import ListNode, MapEntry, MapNode, Scalar, YamlNode
from decision_service.ruleset.constructs.table.rows import read_rows
from decision_service.ruleset.figures.model import Edit
from decision_service.ruleset.program.model import RulesetFiles

Edits = Mapping[int, Sequence[Edit]]


def written_out(node: YamlNode, files: RulesetFiles) -> YamlNode:
    """The tree with every table's file read into its rows; a cell keeps its place in the file."""
    if isinstance(node, ListNode):
        return replace(node, items=tuple(written_out(item, files) for item in node.items))
    if isinstance(node, Scalar):
        return node
    if isinstance(node.get("rows"), MapNode):
        return _with_rows(node, files)
    entries = (replace(e, value=written_out(e.value, files)) for e in node.entries)
    return replace(node, entries=tuple(entries))


def columns(table: MapNode) -> tuple[list[str], list[str]]:
    """A table's columns by name: those of its conditions, those of what it gives."""
    when, give = table.get("when"), table.get("give")
    items = when.items if isinstance(when, ListNode) else ()
    names = [item.text for item in items if isinstance(item, Scalar)]
    return names, [entry.key for entry in give.entries] if isinstance(give, MapNode) else []


def _with_rows(table: MapNode, files: RulesetFiles) -> MapNode:
    names, outputs = columns(table)
    source = table.get("rows")
    assert source is not None  # noqa: S101  asked by the caller
    raw = read_rows(source, [*names, *outputs], files, Report())
    rows = tuple(ListNode(row.cells, row.place) for row in raw if row is not None)
    entries = [
        replace(e, value=ListNode(rows, source.place)) if e.key == "rows" else e
        for e in table.entries
    ]
    return replace(table, entries=tuple(entries))


def edited(node: YamlNode, edits: Sequence[Edit]) -> YamlNode:
    """The tree with some of its values and keys reading otherwise; all else is shared."""
    by_node: dict[int, list[Edit]] = {}
    for edit in edits:
        by_node.setdefault(id(edit.node), []).append(edit)
    return _edited(node, by_node)


def _edited(node: YamlNode, edits: Edits) -> YamlNode:
    if isinstance(node, Scalar):
        own = edits.get(id(node))
        return replace(node, text=_text(node.text, own)) if own else node
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_edited(item, edits) for item in node.items))
    return replace(node, entries=tuple(_entry(e, edits) for e in node.entries))


def _entry(entry: MapEntry, edits: Edits) -> MapEntry:
    own = edits.get(id(entry))
    key = _text(entry.key, own) if own else entry.key
    return replace(entry, key=key, value=_edited(entry.value, edits))


def _text(text: str, edits: Sequence[Edit]) -> str:
    for edit in sorted(edits, key=lambda e: -e.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
