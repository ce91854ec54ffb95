"""Compares two versions: whether they decide alike, and everything in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.construct import APPLIES_WHEN
from decision_service.rules.draft import names_of, with_shared
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode, read
from decision_service.rules.offer_terms import BELOW
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.table_rows import read_rows
from decision_service.workbench.changes import (
    NO_VALUE,
    NOTHING,
    ChangeKind,
    Direction,
    WrittenChange,
    as_map,
    compared,
    from_to,
    in_words,
    items_by,
    keys_of,
    reordered,
    said,
    same,
    same_expression,
    same_text,
)

ABOUT = "about the version"
HEADER = ("ruleset", "version", "title", "currency", "time_zone")
_ALWAYS = ""
_LIMITS = ("min", "max", "unit")
_WORDS = {"when": "the condition", "then": "the outcome", "from": "the lowest total"}


def header(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for key in HEADER:
        yield from compared(ABOUT, in_words(key), before.get(key), after.get(key))


def validity(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from compared(
        "validity", "a decision is valid", before.get("valid_for"), after.get("valid_for")
    )


def data(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = as_map(before.get("data")), as_map(after.get("data"))
    for key in keys_of(_keys(old), _keys(new)):
        yield from compared("data", f"{in_words(key)} ({key})", old.get(key), new.get(key))


def inputs(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from _entries("inputs", "input", before.get("inputs"), after.get("inputs"))


def reasons(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from _entries("reasons", "reason", before.get("reasons"), after.get("reasons"))


def tags(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from _entries("tags", "tag", before.get("tags"), after.get("tags"))


def recourse(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = (as_map(root.get("recourse")).get("tell") for root in (before, after))
    yield from compared("recourse", "applicants may be told of", old, new)


def _entries(
    group: str, what: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = as_map(before), as_map(after)
    for name in keys_of(_keys(old), _keys(new)):
        yield from attributes(group, f"{what} {name}", old.get(name), new.get(name))


def attributes(
    group: str, subject: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    if before is None or after is None:
        yield from compared(group, subject, before, after)
        return
    old, new = as_map(before), as_map(after)
    for key in keys_of(_keys(old), _keys(new)):
        alike = same_expression if key == "when" else same_text
        first, second = old.get(key), new.get(key)
        if key == "text":
            yield from _texts(group, subject, first, second)
        elif first is None or second is None:
            yield _written(group, subject, key, first, second)
        else:
            yield from compared(group, f"{subject}: {_key_text(key)}", first, second, alike)


def _written(
    group: str, subject: str, key: str, before: YamlNode | None, after: YamlNode | None
) -> WrittenChange:
    sort = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
    old, new = said(before), said(after)
    return WrittenChange(group, f"{subject}: {_key_text(key)}", sort, from_to(old, new), old, new)


def _key_text(key: str) -> str:
    return _WORDS.get(key, in_words(key))


def _texts(
    group: str, subject: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = as_map(before), as_map(after)
    for language in keys_of(_keys(old), _keys(new)):
        yield from compared(
            group, f"{subject}: text in {language}", old.get(language), new.get(language)
        )


def params(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = as_map(before.get("params")), as_map(after.get("params"))
    for name in keys_of(_keys(old), _keys(new)):
        first, second = old.get(name), new.get(name)
        subject = f"{in_words(name)} ({name})"
        if first is None or second is None:
            yield from compared("parameters", subject, first, second)
            continue
        yield from _keyed(subject, ("type", "by", *_LIMITS), as_map(first), as_map(second))
        yield from _values(subject, as_map(first), as_map(second))


def section_limits(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What parameters may be, which changes no decision."""
    old, new = as_map(before.get("params")), as_map(after.get("params"))
    for name in keys_of(_keys(old), _keys(new)):
        subject = f"{in_words(name)} ({name})"
        yield from _keyed(subject, _LIMITS, as_map(old.get(name)), as_map(new.get(name)))


def _keyed(
    subject: str, keys: Sequence[str], before: MapNode, after: MapNode
) -> Iterator[WrittenChange]:
    for key in keys:
        yield from compared("parameters", f"{subject}: {key}", before.get(key), after.get(key))


def _values(subject: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = _by_label(before), _by_label(after)
    for label in keys_of(old, new):
        about = f"{subject} of {label}" if label else subject
        yield from _steps(about, _dated(old.get(label, NOTHING)), _dated(new.get(label, NOTHING)))


def _by_label(param: MapNode) -> Mapping[str, MapNode]:
    """What holds `value` or dated `values`, by label; an empty one where there are no labels."""
    if param.get("by") is None:
        return {"": param}
    return {e.key: _as_values(e) for e in as_map(param.get("values")).entries}


def _as_values(entry: MapEntry) -> MapNode:
    key = "values" if isinstance(entry.value, MapNode) else "value"
    return MapNode((replace(entry, key=key),), entry.key_place)


def _dated(param: MapNode) -> Mapping[str, Scalar]:
    """The values by the day from which they count, the empty day for always."""
    value, values = param.get("value"), as_map(param.get("values"))
    if isinstance(value, Scalar):
        return {_ALWAYS: value}
    found = {e.key: e.value for e in values.entries if isinstance(e.value, Scalar)}
    return dict(sorted(found.items()))


def _steps(
    subject: str, before: Mapping[str, Scalar], after: Mapping[str, Scalar]
) -> Iterator[WrittenChange]:
    shown = ("", "")
    days = sorted({*before, *after})
    for day in days:
        old, new = _in_force(before, day), _in_force(after, day)
        pair = (_valued(old), _valued(new))
        if pair != shown and (old is None or new is None or not same_text(old, new)):
            words = f"{from_to(*pair)}{_when(day, days)}"
            yield WrittenChange("parameters", subject, ChangeKind.CHANGED, words, *pair)
        shown = pair


def _valued(value: Scalar | None) -> str:
    return NO_VALUE if value is None else said(value)


def _when(day: str, days: Sequence[str]) -> str:
    if day:
        return f" on {day}"
    return f" before {days[1]}" if len(days) > 1 else ""


def _in_force(values: Mapping[str, Scalar], day: str) -> Scalar | None:
    begun = [start for start in values if start <= day]
    return values[begun[-1]] if begun else None


def derived(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = as_map(before.get("derived")), as_map(after.get("derived"))
    for name in keys_of(_keys(old), _keys(new)):
        yield from compared(
            "derived", f"{in_words(name)} ({name})", old.get(name), new.get(name), same_expression
        )


def offer(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = as_map(before.get("offer")), as_map(after.get("offer"))
    for name in keys_of(_keys(old), _keys(new)):
        alike = same_text if name == BELOW else same_expression
        subject = f"{in_words(name)} ({name})"
        yield from compared("offer", subject, old.get(name), new.get(name), alike)


def conditions(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from by_id("conditions", "condition", before.get("conditions"), after.get("conditions"))


def post_checks(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    yield from by_id("post-checks", "rule", before.get("post_checks"), after.get("post_checks"))


def by_id(
    group: str, what: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = items_by(before, "id"), items_by(after, "id")
    for name in keys_of(old, new):
        found = attributes(group, f"{what} {name}", old.get(name), new.get(name))
        if name in old and name in new:
            yield from found
        else:  # a rule or a condition more is asked of applicants, unless it approves
            kind = Direction.TIGHTENS if name in new else Direction.LOOSENS
            approves = said((new.get(name) or old[name]).get("then")) == "APPROVE"
            yield from found if approves else (replace(one, direction=kind) for one in found)
    yield from reordered(group, f"the {what}s are", old, new)


def _keys(node: MapNode) -> list[str]:
    return [entry.key for entry in node.entries]


class StageSide(msgspec.Struct, frozen=True):
    root: MapNode
    files: RulesetFiles


def stages(before: StageSide, after: StageSide) -> Iterator[WrittenChange]:
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


_NAMES = ("ruleset", "version", "title")
_BEFORE_STAGES = (
    header,
    data,
    inputs,
    params,
    derived,
    reasons,
    tags,
)
_AFTER_STAGES = (
    offer,
    conditions,
    post_checks,
    validity,
    recourse,
)


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
    old, new = _compiled(before, catalogue), _compiled(after, catalogue)
    if old.digest == new.digest:
        limits = tuple(section_limits(_side(before, old).root, _side(after, new).root))
        return RulesetDiff(identical=True, alike=True, changes=limits)
    changes = tuple(_changes(_side(before, old), _side(after, new)))
    renamed = compile_ruleset(_named_like(before, after), catalogue).ruleset
    if renamed is not None and renamed.digest == old.digest:
        named = tuple(c for c in changes if c.group == ABOUT)
        return RulesetDiff(identical=False, alike=True, changes=named)
    if all(c.group == ABOUT and c.subject in _NAMES for c in changes):
        changes = (*changes, _UNNAMED)
    return RulesetDiff(identical=False, alike=False, changes=changes)


_UNNAMED = WrittenChange(
    "other",
    "the digests",
    ChangeKind.CHANGED,
    "differ for a reason that this comparison cannot name",
)


def _compiled(files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> CompiledRuleset:
    found = compile_ruleset(files, catalogue).ruleset
    if found is None:
        raise ValueError(f"{files.path} does not compile: check it first")
    return found


def _side(files: RulesetFiles, ruleset: CompiledRuleset) -> StageSide:
    root = read(files.path, files.text, Report())
    root = root and with_shared(root, files, Report(), names_of(ruleset))
    return StageSide(root if isinstance(root, MapNode) else NOTHING, files)


def _root(files: RulesetFiles) -> MapNode:
    root = read(files.path, files.text, Report())
    return root if isinstance(root, MapNode) else NOTHING


def _changes(before: StageSide, after: StageSide) -> Iterator[WrittenChange]:
    for section in _BEFORE_STAGES:
        yield from section(before.root, after.root)
    yield from stages(before, after)
    for section in _AFTER_STAGES:
        yield from section(before.root, after.root)
    yield from _shared_data(before.files, after.files)


def _shared_data(before: RulesetFiles, after: RulesetFiles) -> Iterator[WrittenChange]:
    for name in sorted({*before.data, *after.data}):
        old, new = (_tree(name, files) for files in (before, after))
        if old is None or new is None or not same(old, new):
            yield WrittenChange("shared data", f"_data/{name}", ChangeKind.CHANGED, "differs")


def _tree(name: str, files: RulesetFiles) -> MapNode | None:
    text = files.data.get(name)
    node = None if text is None else read(name, text, Report())
    return node if isinstance(node, MapNode) else None


def _named_like(before: RulesetFiles, after: RulesetFiles) -> RulesetFiles:
    """The newer files with the older product, number and title, to compare the rest by digest."""
    old, new = _root(before), _root(after)
    lines = after.text.removeprefix("\ufeff").splitlines(keepends=True)
    for key in _NAMES:
        given, wanted = new.get(key), old.get(key)
        if isinstance(given, Scalar) and isinstance(wanted, Scalar) and given.verbatim:
            place = given.place
            line = lines[place.line - 1]
            text = wanted.text if given.plain and wanted.plain else _within_quotes(wanted.text)
            lines[place.line - 1] = line[: place.column - 1] + text + line[place.end - 1 :]
    folder = PurePosixPath(after.path).parent
    path = str(folder / PurePosixPath(before.path).name)
    return replace(after, product=before.product, path=path, text="".join(lines))


def _within_quotes(text: str) -> str:
    return text.replace('"', "").replace("'", "''")
