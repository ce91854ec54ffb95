"""Two versions, or two plans, compared: whether they are alike, and everything that differs."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from decision_service.domain.factor import FactorSpec
from decision_service.domain.reviews import ReviewPolicy
from decision_service.rollout.keys import DESK
from decision_service.rollout.model import GoLive, Plan, Stages, Versions
from decision_service.rules.cells import read_rows
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.construct import SEGMENT
from decision_service.rules.draft import names_of, with_shared
from decision_service.rules.keys import BELOW, MAX_AGE, STAGES
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.evaluation import Formula
from decision_service.rules.language.fields import parse_day
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.workbench.changes import (
    ChangeKind,
    Direction,
    Leaf,
    Part,
    WrittenChange,
    compare_parts,
    in_words,
    named,
)

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


# What a file says, as parts


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


def _values(node: MapNode, *apart: str) -> dict[str, Leaf]:
    """The values of a map but those that are compared apart; of a text those of each language."""
    found: dict[str, Leaf] = {}
    for key, value in entries_of(node):
        if key == "text" and isinstance(value, MapNode):
            found |= {f"text_in_{language}": leaf(one) for language, one in entries_of(value)}
        elif key not in apart:
            found[key] = leaf(value, expression=key == "when")
    return found


# Versions


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
    roots = _with_shared(before, old), _with_shared(after, new)
    more = (*_rows(roots, (before, after)), *_shared_data(before, after))
    changes = compare_parts(_parts_of(roots[0]), _parts_of(roots[1]), more)
    if old.digest == new.digest:
        limits = tuple(c for c in changes if c.subject.endswith(_LIMITS))
        return RulesetDiff(identical=True, alike=True, changes=limits)
    renamed = compile_ruleset(_named_like(before, after), catalogue).ruleset
    if renamed is not None and renamed.digest == old.digest:
        about = tuple(c for c in changes if c.group == ABOUT)
        return RulesetDiff(identical=False, alike=True, changes=about)
    if all(c.group == ABOUT and c.subject in _NAMES for c in changes):
        changes = (*changes, _UNNAMED)
    return RulesetDiff(identical=False, alike=False, changes=changes)


def compare_texts(before: str, after: str) -> tuple[WrittenChange, ...]:
    """What two rule files say differently, without their further files and without compiling."""
    files = RulesetFiles("", "", before), RulesetFiles("", "", after)
    old, new = (as_map(read(one.path, one.text, Report())) for one in files)
    return compare_parts(_parts_of(old), _parts_of(new), _rows((old, new), files))


def _compiled(files: RulesetFiles, catalogue: Mapping[str, FactorSpec]) -> CompiledRuleset:
    found = compile_ruleset(files, catalogue).ruleset
    if found is None:
        raise ValueError(f"{files.path} does not compile: check it first")
    return found


def _with_shared(files: RulesetFiles, ruleset: CompiledRuleset) -> MapNode:
    root = read(files.path, files.text, Report())
    return as_map(root and with_shared(root, files, Report(), kept=names_of(ruleset)))


def _named_like(before: RulesetFiles, after: RulesetFiles) -> RulesetFiles:
    """The newer files with the older product, number and title, to compare the rest by digest."""
    old, new = (as_map(read(files.path, files.text, Report())) for files in (before, after))
    others, lines = (
        files.text.removeprefix("\ufeff").splitlines(keepends=True) for files in (before, after)
    )
    for key in _NAMES:
        lines[new.key_place(key).line - 1] = others[old.key_place(key).line - 1]
    path = str(PurePosixPath(after.path).parent / PurePosixPath(before.path).name)
    return replace(after, product=before.product, path=path, text="".join(lines))


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
        values = _values(as_map(param)) | {"value": Leaf(said(as_map(param).get("value")), None)}
        yield Part("parameters", named(name), values, dated=_dated(as_map(param)))
    yield from _lines("derived", root)
    yield from _of_map("reasons", "reason", root)
    yield from _of_map("tags", "tag", root)
    for name, stage in items_by(root.get("stages"), "name").items():
        yield Part("stages", f"stage {name}", _values(stage, "name", *_OF_STAGE), kind="stages")
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
        yield Part(section, f"{what} {name}", _values(as_map(node)))


def _by_id(group: str, what: str, node: YamlNode | None) -> Iterator[Part]:
    """Rules or conditions: a further one asks more of applicants, unless it approves."""
    for name, item in items_by(node, "id").items():
        approves = said(item.get("then")) == "APPROVE"
        new = Direction.CHANGES if approves else Direction.TIGHTENS
        yield Part(group, f"{what} {name}", _values(item, "id"), kind=f"{what}s", new=new)


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
        values = _values(one, "factor", "bins")
        yield Part(group, f"characteristic {name}", values, kind="characteristics")
        for cell, bin_ in items_by(one.get("bins"), "in").items():
            yield Part(group, f"{name} in {cell}", _values(bin_, "in"), kind=f"bins of {name}")
    for name, band in items_by(card.get("bands"), "name").items():
        yield Part(group, f"band {name}", _values(band, "name"), kind="bands")


def _rows(
    roots: tuple[MapNode, MapNode], files: tuple[RulesetFiles, RulesetFiles]
) -> Iterator[WrittenChange]:
    """The rows of tables, matched where they are equal, then cell by cell."""
    stages = (items_by(root.get("stages"), "name") for root in roots)
    old, new = ({n: as_map(s.get("table")) for n, s in every.items()} for every in stages)
    for name in dict.fromkeys((*new, *old)):
        tables = old.get(name, _NOTHING), new.get(name, _NOTHING)
        columns = [_columns(table) for table in tables]
        rows = [_cells(*each) for each in zip(tables, columns, files, strict=True)]
        yield from _rows_of(f"stage {name}", columns, rows)


def _rows_of(
    group: str, columns: Sequence[list[str]], rows: Sequence[list[tuple[Leaf, ...]]]
) -> Iterator[WrittenChange]:
    old, new = rows
    a, b = ([tuple("".join(cell.text.split()) for cell in row) for row in side] for side in rows)
    for tag, low, high, start, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
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
    return [tuple(leaf(cell, expression=True) for cell in row.cells) for row in found if row]


def _shared_data(before: RulesetFiles, after: RulesetFiles) -> Iterator[WrittenChange]:
    for name in sorted({*before.data, *after.data}):
        old, new = (
            None if text is None else read(name, text, Report())
            for text in (before.data.get(name), after.data.get(name))
        )
        if not (old and new and leaf(old).meaning == leaf(new).meaning):
            yield WrittenChange("shared data", f"_data/{name}", ChangeKind.CHANGED, words="differs")


# Plans

LONGEST_LIST = 5
"""Units that are named in a sentence; the rest is counted."""

_LENGTHS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_KEYS = {
    "approvals": "approvals_per_day",
    "amount": "amount_per_day",
    "maximum": "max",
    "condition": "when",
}
"""Keys of a plan whose names in the code are others."""

_WIDER = (
    *("", "percent", "max", "min_units", "review", "review_second", "sla"),
    *("approvals_per_day", "amount_per_day", "max_amount"),
)
_GROWS = {
    **dict.fromkeys(_WIDER, Direction.LOOSENS),
    **dict.fromkeys(("hold", "min_decisions"), Direction.TIGHTENS),
}
"""What a greater value does to the fences."""

_BAND = {"min": Direction.TIGHTENS, "max": Direction.LOOSENS}


def compare_plans(before: Plan | None, after: Plan | None) -> tuple[WrittenChange, ...]:
    """The differences, none if and only if the digests are equal; a plan that is gone is one."""
    if before is not None and after is None:
        return (WrittenChange("plan", "the plan", ChangeKind.REMOVED, words="is gone"),)
    old, new = (() if plan is None else _parts_of_plan(plan) for plan in (before, after))
    return compare_parts(old, new, _units(before, after))


def file_of(change: WrittenChange) -> str:
    """The file of the product that has the changed value."""
    return DESK if change.group == "review" else "rollout.yaml"


def _parts_of_plan(plan: Plan) -> Iterator[Part]:
    """Everything that the digest of a plan covers but its product and lists of units."""
    yield _alone("plan", named("unit"), plan.unit)
    yield _alone("plan", named("pin_for"), plan.pin_for)
    if (share := plan.second_person_above) is not None:
        part = Part("plan", named("second_person_above"), {"": _percent(share)}, grows=_GROWS)
        yield replace(part, new=Direction.TIGHTENS)
    yield from _go_live(plan.go_live)
    yield from _versions(plan.versions)
    for cap in plan.caps:
        yield _bound("caps", f"cap {cap.name}", cap, kind="caps")
    for guardrail in plan.guardrails:
        yield _bound("guardrails", f"guardrail {guardrail.name}", guardrail, kind="guardrails")
    if plan.review is not None:
        yield from _review(plan.review)


def _alone(group: str, subject: str, value: Any) -> Part:
    return Part(group, subject, {"": _leaf_of(value)})


def _bound(group: str, subject: str, part: msgspec.Struct, kind: str) -> Part:
    return Part(group, subject, _values_of(part), kind=kind, new=Direction.TIGHTENS, grows=_GROWS)


def _values_of(part: msgspec.Struct) -> dict[str, Leaf]:
    """The value of each key of a part that says anything, but its name."""
    found: dict[str, Leaf] = {}
    for name, value in asdict(part).items():
        if name == "ceiling":
            found |= {"compares with": _leaf_of("champion")} if value is None else _values_of(value)
        elif name == "percent":
            found[name] = _percent(value)
        elif name != "name" and value:
            found[_KEYS.get(name, name)] = _leaf_of(value)
    return found


def _percent(share: int) -> Leaf:
    """Thousandths of a percent as a percentage."""
    return _leaf_of(Decimal(share) / 1000)


def _leaf_of(value: Any) -> Leaf:
    match value:
        case Decimal():
            return Leaf(f"{value.normalize():f}", value)
        case timedelta():
            seconds = int(value.total_seconds())
            unit, size = next(one for one in _LENGTHS.items() if seconds % one[1] == 0)
            return Leaf(f"{seconds // size}{unit}", seconds)
        case Formula():
            return Leaf(value.text, value.text)
        case frozenset():
            return Leaf(", ".join(sorted(value)), value)
    return Leaf(str(value), value)


def _go_live(go_live: GoLive) -> Iterator[Part]:
    yield _alone("go-live", "salt", go_live.salt)
    for segment in go_live.segments:
        values = _values_of(segment)
        name = f"segment {segment.name}"
        yield Part("go-live", name, values, kind="segments", new=Direction.LOOSENS, grows=_GROWS)
    yield from _stages("go-live", go_live.stages)
    yield _alone("go-live", "advance", go_live.advance)


def _stages(group: str, stages: Stages) -> Iterator[Part]:
    for stage in stages.steps:
        yield Part(group, f"stage {stage.name}", _values_of(stage), kind="stages", grows=_GROWS)
    yield _alone(group, named("initial_stage"), stages.initial)


def _versions(versions: Versions) -> Iterator[Part]:
    yield _alone("versions", "the champion", f"v{versions.champion}")
    for shadow in versions.shadow:
        values = {"percent": _percent(shadow.percent)}
        yield Part("versions", f"shadow v{shadow.version}", values, kind="shadows")
    challenger = versions.challenger
    if challenger is None:
        return
    yield _alone("challenger", "the challenger", f"v{challenger.version}")
    yield _alone("challenger", "salt", challenger.salt)
    yield from _stages("challenger", challenger.stages)
    for metric, expected in challenger.expect.items():
        name = f"the expected {named(metric)}"
        low = expected.change - expected.within
        high = expected.change + expected.within
        bounds = {"min": _leaf_of(low), "max": _leaf_of(high)}
        yield Part("challenger", name, bounds, grows=_BAND)


def _review(review: ReviewPolicy) -> Iterator[Part]:
    for queue in review.queues:
        part = _bound("review", f"queue {queue.name}", queue, kind="queues")
        yield replace(part, grows={"sla": Direction.LOOSENS})
    if review.authority is not None:
        yield Part("review", "the authority", _values_of(review.authority), grows=_GROWS)
    for reason in review.reasons:
        letter = {f"letter_in_{one}": _leaf_of(text) for one, text in sorted(reason.letter.items())}
        told = {} if reason.is_told else {"told": _leaf_of("nobody")}
        only = {} if reason.outcome is None else {"outcome": _leaf_of(reason.outcome)}
        values = {"": _leaf_of(reason.text)} | letter | told | only
        yield Part("review", f"reason {reason.code}", values, kind="reasons")
    yield replace(_alone("review", named("contest_sla"), review.contest_sla), grows=_GROWS)


def _units(before: Plan | None, after: Plan | None) -> Iterator[WrittenChange]:
    for name in ("allow", "deny"):
        old, new = (
            frozenset[str]() if plan is None else getattr(plan.go_live, name)
            for plan in (before, after)
        )
        yield from _joined(name, sorted(new - old), ChangeKind.ADDED)
        yield from _joined(name, sorted(old - new), ChangeKind.REMOVED)


def _joined(name: str, units: list[str], kind: ChangeKind) -> Iterator[WrittenChange]:
    if not units:
        return
    more = len(units) - LONGEST_LIST
    listed = ", ".join(units[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")
    count = f"{len(units)} unit{'' if len(units) == 1 else 's'}"
    whole = ", ".join(units)
    added = kind is ChangeKind.ADDED
    words = f"has {count} {'more' if added else 'fewer'}: {listed}"
    which = Direction.LOOSENS if added is (name == "allow") else Direction.TIGHTENS
    sides = ("", whole) if added else (whole, "")
    yield WrittenChange("go-live", name, kind, words, *sides, which)
