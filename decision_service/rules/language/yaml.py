"""YAML as a tree of places: a strict subset in which nothing changes its meaning silently."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Protocol

import msgspec
import yaml
from msgspec.structs import replace

from decision_service.rules.language.diagnostics import Place, Report, hints, split_lines

MOST_DIGITS = 34
DEEPEST = 16
MOST_VALUES = 12_000
LARGEST_TEXT = 256 * 1024

_OPENS = {"(": ")", "[": "]", "{": "}"}
# Without U+0085, U+2028 and U+2029, which YAML 1.1 takes for line breaks.
_NOT_TEXT = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")


class Comment(msgspec.Struct, frozen=True):
    """A comment that follows a leaf on its line: the text after `#`, and the place of the `#`."""

    text: str
    place: Place


class Scalar(msgspec.Struct, frozen=True):
    """A leaf: its `text` as YAML reads it, and whether it stood without quotes (`plain`).

    `verbatim` says that the text is the source within the place, so that a position in the text is
    a column in the file. `torn` marks one whose fault is reported already: readers pass over it.
    """

    text: str
    plain: bool
    place: Place
    verbatim: bool = True
    torn: bool = False
    comment: Comment | None = None

    def at(self, start: int, end: int) -> Place:
        """The place of characters `start` to `end` of the text, as exact as the source allows."""
        return self.place.part(start, end) if self.verbatim else self.place

    @property
    def empty(self) -> bool:
        return self.plain and not self.text

    @property
    def is_integer(self) -> bool:
        return self.plain and few_digits(self.text) and bool(_INTEGER.fullmatch(self.text))

    @property
    def is_number(self) -> bool:
        if not (self.plain and few_digits(self.text)):
            return False
        return bool(_INTEGER.fullmatch(self.text) or _DECIMAL.fullmatch(self.text))

    @property
    def is_flag(self) -> bool:
        return self.plain and self.text in ("true", "false")

    @property
    def is_text(self) -> bool:
        return not (self.empty or self.is_number or self.is_flag)


def few_digits(text: str) -> bool:
    """Whether a number has at most the 34 significant digits of arithmetic, and few zeros too."""
    significant = sum(c.isdigit() for c in text.lstrip("-0."))
    return significant <= MOST_DIGITS and len(text) <= 2 * MOST_DIGITS


class MapEntry(msgspec.Struct, frozen=True):
    key: str
    key_place: Place
    value: YamlNode


class MapNode(msgspec.Struct, frozen=True):
    """A map in file order; keys are unique. The place is its first key or its brace."""

    entries: tuple[MapEntry, ...]
    place: Place

    def get(self, key: str) -> YamlNode | None:
        return next((e.value for e in self.entries if e.key == key), None)

    def key_place(self, key: str) -> Place:
        """A key's place; the map's own place where the key is absent."""
        return next((e.key_place for e in self.entries if e.key == key), self.place)


class ListNode(msgspec.Struct, frozen=True):
    """A list in file order; the place is its first dash or its bracket."""

    items: tuple[YamlNode, ...]
    place: Place


YamlNode = Scalar | MapNode | ListNode


def unbalanced(text: str) -> bool:
    """Whether a bracket or quote of the text has no partner; an apostrophe in a word is none."""
    open_brackets: list[str] = []
    quote = ""
    before = ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        # A quote after a letter is an apostrophe: the applicant's.
        elif char == '"' or (char == "'" and not before.isalnum()):
            quote = char
        elif char in _OPENS:
            open_brackets.append(_OPENS[char])
        elif char in _OPENS.values() and (not open_brackets or open_brackets.pop() != char):
            return True
        before = char
    return bool(quote or open_brackets)


def mend_entries(entries: list[MapEntry], report: Report) -> list[MapEntry]:
    """The entries of a `{…}` map without the pieces of torn values, each tear reported once."""
    kept: list[MapEntry] = []
    joined = ""
    for entry in entries:
        value = entry.value
        empty = isinstance(value, Scalar) and value.empty
        if joined and empty and unbalanced(joined):
            joined = f"{joined}, {entry.key}"
            continue
        joined = ""
        if isinstance(value, Scalar) and _is_cut(value):
            joined = value.text
            _report(value, entry.key, "{…}", report=report)
            entry = replace(entry, value=replace(value, torn=True))
        kept.append(entry)
    return kept


def mend_items(items: list[YamlNode], report: Report) -> tuple[YamlNode, ...]:
    """The items of a `[…]` list with the pieces of each torn value as one, reported once."""
    kept: list[YamlNode] = []
    joined = ""
    for item in items:
        if joined and unbalanced(joined) and isinstance(item, Scalar) and item.plain:
            joined = f"{joined}, {item.text}"
            continue
        joined = ""
        if isinstance(item, Scalar) and _is_cut(item):
            joined = item.text
            _report(item, "", "[…]", report=report)
            item = replace(item, torn=True)
        kept.append(item)
    return tuple(kept)


def _is_cut(scalar: Scalar) -> bool:
    return scalar.plain and not scalar.torn and unbalanced(scalar.text)


def _report(scalar: Scalar, key: str, flow: str, report: Report) -> None:
    what = "condition" if key == "when" else "value"
    place = scalar.place
    end = Place(place.file, place.line, place.end, end=place.end + 1)
    source = report.quote(place.file, place.line)
    if source[place.end - 1 : place.end] == ",":
        message = f"the {what} ends at a comma, because `{flow}` splits there"
    else:
        message = f"the {what} has a bracket or quote without its partner"
    quoted = "quote the expression or put it on its own line"
    hint = "put `when:` on its own line, or quote the expression" if key == "when" else quoted
    report.error("R107", end, message, hint)


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
        self.file = file
        self.text = text
        self.report = report
        self.lines = split_lines(text)
        self.stack: list[_Open] = []
        self.root: YamlNode | None = None
        self.values = 0

    def run(self) -> YamlNode | None:
        with suppress(_GaveUp):
            # Events and not values: PyYAML would read `no` as false, and 010 as 8.
            for event in yaml.parse(self.text, Loader=yaml.CSafeLoader):
                self._take(event)
            if self.root is None:
                self.report.error("R110", Place(self.file, 1, 1, end=2), "the file is empty")
            return self.root
        return None

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            self._take_node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(self.stack.pop())
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start_document(event)

    def _take_node(self, event: yaml.NodeEvent) -> None:
        self._count(event)
        # Aliases of aliases make a tree of any size from a few lines.
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
        # A text made of faults must not cost more than a good one.
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
            self.report.error("R104", place, "a list or map is where a key belongs")
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
        # `{value: 8,000}` is split at the comma, and leaves a key 000.
        grouped = entry.key.isdecimal()
        hint = "write the number without commas" if grouped else "write one, or remove the key"
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
        # What a merge brings is written elsewhere, and changes with it.
        if key.text == "<<" and key.plain:
            self.report.error("R106", key.place, "a merge key `<<` is not allowed", "write it out")
            return
        # PyYAML would keep the last one and say nothing.
        first = top.entries.get(key.text)
        if first is not None:
            hint = f"it is on line {first.key_place.line} already; keep one of them"
            self.report.error("R105", key.place, f"the key `{key.text}` is repeated", hint)
            return
        top.entries[key.text] = MapEntry(key.text, key.place, value)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = bool(event.implicit[0])
        place = self._place(event)
        source = self._line(place.line - 1)
        start = place.column - 1
        end = place.end - 1
        if not plain:
            start = start + 1
            end = end - 1
        one_line = _position(event.start_mark)[0] == _position(event.end_mark)[0]
        verbatim = one_line and source[start:end] == event.value
        if verbatim:
            place = Place(self.file, place.line, start + 1, end=max(end, start + 1) + 1)
        tagged = event.tag is not None
        scalar = Scalar(
            event.value, plain, place, verbatim=verbatim, torn=tagged, comment=self._comment(event)
        )
        return self._uncut(scalar, source[end:]) if plain and one_line else scalar

    def _comment(self, event: yaml.ScalarEvent) -> Comment | None:
        """The comment after a leaf on the line where it ends; a text block has none."""
        line, column = _position(event.end_mark)
        source = self._line(line)
        rest = source[column:].lstrip(" ")
        if event.style in ("|", ">") or not rest.startswith("#"):
            return None
        start = len(source) - len(rest) + 1
        place = Place(self.file, line + 1, start, end=len(source.rstrip()) + 1)
        return Comment(rest[1:].strip(), place)

    def _uncut(self, scalar: Scalar, rest: str) -> Scalar:
        if not (rest.lstrip(" ").startswith("#") and unbalanced(scalar.text)):
            return scalar
        column = scalar.place.end + len(rest) - len(rest.lstrip(" "))
        place = Place(self.file, scalar.place.line, column, end=column + 1)
        self.report.error(
            "R107", place, "the value ends at ` #`, which starts a comment", "quote the value"
        )
        return replace(scalar, torn=True)

    def _place(self, event: yaml.Event) -> Place:
        line, column = _position(event.start_mark)
        # The end of the text is a position after its last line break.
        if line >= len(self.lines):
            line = len(self.lines) - 1
            column = 0
        last_line, last = _position(event.end_mark)
        if last_line != line:
            last = len(self._line(line).rstrip())
        return Place(self.file, line + 1, column + 1, end=max(last, column + 1) + 1)

    def _line(self, index: int) -> str:
        return self.lines[index] if index < len(self.lines) else ""


def _position(mark: YamlMark | None) -> tuple[int, int]:
    return (mark.line, mark.column) if mark is not None else (0, 0)


def report_syntax(file: str, lines: list[str], error: yaml.YAMLError, report: Report) -> None:
    """Report what the parser stopped at, on the last line that holds anything."""
    problem = str(getattr(error, "problem", None) or "it cannot be read")
    known = hints().yaml
    words = known.get(str(getattr(error, "context", ""))) or known.get(problem)
    message, hint = words or (f"this is not YAML: {problem}", "")
    place = _stopped_at(file, lines, error)
    line = lines[place.line - 1]
    strange = next((c for c in line if c.isspace() and not c.isascii()), None)
    if strange is not None:
        column = line.index(strange) + 1
        place = Place(file, place.line, column, end=column + 1)
        hint = (
            f"this is a no-break or other special space (U+{ord(strange):04X}): write a plain one"
        )
    report.error("R104", place, message, hint)


def _stopped_at(file: str, lines: list[str], error: yaml.YAMLError) -> Place:
    line, column = _position(getattr(error, "problem_mark", None))
    if line >= len(lines) or not lines[line].strip():
        while line > 0 and (line >= len(lines) or not lines[line].strip()):
            line -= 1
        column = len(lines[line].rstrip())
    return Place(file, line + 1, column + 1, end=column + 2)


def decode(file: str, raw: bytes, report: Report) -> str | None:
    """The text of a file's bytes: UTF-8 only; a leading byte order mark is dropped."""
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = "the file is not UTF-8 text"
        report.error("R101", Place(file, line, 1, end=2), message, "save it as UTF-8")
        return None


def read(file: str, text: str, report: Report) -> YamlNode | None:
    """The tree of a text with one document; None where there is none to be had.

    Every problem goes to the report. Recoverable ones (a duplicate key, an anchor, a torn scalar,
    a tab) leave a tree behind, so that other checks still run.
    """
    text = text.removeprefix("\ufeff")
    report.add_text(file, text)
    if not _is_acceptable(file, text, report):
        return None
    tabs = _report_tabs(file, text, report)
    # A tab is reported; read as a blank, it leaves the rest to be checked in the same run.
    composer = Composer(file, text.replace("\t", " "), report)
    try:
        return composer.run()
    except yaml.YAMLError as error:
        # A text with tabs most likely stops the parser at one of them.
        if not tabs:
            report_syntax(file, composer.lines, error, report=report)
        return None


def _is_acceptable(file: str, text: str, report: Report) -> bool:
    # By characters first: a text of many MiB is not encoded only to be refused.
    if len(text) > LARGEST_TEXT or len(text.encode("utf-8", "replace")) > LARGEST_TEXT:
        message = f"the file is larger than {LARGEST_TEXT // 1024} KiB"
        report.error("R102", Place(file, 1, 1, end=2), message, "move rows into a table file")
        return False
    bad = _NOT_TEXT.search(text)
    if bad is None:
        return True
    line = len(split_lines(text[: bad.start()]))
    column = bad.start() - max(text.rfind(c, 0, bad.start()) for c in "\r\n")
    message = f"the character U+{ord(bad.group()):04X} does not belong in a text file"
    report.error(
        "R101", Place(file, line, column, end=column + 1), message, "save it as UTF-8 text"
    )
    return False


def _report_tabs(file: str, text: str, report: Report) -> bool:
    if "\t" not in text:
        return False
    for number, line in enumerate(split_lines(text), 1):
        if "\t" in line:
            column = line.index("\t") + 1
            report.error("R103", Place(file, number, column, end=column + 1), "a tab", "use spaces")
    return True
