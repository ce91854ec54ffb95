"""Builds the tree of nodes straight from libyaml's events, without recursion.

What could change its meaning silently is refused as its event comes by: anchors, aliases, tags,
merge keys, repeated keys, keys without a value, more than 16 levels, a second document. After 200
problems or 12,000 values reading stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import msgspec
import yaml
from msgspec.structs import replace

from decision_service.language.diagnostics import Place, Report, split_lines
from decision_service.language.yaml.nodes import (
    Comment,
    ListNode,
    MapEntry,
    MapNode,
    Scalar,
    YamlNode,
)
from decision_service.language.yaml.recovery import mend_entries, mend_items, unbalanced

DEEPEST = 16
MOST_VALUES = 12_000


class YamlMark(Protocol):
    """A position as libyaml gives it, counted from 0."""

    line: int
    column: int


class _GaveUp(Exception):
    """Reading stopped at a problem that is already reported."""


class _Open(msgspec.Struct):
    """A collection whose end has not come yet."""

    place: Place
    flow: bool
    is_map: bool
    key: Scalar | None = None
    entries: dict[str, MapEntry] = msgspec.field(default_factory=dict)
    items: list[YamlNode] = msgspec.field(default_factory=list)


class Composer:
    """One reading of one text; raises yaml.YAMLError where the text is not YAML."""

    def __init__(self, file: str, text: str, report: Report) -> None:
        self.file, self.text, self.report = file, text, report
        self.lines = split_lines(text)
        self.stack: list[_Open] = []
        self.root: YamlNode | None = None
        self.values = 0

    def run(self) -> YamlNode | None:
        """The tree, or None after a problem that leaves none."""
        with suppress(_GaveUp):
            for event in self._events():
                self._take(event)
            if self.root is None:
                self.report.error("R110", Place(self.file, 1, 1, 2), "the file is empty")
            return self.root
        return None

    def _events(self) -> Iterator[yaml.Event]:
        yield from yaml.parse(self.text, Loader=yaml.CSafeLoader)

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._take_node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(self.stack.pop())
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)

    def _take_node(self, event: yaml.NodeEvent) -> None:
        self._count(event)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"an alias `*{event.anchor}`")
            self._add(Scalar("", plain=True, place=self._place(event), torn=True))
            return
        if event.anchor is not None:
            self._refuse(event, f"an anchor `&{event.anchor}`")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, f"a tag `{getattr(event, 'tag', '')}`")
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)

    def _count(self, event: yaml.NodeEvent) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            message = f"the file has more than {MOST_VALUES:,} keys and values"
            self.report.error("R102", self._place(event), message, "move rows into a table file")
            raise _GaveUp
        if self.report.full:
            raise _GaveUp

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        if self.root is not None:
            message = "a second document starts here"
            self.report.error("R111", self._place(event), message, "write one document a file")
            raise _GaveUp
        if event.tags:
            self._refuse(event, "a tag directive")

    def _refuse(self, event: yaml.Event, what: str) -> None:
        hint = "write the value out; quote one that starts with `!`, `&` or `*`"
        self.report.error("R106", self._place(event), f"{what} is not allowed", hint)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        place = self._place(event)
        if len(self.stack) >= DEEPEST:
            self.report.error("R109", place, f"more than {DEEPEST} levels are nested here")
            raise _GaveUp
        if self.stack and self.stack[-1].is_map and self.stack[-1].key is None:
            self.report.error("R104", place, "a list or map stands where a key belongs")
            raise _GaveUp
        is_map = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Open(place, bool(event.flow_style), is_map))

    def _close(self, done: _Open) -> None:
        if not done.is_map:
            items = mend_items(done.items, self.report) if done.flow else tuple(done.items)
            self._add(ListNode(items, done.place))
            return
        entries = list(done.entries.values())
        if done.flow:
            entries = mend_entries(entries, self.report)
        self._add(MapNode(tuple(map(self._with_value, entries)), done.place))

    def _with_value(self, entry: MapEntry) -> MapEntry:
        value = entry.value
        if not (isinstance(value, Scalar) and value.empty and not value.torn):
            return entry
        hint = "write one, or remove the key"
        self.report.error("R108", entry.key_place, f"`{entry.key}` has no value", hint)
        return replace(entry, value=replace(value, torn=True))

    def _add(self, node: YamlNode) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if not top.is_map:
            top.items.append(node)
        elif top.key is not None:
            self._add_entry(top, top.key, node)
            top.key = None
        elif isinstance(node, Scalar):
            top.key = node

    def _add_entry(self, top: _Open, key: Scalar, value: YamlNode) -> None:
        if key.text == "<<" and key.plain:
            self.report.error("R106", key.place, "a merge key `<<` is not allowed", "write it out")
            return
        first = top.entries.get(key.text)
        if first is not None:
            hint = f"it stands on line {first.key_place.line} already; keep one of them"
            self.report.error("R105", key.place, f"the key `{key.text}` is repeated", hint)
            return
        top.entries[key.text] = MapEntry(key.text, key.place, value)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = bool(event.implicit[0])
        place = self._place(event)
        source = self._line(place.line - 1)
        start, end = place.column - 1, place.end - 1
        if not plain:
            start, end = start + 1, end - 1
        one_line = _line_of(event.start_mark) == _line_of(event.end_mark)
        verbatim = one_line and source[start:end] == event.value
        if verbatim:
            place = Place(self.file, place.line, start + 1, max(end, start + 1) + 1)
        tagged = event.tag is not None
        scalar = Scalar(event.value, plain, place, verbatim, tagged, self._comment(event))
        return self._uncut(scalar, source[end:]) if plain and one_line else scalar

    def _comment(self, event: yaml.ScalarEvent) -> Comment | None:
        """The comment after a leaf on the line where it ends; a text block has none."""
        line, column = _line_of(event.end_mark), _column_of(event.end_mark)
        source = self._line(line)
        rest = source[column:].lstrip(" ")
        if event.style in ("|", ">") or not rest.startswith("#"):
            return None
        start = len(source) - len(rest) + 1
        place = Place(self.file, line + 1, start, len(source.rstrip()) + 1)
        return Comment(rest[1:].strip(), place)

    def _uncut(self, scalar: Scalar, rest: str) -> Scalar:
        if not (rest.lstrip(" ").startswith("#") and unbalanced(scalar.text)):
            return scalar
        column = scalar.place.end + len(rest) - len(rest.lstrip(" "))
        place = Place(self.file, scalar.place.line, column, column + 1)
        self.report.error(
            "R107", place, "the value ends at ` #`, which starts a comment", "quote the value"
        )
        return replace(scalar, torn=True)

    def _place(self, event: yaml.Event) -> Place:
        line, column = _line_of(event.start_mark), _column_of(event.start_mark)
        if line >= len(self.lines):  # the end of the text, after its last line break
            line, column = len(self.lines) - 1, 0
        last = _column_of(event.end_mark)
        if _line_of(event.end_mark) != line:
            last = len(self._line(line).rstrip())
        return Place(self.file, line + 1, column + 1, max(last, column + 1) + 1)

    def _line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""


def _line_of(mark: YamlMark | None) -> int:
    return mark.line if mark is not None else 0


def _column_of(mark: YamlMark | None) -> int:
    return mark.column if mark is not None else 0
