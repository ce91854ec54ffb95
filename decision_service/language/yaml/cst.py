"""A concrete syntax tree of a YAML text, with source and comments, for a new layout."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import yaml

_COMMENT = re.compile(r"#[^\n]*")
_STRUCTURE_BEFORE = re.compile(r"[\s\-?]*")
_LINE_BREAKS = re.compile("\r\n|\r")
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")


class LayoutError(ValueError):
    """A text that cannot be laid out anew; `line` counts from 1, the sentence says what to do."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


class Piece(msgspec.Struct):
    """A scalar, list or map and where it stood; `entries` pairs keys with values.

    `start` and `end` are positions in the text; `source` is a scalar's text in the file, `value`
    what it means.
    """

    start: int
    end: int = 0
    flow: bool = False
    source: str = ""
    value: str = ""
    style: str = ""
    items: list[Piece] = msgspec.field(default_factory=list)
    entries: list[tuple[Piece, Piece]] = msgspec.field(default_factory=list)
    kind: str = "scalar"

    @property
    def empty(self) -> bool:
        """Whether it is a list or map that holds nothing."""
        return self.kind != "scalar" and not self.items and not self.entries

    def scalars(self) -> Iterator[Piece]:
        """All leaves in the order of the text, keys among them."""
        if self.kind == "scalar":
            yield self
        for item in self.items:
            yield from item.scalars()
        for key, value in self.entries:
            yield from key.scalars()
            yield from value.scalars()


class CstComment(msgspec.Struct, frozen=True):
    """A comment; `alone` where no key or value stands before it on its line."""

    start: int
    column: int
    text: str
    alone: bool


class SourceText(msgspec.Struct):
    """A whole text: its root, its comments in order, and where its lines begin."""

    text: str
    root: Piece
    comments: list[CstComment]

    def column(self, position: int) -> int:
        """How many characters stand before a position on its line."""
        return position - (self.text.rfind("\n", 0, position) + 1)

    def line(self, position: int) -> int:
        """The line of a position, from 1."""
        return self.text.count("\n", 0, position) + 1

    def leads(self, position: int) -> bool:
        """Whether only dashes and blanks stand before a position on its line."""
        before = self.text[self.text.rfind("\n", 0, position) + 1 : position]
        return _STRUCTURE_BEFORE.fullmatch(before) is not None

    def blank_before(self, position: int) -> bool:
        """Whether the line above a position's is blank, and the position leads its own."""
        start = self.text.rfind("\n", 0, position)
        above = self.text[self.text.rfind("\n", 0, max(start, 0)) + 1 : max(start, 0)]
        return start > 0 and not above.strip() and self.leads(position)


def cut(text: str) -> SourceText:
    """The pieces of a text that is YAML; raises LayoutError for line breaks of other scripts."""
    text = _LINE_BREAKS.sub("\n", text.removeprefix("\ufeff"))
    odd = _OTHER_BREAKS.search(text)
    if odd is not None:
        line = text.count("\n", 0, odd.start()) + 1
        raise LayoutError(line, f"the line break U+{ord(odd.group()):04X} is in the way: remove it")
    root = _root(text)
    return SourceText(text, root, list(_comments(text, root)))


def _root(text: str) -> Piece:
    """The tree of pieces, from the parser's events."""
    stack: list[tuple[Piece, list[Piece]]] = []
    top: list[Piece] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        parts = stack[-1][1] if stack else top
        _refuse_what_rules_have_not(event, more=bool(top) and not stack)
        if isinstance(event, yaml.ScalarEvent):
            parts.append(_scalar(event, text))
        elif isinstance(event, yaml.CollectionStartEvent):
            kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
            piece = Piece(_index(event.start_mark), flow=bool(event.flow_style), kind=kind)
            parts.append(piece)
            stack.append((piece, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            _close(*stack.pop(), _index(event.end_mark))
    return top[0] if top else Piece(0)


def _refuse_what_rules_have_not(event: yaml.Event, *, more: bool) -> None:
    """Raise LayoutError for what no rule file may hold, and no layout here would keep."""
    line = int(getattr(event.start_mark, "line", 0)) + 1
    named = getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None
    if isinstance(event, yaml.AliasEvent) or named:
        raise LayoutError(line, "anchors, aliases and tags are in the way: write the value out")
    if more and isinstance(event, yaml.DocumentStartEvent):
        raise LayoutError(line, "a second document starts here: write one document a file")


def _close(piece: Piece, parts: list[Piece], end: int) -> None:
    piece.end = end
    if piece.kind == "list":
        piece.items = parts
    else:
        piece.entries = list(zip(parts[::2], parts[1::2], strict=True))


def _scalar(event: yaml.ScalarEvent, text: str) -> Piece:
    start, end = _index(event.start_mark), _index(event.end_mark)
    source = text[start:end]
    return Piece(start, end, source=source, value=event.value, style=event.style or "")


def _index(mark: object) -> int:
    return int(getattr(mark, "index", 0))


def _comments(text: str, root: Piece) -> Iterator[CstComment]:
    position = 0
    for scalar in root.scalars():
        yield from _between(text, position, scalar.start)
        position = max(position, scalar.end)
    yield from _between(text, position, len(text))


def _between(text: str, start: int, end: int) -> Iterator[CstComment]:
    for found in _COMMENT.finditer(text, start, end):
        line = text.rfind("\n", 0, found.start()) + 1
        alone = _STRUCTURE_BEFORE.fullmatch(text, line, found.start()) is not None
        yield CstComment(found.start(), found.start() - line, found.group().rstrip(), alone)
