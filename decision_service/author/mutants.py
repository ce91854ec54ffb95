"""The constants of a rule file, and the small changes of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import FactorSpec, ValueType
from decision_service.rules.cells import read_rows
from decision_service.rules.compile import read_draft
from decision_service.rules.construct import SEGMENT
from decision_service.rules.draft import Names, RulesetDraft, names_in, names_of, with_shared
from decision_service.rules.keys import CHANGED, RULESET
from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.fields import parse_day
from decision_service.rules.language.keys import Change
from decision_service.rules.language.types import Symbol
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode, read
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from decision_service.rules.ranges import written_labels

SMALL = 20
"""Whole numbers up to this one move by 1, others by a tenth."""

_TOKEN = re.compile(
    r"'[^']*'"
    r'|"[^"]*"'
    r"|\d{4}-\d{2}-\d{2}"
    r"|(?<![\w.])\d+(?:\.\d+)?(?![\w.])"
    r"|(?<![\w.])(?:true|false)(?![\w.])"
)
_OPERATOR = re.compile(r"[<>]=?|[!=]=|\b(?:and|or)\b|\b(?:min|max)(?=\()|[+-]")
_SIGNED = re.compile(r"(?:^|[(,<>=*/+-]|\b(?:if|else|and|or|not|in))\s*$")
"""What is before a minus that belongs to one value alone."""

_SWAPPED = {"<": "<=", ">": ">=", "and": "or", "min": "max", "+": "-", "==": "!="}
_SWAPPED |= {after: before for before, after in _SWAPPED.items()}
_WORD = re.compile(r"[^|\s\"'=!]+")

_KEYS = tuple(key for section in CHANGED for key in section.keys)
_SECTIONS = tuple(k.name for k in RULESET.keys if k.kind.changes is not Change.NOTHING)
_CHANGED = frozenset(key.name for key in _KEYS if key.kind.changes is not Change.NOTHING)
_WITHOUT = frozenset(key.name for key in _KEYS) - _CHANGED
_SILENT = ("rules", "scorecard", "table", "characteristics", "stages")
NO_SEGMENT = "none"
"""What a stage's `segment` becomes where it is taken away, so that the stage is for all."""

_NAMED_BY = ("id", "name", "factor")


class Edit(msgspec.Struct, frozen=True):
    node: Scalar | MapEntry
    start: int
    end: int
    text: str


class EditRefused(Exception):
    """With some edits a file is no ruleset any more."""


class FigureChange(msgspec.Struct, frozen=True):
    """One figure moved one way.

    `at` names the figure by its way through the file (`params.rate_cap.2026-04-01`); edges that
    bins share move together, so that there may be several edits.
    """

    at: str
    place: Place
    before: str
    after: str
    edits: tuple[Edit, ...]


class Fate(StrEnum):
    NOTICED = "noticed"
    REFUSED = "refused"
    NO_DIFFERENCE = "no difference"
    MARKED = "marked"
    UNNOTICED = "unnoticed"


class VerdictDifference(NamedTuple):
    part: str
    before: str
    after: str


class Tried(msgspec.Struct, frozen=True):
    """A change with its fate; `difference` is what made-up facts showed of one set aside."""

    change: FigureChange
    fate: Fate
    difference: VerdictDifference | None = None


class FigureToken(msgspec.Struct, frozen=True):
    """A figure within a text: characters `start` to `end`; labels without their quotes."""

    start: int
    end: int
    text: str
    label: bool = False


def figures(text: str) -> Iterator[FigureToken]:
    for found in _TOKEN.finditer(text):
        start, end = found.span()
        if found[0][0] in "'\"":
            start = start + 1
            end = end - 1
        word = text[start:end]
        yield FigureToken(start, end, word, label=found[0] != word and parse_day(word) is None)


def operators(text: str) -> Iterator[tuple[FigureToken, str]]:
    taken = [found.span() for found in _TOKEN.finditer(text)]  # labels and dates have none
    for found in _OPERATOR.finditer(text):
        here = found.start()
        signed = found[0] in "+-" and _SIGNED.search(text, 0, here)
        if not signed and not any(start <= here < end for start, end in taken):
            yield FigureToken(*found.span(), found[0]), _SWAPPED[found[0]]


def labels(text: str) -> Iterator[FigureToken]:
    """The labels of a cell `A | B`, `!= A`; none in `-` and `missing`."""
    for found in _WORD.finditer(text):
        if found[0] not in ("-", "missing"):
            yield FigureToken(*found.span(), found[0], label=True)


def next_to(text: str) -> tuple[str, ...]:
    day = parse_day(text)
    if day is not None:
        return tuple((day + timedelta(days=step)).isoformat() for step in (1, -1))
    if text in ("true", "false"):
        return ("false" if text == "true" else "true",)
    return tuple(f"{n:f}" for n in _moved(Decimal(text), whole="." not in text))


def neighbours(label: str, known: Sequence[str]) -> tuple[str, ...]:
    if label not in known:
        return ()
    index = known.index(label)
    return tuple(known[i] for i in (index - 1, index + 1) if 0 <= i < len(known))


def _moved(number: Decimal, *, whole: bool) -> tuple[Decimal, Decimal]:
    if not number or (whole and number <= SMALL):
        return number + 1, number - 1
    step = number / 10
    if whole:
        step = step.to_integral_value()
    elif number >= 1 and _decimals(number) > 1:
        step = step.quantize(number)  # an amount has no more digits than centavos
    return (number + step).normalize(), (number - step).normalize()


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


Spot = tuple[Scalar, FigureToken]


class Vocabulary(msgspec.Struct, frozen=True):
    """The names of a ruleset, and the words under some keys (`then`, `reason`).

    With `operators` those of expressions change too.
    """

    symbols: Mapping[str, Symbol]
    choices: Mapping[str, tuple[str, ...]]
    operators: bool = False

    def labels(self, label: str, names: Sequence[str] = ()) -> tuple[str, ...]:
        """The labels that one belongs to: those of a name near it, else of any name."""
        near = [self.symbols[name] for name in names if name in self.symbols]
        for symbol in (*near, *self.symbols.values()):
            if label in symbol.labels and len(symbol.labels) > 1:
                return symbol.labels
        return ()


def in_expression(scalar: Scalar, at: str, words: Vocabulary) -> Iterator[FigureChange]:
    seen: dict[str, int] = {}
    names = names_in(scalar.text)
    for token in figures(scalar.text):
        seen[token.text] = seen.get(token.text, 0) + 1
        here = at if seen[token.text] == 1 else f"{at}#{seen[token.text]}"
        known = words.labels(token.text, names) if token.label else ()
        for after in neighbours(token.text, known) if token.label else next_to(token.text):
            yield change(here, [(scalar, token)], after)
    for token, other in operators(scalar.text) if words.operators else ():
        seen[token.text] = seen.get(token.text, 0) + 1
        here = at if seen[token.text] == 1 else f"{at}#{seen[token.text]}"
        yield change(here, [(scalar, token)], other)


def as_label(scalar: Scalar, at: str, known: Sequence[str]) -> Iterator[FigureChange]:
    token = FigureToken(0, len(scalar.text), scalar.text, label=True)
    for after in neighbours(scalar.text, known):
        yield change(at, [(scalar, token)], after)


def as_keys(listed: Sequence[MapEntry], at: str, known: Sequence[str]) -> Iterator[FigureChange]:
    """The labels that are keys of a map; one changes places with its neighbour that is a key."""
    by_key = {entry.key: entry for entry in listed}
    for entry in listed:
        for after in neighbours(entry.key, known):
            edits = [Edit(entry, 0, len(entry.key), text=after)]
            if after in by_key:
                edits.append(Edit(by_key[after], 0, len(after), text=entry.key))
            yield FigureChange(
                f"{at}.{entry.key}.label",
                entry.key_place,
                entry.key,
                after=after,
                edits=tuple(edits),
            )


def change(at: str, spots: Sequence[Spot], after: str, back: Sequence[Spot] = ()) -> FigureChange:
    """The figure at its spots changed; what is at `back` takes its place in turn."""
    scalar, token = spots[0]
    swapped = ((spots, after), (back, token.text))
    edits = [Edit(s, t.start, t.end, text=text) for some, text in swapped for s, t in some]
    return FigureChange(
        at, scalar.at(token.start, token.end), token.text, after=after, edits=tuple(edits)
    )


def entries(node: YamlNode | None) -> tuple[MapEntry, ...]:
    return node.entries if isinstance(node, MapNode) else ()


def items(node: YamlNode | None) -> tuple[YamlNode, ...]:
    return node.items if isinstance(node, ListNode) else ()


def written_out(node: YamlNode, files: RulesetFiles) -> YamlNode:
    """The tree with every table's file read into its rows; a cell keeps its place in the file."""
    if isinstance(node, ListNode):
        return replace(node, items=tuple(written_out(item, files) for item in node.items))
    if isinstance(node, Scalar):
        return node
    if isinstance(node.get("rows"), Scalar):
        return _with_rows(node, files)
    entries = (replace(e, value=written_out(e.value, files)) for e in node.entries)
    return replace(node, entries=tuple(entries))


def columns(table: MapNode) -> tuple[list[str], list[str]]:
    names = [item.text for item in items(table.get("when")) if isinstance(item, Scalar)]
    return names, [entry.key for entry in entries(table.get("give"))]


def _with_rows(table: MapNode, files: RulesetFiles) -> MapNode:
    names, outputs = columns(table)
    source = table.get("rows")
    assert source is not None  # noqa: S101  asked by the caller
    raw = read_rows(source, [*names, *outputs], files, report=Report())
    rows = tuple(ListNode(row.cells, row.place) for row in raw if row is not None)
    entries = [
        replace(e, value=ListNode(rows, source.place)) if e.key == "rows" else e
        for e in table.entries
    ]
    return replace(table, entries=tuple(entries))


class RuleTree:
    """The file of a version that compiles, as a tree that takes edits."""

    def __init__(
        self, files: RulesetFiles, ruleset: CompiledRuleset, catalogue: Mapping[str, FactorSpec]
    ) -> None:
        self._files = files
        self._catalogue = catalogue
        root = read(files.path, files.text, Report())
        assert root is not None  # noqa: S101  it has compiled
        tree = written_out(with_shared(root, files, Report(), kept=names_of(ruleset)), files)
        assert isinstance(tree, MapNode)  # noqa: S101  as its root is
        self.root = tree

    def draft(self, edits: Sequence[Edit] = (), report: Report | None = None) -> RulesetDraft:
        """What the tree reads as with edits; raises EditRefused."""
        report = Report() if report is None else report
        node = edited(self.root, edits)
        found = read_draft(node, self._files, Names(self._catalogue), report=report)
        if found is None or report.failed:
            raise EditRefused
        return found


def edited(node: YamlNode, edits: Sequence[Edit]) -> YamlNode:
    """The tree with some of its values and keys reading otherwise; all else is shared.

    An entry whose key becomes empty is gone.
    """
    by_node: dict[int, list[Edit]] = {}
    for edit in edits:
        by_node.setdefault(id(edit.node), []).append(edit)
    return _edited(node, by_node)


def _edited(node: YamlNode, edits: Mapping[int, Sequence[Edit]]) -> YamlNode:
    own = edits.get(id(node), ())
    if isinstance(node, Scalar):
        return replace(node, text=_text(node.text, own)) if own else node
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_edited(item, edits) for item in node.items))
    entries = (
        replace(e, key=_text(e.key, edits.get(id(e), ())), value=_edited(e.value, edits))
        for e in node.entries
    )
    return replace(node, entries=tuple(entry for entry in entries if entry.key))


def _text(text: str, edits: Sequence[Edit]) -> str:
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def in_bins(
    factor: YamlNode | None, bins: YamlNode, at: str, words: Vocabulary
) -> Iterator[FigureChange]:
    symbol = words.symbols.get(factor.text) if isinstance(factor, Scalar) else None
    found = [(b.get("in"), b.get("points")) for b in items(bins) if isinstance(b, MapNode)]
    yield from _in_conditions([cell for cell, _ in found if isinstance(cell, Scalar)], symbol, at)
    for cell, points in found:
        if isinstance(cell, Scalar) and isinstance(points, Scalar):
            yield from in_expression(points, f"{at}.{cell.text}.points", words)


def _scalars(row: YamlNode) -> list[Scalar]:
    return [cell for cell in items(row) if isinstance(cell, Scalar)]


def in_rows(table: MapNode, at: str, words: Vocabulary) -> Iterator[FigureChange]:
    names, outputs = columns(table)
    rows = [_scalars(row) for row in items(table.get("rows"))]
    whole = [row for row in rows if len(row) == len(names) + len(outputs)]
    hit = table.get("hit")
    shared = isinstance(hit, Scalar) and hit.text == "unique"
    for index, name in enumerate(names):
        column = [row[index] for row in whole]
        symbol = words.symbols.get(name)
        if shared:
            yield from _in_conditions(column, symbol, f"{at}.{name}")
        for number, cell in enumerate(column, 1) if not shared else ():
            yield from _in_conditions([cell], symbol, f"{at}.{number}.{name}")
    for index, name in enumerate(outputs, len(names)):
        yield from _in_values(table, name, [row[index] for row in whole], at=at, words=words)


def _in_values(
    table: MapNode, name: str, column: Sequence[Scalar], at: str, words: Vocabulary
) -> Iterator[FigureChange]:
    give = table.get("give")
    kind = give.get(name) if isinstance(give, MapNode) else None
    worded = isinstance(kind, Scalar) and kind.text == "text"
    known = tuple(dict.fromkeys(cell.text for cell in column))
    for number, cell in enumerate(column, 1):
        here = f"{at}.{number}.{name}"
        yield from as_label(cell, here, known) if worded else in_expression(cell, here, words)


def _in_conditions(
    cells: Sequence[Scalar], symbol: Symbol | None, at: str
) -> Iterator[FigureChange]:
    worded = symbol is not None and symbol.type in (ValueType.TEXT, ValueType.FLAG)
    spots: dict[str, list[Spot]] = {}
    for cell in cells:
        for token in labels(cell.text) if worded else figures(cell.text):
            spots.setdefault(token.text, []).append((cell, token))
    known = written_labels(symbol) if worded and symbol is not None else ()
    for text, own in spots.items():
        for after in neighbours(text, known) if worded else next_to(text):
            swapped = spots.get(after, []) if worded and len(cells) > 1 else []
            yield change(at, own, after, back=swapped)


def find_changes(
    root: MapNode, symbols: Mapping[str, Symbol], *, operators: bool = False
) -> Iterator[FigureChange]:
    """Every figure of a rule file moved each way, section by section.

    Parameters, expressions, bins, points, bands and cells are looked at, and the outcomes, reasons
    and tags that rules name. `symbols` are the names of the ruleset with their labels. With
    `operators` each of an expression becomes the one that it is mistaken for, too.
    """
    reasons = tuple(entry.key for entry in entries(root.get("reasons")))
    tags = tuple(entry.key for entry in entries(root.get("tags")))
    declared = {Change.REASON: reasons, Change.TAG: tags}
    choices = {
        key.name: declared.get(key.kind.changes) or tuple(key.kind.schema.get("enum", ()))
        for key in _KEYS
        if key.kind.changes in (Change.WORD, *declared)
    }
    names = [item.text for item in items(root.get("segments")) if isinstance(item, Scalar)]
    segments = [symbols[name] for name in names if name in symbols]
    finder = _Finder(Vocabulary(symbols, choices, operators), segments)
    for entry in root.entries:
        if entry.key == "params":
            yield from finder.params(entry.value)
        elif entry.key in _SECTIONS:
            yield from finder.node(entry.value, _joined("", entry.key), entry.key)


class _Finder:
    def __init__(self, words: Vocabulary, segments: Sequence[Symbol]) -> None:
        self.words = words
        self.segments = segments

    def params(self, section: YamlNode) -> Iterator[FigureChange]:
        for param in entries(section):
            at = f"params.{param.key}"
            for entry in entries(param.value):
                if entry.key == "value":
                    dated = isinstance(entry.value, MapNode)
                    yield from (self._values if dated else self._value)(entry.value, at)

    def _values(self, node: YamlNode, at: str) -> Iterator[FigureChange]:
        keys = {entry.key for entry in entries(node)}
        for known in map(written_labels, self.segments):
            if not keys.isdisjoint(known):
                yield from as_keys(entries(node), at, known)
        for each in entries(node):
            here = f"{at}.{each.key}"
            for after in next_to(each.key) if parse_day(each.key) else ():
                edit = Edit(each, 0, len(each.key), text=after)
                yield FigureChange(
                    f"{here}.from", each.key_place, each.key, after=after, edits=(edit,)
                )
            if isinstance(each.value, MapNode):
                yield from self._values(each.value, here)
            else:
                yield from self._value(each.value, here)

    def node(self, node: YamlNode, at: str, key: str) -> Iterator[FigureChange]:
        if isinstance(node, MapNode):
            yield from self._map(node, at)
        elif isinstance(node, ListNode):
            for number, item in enumerate(node.items, 1):
                word = "tags" if key == "tags" else ""
                yield from self.node(item, _joined(at, _called(item, number)), word)
        elif node.text in self.words.choices.get(key, ()):
            yield from as_label(node, at, self.words.choices[key])
        else:
            yield from in_expression(node, at, self.words)

    def _value(self, node: YamlNode, at: str) -> Iterator[FigureChange]:
        if not isinstance(node, Scalar):
            return
        if node.is_number or node.is_flag or parse_day(node.text):
            yield from in_expression(node, at, self.words)
        else:
            yield from as_label(node, at, self.words.labels(node.text))

    def _map(self, node: MapNode, at: str) -> Iterator[FigureChange]:
        for entry in node.entries:
            if entry.key == "bins":
                yield from in_bins(node.get("factor"), entry.value, f"{at}.bins", words=self.words)
            elif entry.key == "rows":
                yield from in_rows(node, f"{at}.rows", self.words)
            elif entry.key == SEGMENT and isinstance(entry.value, Scalar):
                here = _joined(at, SEGMENT)
                label = next(labels(entry.value.text)).text
                for symbol in self.segments:
                    if label in written_labels(symbol):
                        yield from _in_conditions([entry.value], symbol, here)
                gone = Edit(entry, 0, len(entry.key), text="")
                text = entry.value.text
                yield FigureChange(here, entry.value.place, text, after=NO_SEGMENT, edits=(gone,))
            elif entry.key not in _WITHOUT:
                yield from self.node(entry.value, _joined(at, entry.key), entry.key)


def _called(item: YamlNode, number: int) -> str:
    values = map(item.get, _NAMED_BY) if isinstance(item, MapNode) else ()
    return next((value.text for value in values if isinstance(value, Scalar)), str(number))


def _joined(at: str, word: str) -> str:
    if word in _SILENT:
        return at
    return f"{at}.{word}" if at else word
