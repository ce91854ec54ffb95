"""Compares two versions: whether they decide alike, and everything in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec
from decision_service.rules.cells import read_rows
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.construct import SEGMENT
from decision_service.rules.draft import names_of, with_shared
from decision_service.rules.keys import BELOW, MAX_AGE, SECTIONS
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.fields import parse_day
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.workbench.changes import (
    NO_VALUE,
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
_HEADER = ("ruleset", "version", "title", "currency", "time_zone")
_NAMES = ("ruleset", "version", "title")
_ALWAYS = ""
_LIMITS = ("min", "max", "unit")
_WORDS = {key.name: key.label for section in SECTIONS for key in section.keys if key.label}
_UNNAMED = WrittenChange(
    "other",
    "the digests",
    ChangeKind.CHANGED,
    "differ for a reason that this comparison cannot name",
)
_Body = tuple[MapNode, RulesetFiles]
_Row = Sequence[Scalar]


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
    sides = (_with_shared(before, old), before), (_with_shared(after, new), after)
    if old.digest == new.digest:
        limits = tuple(_limits(sides[0][0], sides[1][0]))
        return RulesetDiff(identical=True, alike=True, changes=limits)
    changes = tuple(_changes(*sides))
    renamed = compile_ruleset(_named_like(before, after), catalogue).ruleset
    if renamed is not None and renamed.digest == old.digest:
        named = tuple(c for c in changes if c.group == ABOUT)
        return RulesetDiff(identical=False, alike=True, changes=named)
    if all(c.group == ABOUT and c.subject in _NAMES for c in changes):
        changes = (*changes, _UNNAMED)
    return RulesetDiff(identical=False, alike=False, changes=changes)


def _compiled(files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> CompiledRuleset:
    found = compile_ruleset(files, catalogue).ruleset
    if found is None:
        raise ValueError(f"{files.path} does not compile: check it first")
    return found


def _with_shared(files: RulesetFiles, ruleset: CompiledRuleset) -> MapNode:
    root = read(files.path, files.text, Report())
    return as_map(root and with_shared(root, files, Report(), names_of(ruleset)))


def _named_like(before: RulesetFiles, after: RulesetFiles) -> RulesetFiles:
    """The newer files with the older product, number and title, to compare the rest by digest."""
    old, new = (as_map(read(files.path, files.text, Report())) for files in (before, after))
    lines = after.text.removeprefix("\ufeff").splitlines(keepends=True)
    for key in _NAMES:
        given, wanted = new.get(key), old.get(key)
        if isinstance(given, Scalar) and isinstance(wanted, Scalar) and given.verbatim:
            place, text = given.place, wanted.text
            if not (given.plain and wanted.plain):
                text = text.replace('"', "").replace("'", "''")
            line = lines[place.line - 1]
            lines[place.line - 1] = line[: place.column - 1] + text + line[place.end - 1 :]
    path = str(PurePosixPath(after.path).parent / PurePosixPath(before.path).name)
    return replace(after, product=before.product, path=path, text="".join(lines))


def _changes(before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = before[0], after[0]
    for key in _HEADER:
        yield from compared(ABOUT, in_words(key), old.get(key), new.get(key))
    yield from compared("data", "maximum age (max_age)", old.get(MAX_AGE), new.get(MAX_AGE))
    yield from _entries("inputs", "input", old, new)
    segments = old.get("segments"), new.get("segments")
    yield from compared("segments", "applicants differ by", *segments)
    yield from _params(old, new)
    yield from _lines("derived", old, new)
    yield from _entries("reasons", "reason", old, new)
    yield from _entries("tags", "tag", old, new)
    yield from _stages(before, after)
    yield from _lines("offer", old, new)
    sections = old.get("conditions"), new.get("conditions")
    yield from _by_id("conditions", "condition", *sections)
    valid = old.get("valid_for"), new.get("valid_for")
    yield from compared("validity", "a decision is valid", *valid)
    first, second = (root.get("recourse") for root in (old, new))
    yield from compared("recourse", "applicants may be told of", first, second)
    yield from _shared_data(before[1], after[1])


def _shared_data(before: RulesetFiles, after: RulesetFiles) -> Iterator[WrittenChange]:
    for name in sorted({*before.data, *after.data}):
        old, new = (
            None if text is None else read(name, text, Report())
            for text in (before.data.get(name), after.data.get(name))
        )
        if not (isinstance(old, MapNode) and isinstance(new, MapNode) and same(old, new)):
            yield WrittenChange("shared data", f"_data/{name}", ChangeKind.CHANGED, "differs")


def _pairs(
    before: YamlNode | None, after: YamlNode | None
) -> Iterator[tuple[str, YamlNode | None, YamlNode | None]]:
    """Each key of two maps with what it has on either side."""
    old, new = as_map(before), as_map(after)
    for key in keys_of(*([entry.key for entry in node.entries] for node in (old, new))):
        yield key, old.get(key), new.get(key)


def _lines(section: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for name, old, new in _pairs(before.get(section), after.get(section)):
        alike = same_text if name == BELOW else same_expression
        yield from compared(section, f"{in_words(name)} ({name})", old, new, alike)


def _entries(section: str, what: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for name, old, new in _pairs(before.get(section), after.get(section)):
        yield from _attributes(section, f"{what} {name}", old, new)


def _attributes(
    group: str, subject: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    """What differs in one map: the whole where it is new or gone, else key by key."""
    if before is None or after is None:
        yield from compared(group, subject, before, after)
        return
    for key, old, new in _pairs(before, after):
        about = f"{subject}: {_WORDS.get(key, in_words(key))}"
        if key == "text":
            for language, one, other in _pairs(old, new):
                yield from compared(group, f"{subject}: text in {language}", one, other)
        elif old is None or new is None:
            sort = ChangeKind.ADDED if old is None else ChangeKind.REMOVED
            texts = said(old), said(new)
            yield WrittenChange(group, about, sort, from_to(*texts), *texts)
        else:
            alike = same_expression if key == "when" else same_text
            yield from compared(group, about, old, new, alike)


def _params(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for name, old, new in _pairs(before.get("params"), after.get("params")):
        subject = f"{in_words(name)} ({name})"
        if old is None or new is None:
            yield from compared("parameters", subject, old, new)
            continue
        yield from _keyed(subject, ("type", *_LIMITS), as_map(old), as_map(new))
        yield from _values(subject, as_map(old), as_map(new))


def _limits(before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    """What parameters may be, which changes no decision."""
    for name, old, new in _pairs(before.get("params"), after.get("params")):
        yield from _keyed(f"{in_words(name)} ({name})", _LIMITS, as_map(old), as_map(new))


def _keyed(
    subject: str, keys: Sequence[str], before: MapNode, after: MapNode
) -> Iterator[WrittenChange]:
    for key in keys:
        yield from compared("parameters", f"{subject}: {key}", before.get(key), after.get(key))


def _values(subject: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    old, new = _by_label(before), _by_label(after)
    for label in keys_of(old, new):
        about = f"{subject} of {label}" if label else subject
        yield from _steps(about, _dated(old.get(label)), _dated(new.get(label)))


def _by_label(param: MapNode) -> Mapping[str, YamlNode | None]:
    """The value, or the map of dated ones, by label; an empty one where there are no labels."""
    value = param.get("value")
    if all(parse_day(entry.key) for entry in as_map(value).entries):
        return {"": value}
    return {entry.key: entry.value for entry in as_map(value).entries}


def _dated(value: YamlNode | None) -> Mapping[str, Scalar]:
    """The values by the day from which they count, the empty day for always."""
    if isinstance(value, Scalar):
        return {_ALWAYS: value}
    found = {e.key: e.value for e in as_map(value).entries if isinstance(e.value, Scalar)}
    return dict(sorted(found.items()))


def _steps(
    subject: str, before: Mapping[str, Scalar], after: Mapping[str, Scalar]
) -> Iterator[WrittenChange]:
    shown = ("", "")
    days = sorted({*before, *after})
    for day in days:
        old, new = _in_force(before, day), _in_force(after, day)
        texts = (said(old) if old else NO_VALUE, said(new) if new else NO_VALUE)
        if texts != shown and (old is None or new is None or not same_text(old, new)):
            when = f" on {day}" if day else f" before {days[1]}" if len(days) > 1 else ""
            words = f"{from_to(*texts)}{when}"
            yield WrittenChange("parameters", subject, ChangeKind.CHANGED, words, *texts)
        shown = texts


def _in_force(values: Mapping[str, Scalar], day: str) -> Scalar | None:
    begun = [start for start in values if start <= day]
    return values[begun[-1]] if begun else None


def _by_id(
    group: str, what: str, before: YamlNode | None, after: YamlNode | None
) -> Iterator[WrittenChange]:
    old, new = items_by(before, "id"), items_by(after, "id")
    for name in keys_of(old, new):
        found = _attributes(group, f"{what} {name}", old.get(name), new.get(name))
        if name in old and name in new:
            yield from found
        else:  # a rule or a condition more is asked of applicants, unless it approves
            kind = Direction.TIGHTENS if name in new else Direction.LOOSENS
            approves = said((new.get(name) or old[name]).get("then")) == "APPROVE"
            yield from found if approves else (replace(one, direction=kind) for one in found)
    yield from reordered(group, f"the {what}s are", old, new)


def _stages(before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = (items_by(side[0].get("stages"), "name") for side in (before, after))
    for name in keys_of(old, new):
        first, second = old.get(name), new.get(name)
        group = f"stage {name}"
        if first is None or second is None:
            kind = ChangeKind.ADDED if first is None else ChangeKind.REMOVED
            words = "is new" if first is None else "is gone"
            yield WrittenChange(group, "the stage", kind, words)
        else:
            sides = first.get("component"), second.get("component")
            yield from compared(group, "the component", *sides)
        yield from _stage(group, (as_map(first), before[1]), (as_map(second), after[1]))
    yield from reordered("stages", "the stages are", old, new)


def _stage(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = before[0], after[0]
    yield from compared(group, "the segment", old.get(SEGMENT), new.get(SEGMENT), same_expression)
    yield from _by_id(group, "rule", old.get("rules"), new.get("rules"))
    yield from _scorecard(group, as_map(old.get("scorecard")), as_map(new.get("scorecard")))
    yield from _table(
        group, (as_map(old.get("table")), before[1]), (as_map(new.get("table")), after[1])
    )


def _scorecard(group: str, before: MapNode, after: MapNode) -> Iterator[WrittenChange]:
    for key in ("id", "points"):
        yield from compared(group, f"the scorecard's {key}", before.get(key), after.get(key))
    old = items_by(before.get("characteristics"), "factor")
    new = items_by(after.get("characteristics"), "factor")
    for name in keys_of(old, new):
        yield from _characteristic(group, name, old.get(name), new.get(name))
    yield from reordered(group, "the characteristics are", old, new)
    yield from _listed(group, "band", "name", before.get("bands"), after.get("bands"))


def _characteristic(
    group: str, name: str, before: MapNode | None, after: MapNode | None
) -> Iterator[WrittenChange]:
    subject = f"characteristic {name}"
    if before is None or after is None:
        yield from compared(group, subject, before, after)
        return
    yield from _attributes(group, subject, _without(before, "bins"), _without(after, "bins"))
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
            old_rest, new_rest = (side and _without(side, key) for side in (first, second))
            yield from compared(group, subject, old_rest, new_rest)
        else:
            yield from _attributes(group, subject, first, second)
    kind = "bands" if key == "name" else f"bins of {what.removesuffix(' in')}"
    yield from reordered(group, f"the {kind} are", old, new)


def _table(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    old, new = before[0], after[0]
    for key in ("id", "hit"):
        yield from compared(group, f"the table's {key}", old.get(key), new.get(key))
    yield from compared(group, "the table looks at", old.get("when"), new.get("when"))
    for name, first, second in _pairs(old.get("give"), new.get("give")):
        yield from compared(group, f"output {name}", first, second)
    yield from _rows(group, before, after)


def _rows(group: str, before: _Body, after: _Body) -> Iterator[WrittenChange]:
    columns = _columns(after[0]) or _columns(before[0])
    old, new = _cells(*before), _cells(*after)
    same_columns = _columns(before[0]) == _columns(after[0])
    a, b = ([tuple("".join(c.text.split()) for c in row) for row in side] for side in (old, new))
    for tag, low, high, start, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "replace" and high - low == end - start and same_columns:
            pairs = zip(old[low:high], new[start:end], strict=True)
            for index, (first, second) in enumerate(pairs, start + 1):
                for column, one, other in zip(columns, first, second, strict=True):
                    subject = f"row {index}: {column}"
                    yield from compared(group, subject, one, other, same_expression)
        elif tag != "equal":
            for index, text in enumerate(map(_shown, old[low:high]), low + 1):
                words, subject = f"is gone; it was: {text}", f"former row {index}"
                yield WrittenChange(group, subject, ChangeKind.REMOVED, words, text)
            for index, text in enumerate(map(_shown, new[start:end]), start + 1):
                words, subject = f"is new: {text}", f"row {index}"
                yield WrittenChange(group, subject, ChangeKind.ADDED, words, "", text)


def _shown(row: _Row) -> str:
    return f"[{', '.join(said(cell) for cell in row)}]"


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
