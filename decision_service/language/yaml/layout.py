"""The canonical layout of rule files: it keeps every comment and changes no meaning.

Two blanks a level, lists indented below their key, one blank between flow items, `when` and
`applies_when` on lines of their own, sections set apart by one blank line, at most one blank line
anywhere, no blanks at the ends of lines. Scalars stay as they were written.
"""

from __future__ import annotations

from collections import Counter

import msgspec
import yaml

from decision_service.language.yaml.cst import CstComment, LayoutError, Piece, SourceText, cut

WIDEST = 120
_STEP = "  "
_OWN_LINE = ("when", "applies_when")


def laid_out(text: str) -> str:
    """The text in canonical layout; raises LayoutError where that would not be the same content."""
    try:
        source = cut(text)
        formatted = _Writer(source).write()
        again = cut(formatted)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise LayoutError(line, "the text is not YAML: `rules check` says why") from None
    _check_kept(source, again)
    return formatted


def _check_kept(source: SourceText, again: SourceText) -> None:
    if _meaning(source.root) != _meaning(again.root):
        raise LayoutError(1, "the layout cannot be changed without changing what it says")
    if Counter(c.text for c in source.comments) != Counter(c.text for c in again.comments):
        raise LayoutError(1, "the layout cannot be changed without losing a comment")


def _meaning(piece: Piece) -> object:
    """A piece's content, with the style of its quotes."""
    if piece.kind == "scalar":
        return (piece.value, bool(piece.style))
    if piece.kind == "list":
        return [_meaning(item) for item in piece.items]
    return [(_meaning(key), _meaning(value)) for key, value in piece.entries]


class _Writer(msgspec.Struct):
    """Writes a source line by line; comments follow the lines they stood on or above.

    `path` pairs the columns at which the open maps and lists stood with where they stand now, and
    `last` is what it was at the last line.
    """

    source: SourceText
    lines: list[str] = msgspec.field(default_factory=list)
    pending: list[CstComment] = msgspec.field(default_factory=list)
    path: list[tuple[int, int]] = msgspec.field(default_factory=list)
    last: tuple[tuple[int, int], ...] = ()
    commented: bool = True

    def write(self) -> str:
        self.pending = list(self.source.comments)
        root = self.source.root
        if root.kind != "scalar" and not self._stays_flow(root, "", within_list=False):
            self._block(root, 0, "")
        elif root.kind != "scalar" or root.source:
            self._start(root.start, 0)
            self._line("", self._flow(root))
        self._comments_before(len(self.source.text) + 1, [])
        return "\n".join(self.lines).strip("\n") + "\n" if self.lines else ""

    def _block(self, piece: Piece, indent: int, lead: str) -> None:
        """A list or map, one part a line; `lead` is what its first line begins with."""
        self.path.append((self.source.column(piece.start), indent))
        for part in piece.items if piece.kind == "list" else piece.entries:
            if isinstance(part, tuple):
                self._entry(part, indent, lead)
            else:
                self._item(part, indent, lead)
            lead = ""
        self.path.pop()

    def _entry(self, entry: tuple[Piece, Piece], indent: int, lead: str) -> None:
        key, value = entry
        if not lead:
            self._start(key.start, indent)
            if indent == 0 and self._is_section(value):
                self._set_apart()
        head = f"{lead or ' ' * indent}{key.source}:"
        self._value(value, indent + len(_STEP), head)

    def _value(self, value: Piece, indent: int, head: str) -> None:
        if value.kind == "scalar":
            self._scalar(value, indent, head)
        elif self._stays_flow(value, head, within_list=False):
            self._line(head, self._flow(value))
        else:
            self._line(head, "")
            self._block(value, indent, "")

    def _item(self, item: Piece, indent: int, lead: str) -> None:
        if not lead:
            self._start(item.start, indent)
        head = f"{lead or ' ' * indent}-"
        if item.kind == "scalar":
            self._scalar(item, indent + len(_STEP), head)
        elif self._stays_flow(item, head, within_list=True):
            self._line(head, self._flow(item))
        else:
            self._block(item, indent + len(_STEP), f"{head} ")

    def _scalar(self, scalar: Piece, indent: int, head: str) -> None:
        first, *rest = self._scalar_lines(scalar)
        self._line(head, first)
        self.lines.extend(f"{' ' * indent}{line}".rstrip() for line in rest)

    def _scalar_lines(self, scalar: Piece) -> list[str]:
        source = scalar.source
        if scalar.style in ("|", ">"):
            return self._literal_lines(scalar)
        if not source:
            line = self.source.line(scalar.start)
            raise LayoutError(line, "a key has no value here: `rules check` says more")
        if "\n" not in source:
            return [source]
        lines = source.split("\n")
        if scalar.style == "" and "\n" not in scalar.value:
            return [scalar.value]
        if scalar.style and all(line.strip() and not line.endswith("\\") for line in lines):
            return [" ".join(_folded(lines))]
        line = self.source.line(scalar.start)
        raise LayoutError(line, "the text runs over several lines: write it on one, in quotes")

    def _literal_lines(self, scalar: Piece) -> list[str]:
        header, *body = scalar.source.rstrip("\n ").split("\n")
        if any(char.isdigit() for char in header.partition("#")[0]) or not body:
            line = self.source.line(scalar.start)
            raise LayoutError(line, "the text's indentation is fixed: remove the number after it")
        width = min(len(line) - len(line.lstrip(" ")) for line in body if line.strip())
        return [header.rstrip(), *(line[width:] for line in body)]

    def _flow(self, piece: Piece) -> str:
        if piece.kind == "scalar":
            return " ".join(self._scalar_lines(piece))
        if piece.kind == "list":
            return f"[{', '.join(map(self._flow, piece.items))}]"
        pairs = (f"{self._flow(key)}: {self._flow(value)}" for key, value in piece.entries)
        return f"{{{', '.join(pairs)}}}"

    def _stays_flow(self, piece: Piece, head: str, *, within_list: bool) -> bool:
        """Whether a piece is written in brackets: it was, has no comment, no `when`, and fits."""
        if piece.empty:
            return True
        if not piece.flow or self._has_comment(piece) or _asks(piece):
            return False
        is_row = within_list and piece.kind == "list"
        return is_row or len(head) + 1 + len(self._flow(piece)) <= WIDEST

    def _has_comment(self, piece: Piece) -> bool:
        return any(piece.start < c.start < piece.end for c in self.source.comments)

    def _is_section(self, value: Piece) -> bool:
        return value.kind != "scalar" and not self._stays_flow(value, "", within_list=False)

    def _start(self, position: int, indent: int) -> None:
        """What comes before a line: its comments, and the blank line that stood there."""
        column = self.path[-1][0] if self.path else 0
        self._comments_before(position, [(column, indent)])
        if self.source.blank_before(position):
            self._blank()

    def _comments_before(self, position: int, following: list[tuple[int, int]]) -> None:
        while self.pending and self.pending[0].start < position:
            comment = self.pending.pop(0)
            if not comment.alone and not self.commented:
                self._trailing(comment)
                continue
            if self.source.blank_before(comment.start):
                self._blank()
            levels = [level for level in (*self.last, *following) if level[0] <= comment.column]
            indent = max((now for _, now in levels), default=0)
            self.lines.append(f"{' ' * indent}{comment.text}")
            self.commented = True

    def _trailing(self, comment: CstComment) -> None:
        """Behind the last line, where it stood, but at least two blanks away."""
        line = self.lines[-1]
        width = max(len(line) + 2, comment.column)
        self.lines[-1] = f"{line:<{width}}{comment.text}"
        self.commented = True

    def _line(self, head: str, rest: str) -> None:
        self.lines.append(f"{head} {rest}" if rest and head else head or rest)
        self.last = tuple(self.path)
        self.commented = False

    def _blank(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")
            self.commented = True

    def _set_apart(self) -> None:
        """A blank line before a section and the comments that stand right above it."""
        place = len(self.lines)
        while place and self.lines[place - 1].startswith("#"):
            place -= 1
        if place and self.lines[place - 1]:
            self.lines.insert(place, "")


def _asks(piece: Piece) -> bool:
    """Whether a map within holds a condition."""
    return any(key.value in _OWN_LINE or _asks(value) for key, value in piece.entries) or any(
        map(_asks, piece.items)
    )


def _folded(lines: list[str]) -> list[str]:
    first, *middle = lines
    if not middle:
        return [first]
    return [first.rstrip(), *(line.strip() for line in middle[:-1]), middle[-1].lstrip()]
