"""Two versions compared: whether they are alike, and everything that differs, in words."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec
from decision_service.rulebook.changes import (
    ChangeKind,
    Direction,
    Leaf,
    Part,
    WrittenChange,
    compare_parts,
    in_words,
    named,
)
from decision_service.rules.cells import RawRow, read_rows
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.construct import SEGMENT
from decision_service.rules.draft import names_of, with_shared
from decision_service.rules.keys import BELOW, MAX_AGE, STAGES
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import parse_day
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles

ABOUT = "about the version"
_HEADER = ("ruleset", "version", "title", "currency", "time_zone")
_NAMES = ("ruleset", "version", "title")
_OF_STAGE = (SEGMENT, *STAGES)
_LIMITS = tuple(f": {in_words(key)}" for key in ("min", "max", "unit"))
_NOTHING = MapNode((), Place("", 1, 1, end=2))
_TOKEN = re.compile(r"""\d+(?:\.\d+)?|"[^"]*"|'[^']*'|\w+(?:\.\w+)*|<=|>=|==|!=|\S""")
_UNNAMED = WrittenChange(
    "other",
    "the digests",
    ChangeKind.CHANGED,
    words="differ for a reason that this comparison cannot name",
)


def leaf(node: YamlNode, *, expression: bool = False) -> Leaf:
    return Leaf(said(node), _meaning(node, expression=expression))


def said(node: YamlNode | None) -> str:
    if isinstance(node, Scalar):
        return " ".join(node.text.split())
    if isinstance(node, ListNode):
        return f"[{', '.join(map(_inner, node.items))}]"
    return ", ".join(f"{key} {_inner(value)}" for key, value in entries_of(node))


def _inner(node: YamlNode) -> str:
    return f"{{{said(node)}}}" if isinstance(node, MapNode) else said(node)


def _meaning(node: YamlNode, *, expression: bool) -> Hashable:
    """Numbers count by value, expressions without their spaces."""
    if isinstance(node, ListNode):
        return tuple(_meaning(item, expression=expression) for item in node.items)
    if isinstance(node, MapNode):
        return tuple((k, _meaning(v, expression=expression)) for k, v in entries_of(node))
    if expression:
        return tuple(_TOKEN.findall(node.text))
    return Decimal(node.text) if node.is_number else (node.is_text, node.text.strip())


def as_map(node: YamlNode | None) -> MapNode:
    return node if isinstance(node, MapNode) else _NOTHING


def entries_of(node: YamlNode | None) -> Iterator[tuple[str, YamlNode]]:
    return ((entry.key, entry.value) for entry in as_map(node).entries)


def items_by(node: YamlNode | None, key: str) -> Mapping[str, MapNode]:
    items = node.items if isinstance(node, ListNode) else ()
    return {said(item.get(key)): item for item in items if isinstance(item, MapNode)}


def single(group: str, subject: str, node: YamlNode | None, *, expression: bool = False) -> Part:
    values = {} if node is None else {"": leaf(node, expression=expression)}
    return Part(group, subject, values)


def values_of(node: MapNode, *apart: str) -> dict[str, Leaf]:
    """The values of a map but those that are compared apart; of a text those of each language."""
    found: dict[str, Leaf] = {}
    for key, value in entries_of(node):
        if key == "text" and isinstance(value, MapNode):
            found |= {f"text_in_{language}": leaf(one) for language, one in entries_of(value)}
        elif key not in apart:
            found[key] = leaf(value, expression=key == "when")
    return found


class RulesetDiff(msgspec.Struct, frozen=True):
    """`identical`: the digests are equal, so that only limits of parameters may differ.

    `alike`: only product, number or title differ.
    """

    identical: bool
    alike: bool
    changes: tuple[WrittenChange, ...]


def compare(
    before: RulesetFiles, after: RulesetFiles, catalogue: Mapping[str, FactorSpec]
) -> RulesetDiff:
    """Two versions that compile; digests decide whether they are the same, not their texts."""
    old = _compiled(before, catalogue)
    new = _compiled(after, catalogue)
    roots = whole_root(before, old), whole_root(after, new)
    more = (*_rows(roots, (before, after)), *_shared_data(before, after))
    changes = compare_parts(_parts_of(roots[0]), _parts_of(roots[1]), more)
    if old.digest == new.digest:
        # No digest covers these: they guard the file against slips.
        limits = tuple(c for c in changes if c.subject.endswith(_LIMITS))
        return RulesetDiff(identical=True, alike=True, changes=limits)
    # By the digest and not by the sentences, which may lack a difference.
    renamed = compile_ruleset(_named_like(before, after), catalogue).ruleset
    if renamed is not None and renamed.digest == old.digest:
        about = tuple(c for c in changes if c.group == ABOUT)
        return RulesetDiff(identical=False, alike=True, changes=about)
    if all(c.group == ABOUT and c.subject in _NAMES for c in changes):
        # Without any sentence the two would count as equal.
        changes = (*changes, _UNNAMED)
    return RulesetDiff(identical=False, alike=False, changes=changes)


def compare_texts(before: str, after: str) -> tuple[WrittenChange, ...]:
    """What two rule files say differently, without their further files and without compiling."""
    files = RulesetFiles("", "", before), RulesetFiles("", "", after)
    old = _root(files[0])
    new = _root(files[1])
    return compare_parts(_parts_of(old), _parts_of(new), _rows((old, new), files))


def _root(files: RulesetFiles) -> MapNode:
    return as_map(read(files.path, files.text, Report()))


def _compiled(files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> CompiledRuleset:
    found = compile_ruleset(files, catalogue).ruleset
    if found is None:
        raise ValueError(f"{files.path} does not compile: check it first")
    return found


def whole_root(files: RulesetFiles, ruleset: CompiledRuleset) -> MapNode:
    """What a version's file says, with what it takes from shared files."""
    root = read(files.path, files.text, Report())
    return as_map(root and with_shared(root, files, Report(), kept=names_of(ruleset)))


def _named_like(before: RulesetFiles, after: RulesetFiles) -> RulesetFiles:
    """The newer files with the older product, number and title, to compare the rest by digest."""
    old = _root(before)
    new = _root(after)
    others = _written_lines(before)
    lines = _written_lines(after)
    for key in _NAMES:
        lines[new.key_place(key).line - 1] = others[old.key_place(key).line - 1]
    path = str(PurePosixPath(after.path).parent / PurePosixPath(before.path).name)
    return replace(after, product=before.product, path=path, text="".join(lines))


def _written_lines(files: RulesetFiles) -> list[str]:
    return files.text.removeprefix("\ufeff").splitlines(keepends=True)


def _parts_of(root: MapNode) -> Iterator[Part]:
    """Everything that the digest of a version covers but the rows of tables and `_data`."""
    for key in _HEADER:
        yield single(ABOUT, in_words(key), root.get(key))
    if max_age := root.get(MAX_AGE):
        yield single("data", named(MAX_AGE), max_age)
    yield from _of_map("inputs", "input", root)
    if segments := root.get("segments"):
        yield single("segments", "applicants differ by", segments)
    for name, param in entries_of(root.get("params")):
        # Without a meaning: values are compared by label and day (`dated`).
        values = values_of(as_map(param)) | {"value": Leaf(said(as_map(param).get("value")), None)}
        yield Part("parameters", named(name), values, dated=_dated(as_map(param)))
    yield from _lines("derived", root)
    yield from _of_map("reasons", "reason", root)
    yield from _of_map("tags", "tag", root)
    for name, stage in items_by(root.get("stages"), "name").items():
        yield Part("stages", f"stage {name}", values_of(stage, "name", *_OF_STAGE), kind="stages")
        yield from _stage(f"stage {name}", stage)
    yield from _lines("offer", root)
    yield from _by_id("conditions", "condition", root.get("conditions"))
    if valid := root.get("valid_for"):
        yield single("validity", "a decision is valid", valid)
    if told := root.get("recourse"):
        yield single("recourse", "applicants may learn of", told)


def _lines(section: str, root: MapNode) -> Iterator[Part]:
    for name, node in entries_of(root.get(section)):
        yield single(section, named(name), node, expression=name != BELOW)


def _of_map(section: str, what: str, root: MapNode) -> Iterator[Part]:
    for name, node in entries_of(root.get(section)):
        yield Part(section, f"{what} {name}", values_of(as_map(node)))


def _by_id(group: str, what: str, node: YamlNode | None) -> Iterator[Part]:
    """Rules or conditions: a further one asks more of applicants, unless it approves."""
    for name, item in items_by(node, "id").items():
        # A rule that approves may let through whom the others left to a person.
        approves = said(item.get("then")) == "APPROVE"
        new = Direction.CHANGES if approves else Direction.TIGHTENS
        yield Part(group, f"{what} {name}", values_of(item, "id"), kind=f"{what}s", new=new)


def _dated(param: MapNode) -> Mapping[str, Mapping[str, Leaf]]:
    """The values by label and day, the empty label for all and the empty day for always."""
    value = param.get("value")
    if isinstance(value, Scalar):
        return {"": {"": leaf(value)}}
    values = dict(entries_of(value))
    if all(map(parse_day, values)):
        return {"": _days(values)}
    return {
        label: _days(dict(entries_of(one))) if isinstance(one, MapNode) else {"": leaf(one)}
        for label, one in values.items()
    }


def _days(values: Mapping[str, YamlNode]) -> Mapping[str, Leaf]:
    return {day: leaf(values[day]) for day in sorted(values)}


def _stage(group: str, stage: MapNode) -> Iterator[Part]:
    card = as_map(stage.get("scorecard"))
    table = as_map(stage.get("table"))
    singles = {
        "the segment": stage.get(SEGMENT),
        "the scorecard's id": card.get("id"),
        "the scorecard's points": card.get("points"),
        "the table's id": table.get("id"),
        "the table's hit": table.get("hit"),
        "the table looks at": table.get("when"),
        **{f"output {name}": node for name, node in entries_of(table.get("give"))},
    }
    yield from (
        single(group, name, node, expression=True) for name, node in singles.items() if node
    )
    yield from _by_id(group, "rule", stage.get("rules"))
    for name, one in items_by(card.get("characteristics"), "factor").items():
        values = values_of(one, "factor", "bins")
        yield Part(group, f"characteristic {name}", values, kind="characteristics")
        for cell, bin_ in items_by(one.get("bins"), "in").items():
            yield Part(group, f"{name} in {cell}", values_of(bin_, "in"), kind=f"bins of {name}")
    for name, band in items_by(card.get("bands"), "name").items():
        yield Part(group, f"band {name}", values_of(band, "name"), kind="bands")


def _rows(
    roots: tuple[MapNode, MapNode], files: tuple[RulesetFiles, RulesetFiles]
) -> Iterator[WrittenChange]:
    """The rows of tables, matched where they are equal, then cell by cell."""
    old = _tables(roots[0])
    new = _tables(roots[1])
    for name in dict.fromkeys((*new, *old)):
        tables = old.get(name, _NOTHING), new.get(name, _NOTHING)
        columns = [_columns(table) for table in tables]
        rows = [_cells(*each) for each in zip(tables, columns, files, strict=True)]
        yield from _rows_of(f"stage {name}", columns, rows)


def _tables(root: MapNode) -> dict[str, MapNode]:
    stages = items_by(root.get("stages"), "name")
    return {name: as_map(stage.get("table")) for name, stage in stages.items()}


def _rows_of(
    group: str, columns: Sequence[list[str]], rows: Sequence[list[tuple[Leaf, ...]]]
) -> Iterator[WrittenChange]:
    old, new = rows
    was = [_bare(row) for row in old]
    now = [_bare(row) for row in new]
    # autojunk would ignore rows that are frequent, in tables of 200 rows and more.
    matcher = SequenceMatcher(None, was, now, autojunk=False)
    for tag, low, high, start, end in matcher.get_opcodes():
        # As many rows as before are most likely the same ones, edited cell by cell.
        if tag == "replace" and high - low == end - start and columns[0] == columns[1]:
            yield from compare_parts(
                _row_parts(group, columns[1], old[low:high], start=start),
                _row_parts(group, columns[1], new[start:end], start=start),
            )
        elif tag != "equal":
            for index, row in enumerate(old[low:high], low + 1):
                text = _shown(row)
                subject = f"former row {index}"
                words = f"is gone; it was: {text}"
                yield WrittenChange(group, subject, ChangeKind.REMOVED, words=words, before=text)
            for index, row in enumerate(new[start:end], start + 1):
                text = _shown(row)
                subject = f"row {index}"
                yield WrittenChange(
                    group, subject, ChangeKind.ADDED, words=f"is new: {text}", before="", after=text
                )


def _bare(row: tuple[Leaf, ...]) -> tuple[str, ...]:
    """The cells without their spaces, which mean nothing."""
    return tuple("".join(cell.text.split()) for cell in row)


def _row_parts(
    group: str, columns: list[str], rows: Sequence[tuple[Leaf, ...]], start: int
) -> Iterator[Part]:
    for index, row in enumerate(rows, start + 1):
        for column, cell in zip(columns, row, strict=True):
            yield Part(group, f"row {index}: {column}", {"": cell})


def _shown(row: tuple[Leaf, ...]) -> str:
    return f"[{', '.join(cell.text for cell in row)}]"


def _columns(table: MapNode) -> list[str]:
    when = table.get("when")
    names = [said(item) for item in when.items] if isinstance(when, ListNode) else []
    return [*names, *(name for name, _ in entries_of(table.get("give")))]


def _cells(table: MapNode, columns: list[str], files: RulesetFiles) -> list[tuple[Leaf, ...]]:
    rows = table.get("rows")
    found = [] if rows is None else read_rows(rows, columns, files, report=Report())
    return [_cell_leaves(row) for row in found if row]


def _cell_leaves(row: RawRow) -> tuple[Leaf, ...]:
    return tuple(leaf(cell, expression=True) for cell in row.cells)


def _shared_data(before: RulesetFiles, after: RulesetFiles) -> Iterator[WrittenChange]:
    for name in sorted({*before.data, *after.data}):
        old = read(name, before.data.get(name, ""), Report())
        new = read(name, after.data.get(name, ""), Report())
        if not (old and new and leaf(old).meaning == leaf(new).meaning):
            yield WrittenChange("shared data", f"_data/{name}", ChangeKind.CHANGED, words="differs")
