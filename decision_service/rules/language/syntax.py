"""Expressions as text: tokens with errors in own words, then Python's `ast`, never run."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from keyword import iskeyword

import msgspec

from decision_service.rules.language.diagnostics import Place, Report, hints
from decision_service.rules.language.yaml import Scalar

LONGEST = 1_000
MOST_NODES = 200
DEEPEST = 20

_SIMPLER = "give a part of it a name under `derived:`"
_SPLIT = "move a part of it to `derived:` under a name of its own"
# Lookaheads, so that `5months` or `1.2.3` is one wrong word and not a number with more behind it.
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?(?![\w.]))
    | (?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?![\w.]))
    | (?P<operator><=|>=|==|!=|[<>+\-/(),]|\*(?!\*))
    )""",
    re.VERBOSE | re.ASCII,
)

# Up to Python 3.12 the interpreter counts the depth of a tree for all threads in one place:
# two threads that parse at once may get a SystemError (CPython issue 106905).
_PARSING = threading.Lock()

_WORD_OPERATORS = frozenset({"and", "or", "in", "if", "else", "not"})
_OWN_WORDS = _WORD_OPERATORS | {"true", "false"}
_SPACES = " \t\n\r\f\v"
# Refused here in our words, before Python's parser meets a limit of its own.
_DEEPEST_BRACKETS = 40

# What is allowed is listed, so that no new form of Python gets into the language by itself.
_ALLOWED = (
    ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.IfExp, ast.Call, ast.Constant, ast.Name,
    ast.Attribute, ast.Tuple,
)  # fmt: skip


class TokenKind(Enum):
    OPERAND = "operand"
    PREFIX = "prefix"
    INFIX = "infix"
    OPEN = "open"
    CLOSE = "close"
    COMMA = "comma"


class Token(msgspec.Struct, frozen=True):
    """A piece of the text; `start` and `end` count characters from 0, the end excluded."""

    text: str
    start: int
    end: int
    sort: TokenKind
    callable: bool = False


class SyntaxFault(msgspec.Struct, frozen=True):
    start: int
    end: int
    message: str
    hint: str = ""


def split(text: str) -> list[Token] | SyntaxFault:
    """The tokens of an expression in an order that can be one, or the first fault."""
    tokens: list[Token] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            return _strange(text, position)
        tokens.append(_token(match, tokens))
        position = match.end()
        fault = _foreign(tokens[-1])
        if fault is not None:
            return fault
    return _order(tokens) or tokens


def _token(match: re.Match[str], before: Sequence[Token]) -> Token:
    kind = match.lastgroup or ""
    text = match[kind]
    start = match.start(kind)
    end = match.end(kind)
    if kind == "operator" or text in _WORD_OPERATORS:
        return Token(text, start, end, sort=_operator_sort(text, before))
    return Token(text, start, end, sort=TokenKind.OPERAND, callable=kind == "name")


def _operator_sort(text: str, before: Sequence[Token]) -> TokenKind:
    fixed = {"(": TokenKind.OPEN, ")": TokenKind.CLOSE, ",": TokenKind.COMMA}
    if text in fixed:
        return fixed[text]
    wants_operand = not before or before[-1].sort not in (TokenKind.OPERAND, TokenKind.CLOSE)
    return TokenKind.PREFIX if text in ("-", "not") and wants_operand else TokenKind.INFIX


def _foreign(token: Token) -> SyntaxFault | None:
    if not token.callable or token.text in _OWN_WORDS:
        return None
    # Names such as `__class__` lead to Python's own objects.
    if not (iskeyword(token.text) or "__" in token.text or _own_spelling(token.text)):
        return None
    message = f"`{token.text}` does not belong to the rule language"
    return SyntaxFault(token.start, token.end, message, hint=_own_spelling(token.text))


def _own_spelling(word: str) -> str:
    """The language's word for one of another language, or for one in capitals (`AND`)."""
    small = word.lower()
    hint = hints().words.get(word) or hints().words.get(small, "")
    return hint or (f"write `{small}`" if small in _OWN_WORDS else "")


def _strange(text: str, position: int) -> SyntaxFault:
    rest = text[position:]
    start = position + len(rest) - len(rest.lstrip(_SPACES))
    rest = text[start:]
    if rest[0].isspace():
        message = f"a no-break or other special space (U+{ord(rest[0]):04X}) is here"
        return SyntaxFault(start, start + 1, message, hint="write a plain space in its place")
    word = re.match(r"[\w.]+", rest)
    if rest[0].isdigit() or (rest[0] == "." and rest[1:2].isdigit()):
        shown = word[0] if word else rest[0]
        message = f"`{shown}` is not a number of the rule language"
        return SyntaxFault(
            start, start + len(shown), message, hint="write digits, or digits.digits: 0.05"
        )
    if word and (rest[0].isalpha() or rest[0] == "_"):
        hint = "names are ASCII letters, digits and `_`, with one point: `family.factor`"
        return SyntaxFault(start, start + len(word[0]), f"`{word[0]}` is not a name", hint=hint)
    for spelling, hint in hints().signs.items():
        if rest.startswith(spelling):
            message = f"`{spelling}` does not belong to the rule language"
            return SyntaxFault(start, start + len(spelling), message, hint=hint)
    return SyntaxFault(start, start + 1, f"`{rest[0]}` does not belong to the rule language")


def _order(tokens: Sequence[Token]) -> SyntaxFault | None:
    if not tokens:
        return SyntaxFault(0, 1, "the expression is empty")
    opened: list[Token] = []
    before: Token | None = None
    for token in tokens:
        fault = _follows(before, token) or _brackets(opened, token)
        if fault is not None:
            return fault
        before = token
    if opened:
        return SyntaxFault(opened[-1].start, opened[-1].end, "this `(` is not closed")
    last = tokens[-1]
    if last.sort in (TokenKind.OPERAND, TokenKind.CLOSE):
        return None
    return SyntaxFault(last.start, last.end, f"nothing follows `{last.text}`")


def _brackets(opened: list[Token], token: Token) -> SyntaxFault | None:
    if token.sort is TokenKind.OPEN:
        opened.append(token)
        if len(opened) > _DEEPEST_BRACKETS:
            return SyntaxFault(
                token.start, token.end, "the expression is nested too deep", hint=_SPLIT
            )
    elif token.sort is TokenKind.CLOSE:
        if not opened:
            return SyntaxFault(token.start, token.end, "this `)` closes nothing")
        opened.pop()
    elif token.sort is TokenKind.COMMA and not opened:
        hint = "commas separate arguments and labels, inside parentheses"
        return SyntaxFault(token.start, token.end, "a comma is outside parentheses", hint=hint)
    return None


def _follows(before: Token | None, token: Token) -> SyntaxFault | None:
    if before is not None and before.sort in (TokenKind.OPERAND, TokenKind.CLOSE):
        return _after_value(before, token)
    if token.sort in (TokenKind.OPERAND, TokenKind.PREFIX, TokenKind.OPEN):
        return None
    if before is None:
        return SyntaxFault(token.start, token.end, f"nothing is before `{token.text}`")
    opened = before.sort in (TokenKind.OPEN, TokenKind.COMMA)
    if token.sort is TokenKind.CLOSE and opened:
        return None
    if before.text == "not" and token.text == "in":
        return None
    message = f"nothing is between `{before.text}` and `{token.text}`"
    return SyntaxFault(
        token.start, token.end, message, hint=hints().pairs.get(f"{before.text} {token.text}", "")
    )


def _after_value(before: Token, token: Token) -> SyntaxFault | None:
    if token.sort in (TokenKind.INFIX, TokenKind.CLOSE, TokenKind.COMMA):
        return None
    if token.sort is TokenKind.OPEN and before.callable:
        return None
    message = f"an operator is missing between `{before.text}` and `{token.text}`"
    return SyntaxFault(token.start, token.end, message)


class Parsed(msgspec.Struct, frozen=True):
    """An expression's structure; `numbers` gives the exact text of each number by its start."""

    scalar: Scalar
    text: str
    shift: int
    body: ast.expr
    numbers: Mapping[int, str]

    def place(self, node: ast.expr) -> Place:
        start, end = self.span(node)
        return self.scalar.at(start + self.shift, end + self.shift)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """First character and character after a part, counted from 0 in `text`."""
        return self._chars(node.col_offset), self._chars(node.end_col_offset or 0)

    def source(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def _chars(self, offset: int) -> int:
        if self.text.isascii():
            return offset
        # `ast` counts bytes of UTF-8, and places count characters.
        return len(self.text.encode()[:offset].decode(errors="ignore"))


def parse(scalar: Scalar, report: Report) -> Parsed | None:
    """The structure of an expression; None with its fault reported, in silence where it is torn."""
    if scalar.torn:
        return None
    # `ast` ends an expression at a line break; one character for another keeps the columns.
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
    return _structure(scalar, text, shift, tokens=tokens, report=report)


def _structure(
    scalar: Scalar, text: str, shift: int, tokens: list[Token], report: Report
) -> Parsed | None:
    try:
        with _PARSING:
            body = ast.parse(text, mode="eval").body
    # Python's parser raises each of them for a text that is odd, or nested too deep.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None) or 1
        place = scalar.at(shift + offset - 1, shift + offset)
        report.error("R301", place, *_incomplete(tokens))
        return None
    numbers = {t.start: t.text for t in tokens if t.text[0].isdigit()}
    parsed = Parsed(scalar, text, shift, body=body, numbers=numbers)
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
    nodes = 0
    # Level by level: recursion would end at a depth of its own.
    level = [parsed.body]
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
