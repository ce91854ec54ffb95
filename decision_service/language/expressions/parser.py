"""Expressions: Python's syntax read with Python's own `ast`, limited and never run as Python.

At most 1,000 characters, 200 nodes and 20 levels, all measured before anything recurses.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

import msgspec

from decision_service.language.diagnostics import Place, Report
from decision_service.language.expressions.lexer import SyntaxFault, Token, split
from decision_service.language.yaml.nodes import Scalar

LONGEST = 1_000
MOST_NODES = 200
DEEPEST = 20

_ALLOWED = (
    ast.BoolOp,
    ast.UnaryOp,
    ast.BinOp,
    ast.Compare,
    ast.IfExp,
    ast.Call,
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.Tuple,
)
_SIMPLER = "give a part of it a name under `derived:`"


class Parsed(msgspec.Struct, frozen=True):
    """An expression's structure; `numbers` gives the exact text of each number by its start."""

    scalar: Scalar
    text: str
    shift: int
    body: ast.expr
    numbers: Mapping[int, str]

    def place(self, node: ast.expr) -> Place:
        """Where a part of the expression stands in the file."""
        start, end = self.span(node)
        return self.scalar.at(start + self.shift, end + self.shift)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """First character and character after a part, counted from 0 in `text`."""
        return self._chars(node.col_offset), self._chars(node.end_col_offset or 0)

    def source(self, node: ast.expr) -> str:
        """A part of the expression as it was written."""
        start, end = self.span(node)
        return self.text[start:end]

    def _chars(self, offset: int) -> int:
        if self.text.isascii():
            return offset
        return len(self.text.encode()[:offset].decode(errors="ignore"))


def parse(scalar: Scalar, report: Report) -> Parsed | None:
    """The structure of an expression; None where it has none, with the fault reported.

    A torn scalar gives None in silence, since its fault is reported already.
    """
    if scalar.torn:
        return None
    text = scalar.text.strip().replace("\n", " ")
    shift = len(scalar.text) - len(scalar.text.lstrip())
    if len(text) > LONGEST:
        message = f"the expression has {len(text):,} characters; {LONGEST:,} are allowed"
        report.error("R302", scalar.place, message, _SIMPLER)
        return None
    tokens = split(text)
    if isinstance(tokens, SyntaxFault):
        place = scalar.at(tokens.start + shift, tokens.end + shift)
        report.error("R301", place, tokens.message, tokens.hint)
        return None
    return _structure(scalar, text, shift, tokens, report)


def _structure(
    scalar: Scalar, text: str, shift: int, tokens: list[Token], report: Report
) -> Parsed | None:
    try:
        body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None) or 1
        place = scalar.at(shift + offset - 1, shift + offset)
        report.error("R301", place, *_incomplete(tokens))
        return None
    numbers = {t.start: t.text for t in tokens if t.text[0].isdigit()}
    parsed = Parsed(scalar, text, shift, body, numbers)
    return parsed if _within_limits(parsed, report) else None


def _incomplete(tokens: list[Token]) -> tuple[str, str]:
    words = [t.text for t in tokens]
    if words.count("if") != words.count("else"):
        return "an `if` and an `else` do not belong together", "write `a if condition else b`"
    return (
        "this is not an expression",
        "`not` before a comparison needs no parentheses: `not a < b`",
    )


def _within_limits(parsed: Parsed, report: Report) -> bool:
    nodes, level = 0, [parsed.body]
    for depth in range(1, DEEPEST + 2):
        if not level:
            return True
        nodes += len(level)
        if depth > DEEPEST or nodes > MOST_NODES:
            break
        strange = [n for n in level if not isinstance(n, _ALLOWED)]
        if strange:
            what = f"`{parsed.source(strange[0])}` is not of the rule language"
            report.error("R303", parsed.place(strange[0]), what)
            return False
        level = [c for n in level for c in ast.iter_child_nodes(n) if isinstance(c, ast.expr)]
    limit = f"more than {MOST_NODES} parts" if nodes > MOST_NODES else f"over {DEEPEST} levels"
    report.error("R302", parsed.scalar.place, f"the expression has {limit}", _SIMPLER)
    return False
