"""Differences in the stages: rules, scorecards and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

from decision_service.language.changes import ChangeKind, WrittenChange, keys_of, reordered
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.ruleset.constructs.table.rows import read_rows
from decision_service.ruleset.diff.sections import attributes, by_id
from decision_service.ruleset.diff.trees import as_map, compared, items_by, said, same_expression
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.program.part import APPLIES_WHEN


class StageSide(msgspec.Struct, frozen=True):
    """One of two versions: its tree, and the files that hold its tables' rows."""

    root: MapNode
    files: RulesetFiles


def stages(before: StageSide, after: StageSide) -> Iterator[WrittenChange]:
    """Stage by stage, in the order of the newer version."""
    old = items_by(before.root.get("stages"), "name")
    new = items_by(after.root.get("stages"), "name")
    for name in keys_of(old, new):
        first, second = old.get(name), new.get(name)
        group = f"stage {name}"
        yield from _presence(group, first, second)
        yield from _stage(group, (as_map(first), before.files), (as_map(second), after.files))
    yield from reordered("stages", "the stages are", old, new)


def _presence(group: str, before: MapNode | None, after: MapNode | None) -> Iterator[WrittenChange]:
    if before is None:
        yield WrittenChange(group, "the stage", ChangeKind.ADDED, "is new")
    elif after is None:
        yield WrittenChange(group, "the stage", ChangeKind.REMOVED, "is gone")
    else:
        yield from compared(group, "the component", before.get("component"), after.get("component"))


_Body = tuple[MapNode, RulesetFiles]
_Row = Sequence[Scalar]


def _stage(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = before[0], after[0]
    for_whom = old.get(APPLIES_WHEN), new.get(APPLIES_WHEN)
    yield from compared(group, "the condition `applies_when`", *for_whom, same_expression)
    yield from by_id(group, "rule", old.get("rules"), new.get("rules"))
    yield from _scorecard(group, as_map(old.get("scorecard")), as_map(new.get("scorecard")))
    yield from _table(
        group, (as_map(old.get("table")), before[1]), (as_map(new.get("table")), after[1])
    )


def _scorecard(group: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for key in ("id", "base"):
        yield from compared(group, f"the scorecard's {key}", before.get(key), after.get(key))
    old = items_by(before.get("characteristics"), "factor")
    new = items_by(after.get("characteristics"), "factor")
    for name in keys_of(old, new):
        yield from _characteristic(group, name, old.get(name), new.get(name))
    yield from reordered(group, "the characteristics are", old, new)
    yield from _listed(group, "band", "band", before.get("bands"), after.get("bands"))


def _characteristic(
    group: str, name: str, before: MapNode | None, after: MapNode | None
) -> Iterator[WrittenChange]:
    subject = f"characteristic {name}"
    if before is None or after is None:
        yield from compared(group, subject, before, after)
        return
    yield from attributes(group, subject, _without(before, "bins"), _without(after, "bins"))
    yield from _listed(group, f"{name} in", "in", before.get("bins"), after.get("bins"))


def _without(node: MapNode, key: str) -> MapNode:
    return MapNode(tuple(e for e in node.entries if e.key != key), node.place)


def _listed(
    group: str, what: str, key: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    """What differs in bins or bands, each known by its own first word."""
    old, new = items_by(before, key), items_by(after, key)
    for name in keys_of(old, new):
        first, second = old.get(name), new.get(name)
        subject = f"{what} {name}"
        if first is None or second is None:
            yield from compared(group, subject, _only_rest(first, key), _only_rest(second, key))
        else:
            yield from attributes(group, subject, first, second)
    kind = "bands" if key == "band" else f"bins of {what.removesuffix(' in')}"
    yield from reordered(group, f"the {kind} are", old, new)


def _only_rest(node: MapNode | None, key: str) -> MapNode | None:
    return None if node is None else _without(node, key)


def _table(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = before[0], after[0]
    for key in ("id", "hit", "reason"):
        yield from compared(group, f"the table's {key}", old.get(key), new.get(key))
    yield from compared(group, "the table looks at", old.get("when"), new.get("when"))
    give = as_map(old.get("give")), as_map(new.get("give"))
    for name in keys_of(*([e.key for e in node.entries] for node in give)):
        yield from compared(group, f"output {name}", give[0].get(name), give[1].get(name))
    yield from _rows(group, before, after)


def _rows(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    columns = _columns(after[0]) or _columns(before[0])
    old, new = _cells(*before), _cells(*after)
    same_columns = _columns(before[0]) == _columns(after[0])
    matcher = SequenceMatcher(
        None, [_normal(row) for row in old], [_normal(row) for row in new], autojunk=False
    )
    for tag, low, high, start, end in matcher.get_opcodes():
        if tag == "replace" and high - low == end - start and same_columns:
            for shift in range(high - low):
                yield from _row(group, start + shift, columns, old[low + shift], new[start + shift])
        elif tag != "equal":
            yield from _gone(group, old, low, high)
            yield from _new(group, new, start, end)


def _row(
    group: str,
    index: int,
    columns: Sequence[str],
    before: Sequence[Scalar],
    after: Sequence[Scalar],
) -> Iterator[WrittenChange]:
    for column, old, new in zip(columns, before, after, strict=True):
        subject = f"row {index + 1}: {column}"
        yield from compared(group, subject, old, new, same_expression)


def _gone(group: str, rows: Sequence[_Row], start: int, end: int) -> Iterator[WrittenChange]:
    for index in range(start, end):
        text = _shown(rows[index])
        yield WrittenChange(
            group, f"former row {index + 1}", ChangeKind.REMOVED, f"is gone; it was: {text}", text
        )


def _new(group: str, rows: Sequence[_Row], start: int, end: int) -> Iterator[WrittenChange]:
    for index in range(start, end):
        text = _shown(rows[index])
        yield WrittenChange(
            group, f"row {index + 1}", ChangeKind.ADDED, f"is new: {text}", "", text
        )


def _shown(row: _Row) -> str:
    return f"[{', '.join(said(cell) for cell in row)}]"


def _normal(row: _Row) -> tuple[str, ...]:
    return tuple("".join(cell.text.split()) for cell in row)


def _columns(table: MapNode) -> list[str]:
    when = table.get("when")
    names = [said(item) for item in when.items] if isinstance(when, ListNode) else []
    return [*names, *(entry.key for entry in as_map(table.get("give")).entries)]


def _cells(table: MapNode, files: RulesetFiles) -> list[tuple[Scalar, ...]]:
    rows, columns = table.get("rows"), _columns(table)
    if rows is None:
        return []
    found = read_rows(rows, columns, files, Report())
    return [row.cells for row in found if row is not None]
