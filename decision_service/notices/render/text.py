"""A letter as plain text of at most 78 columns."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from decision_service.notices.model import Letter, LetterPart

COLUMNS = 78


def text(letter: Letter) -> str:
    """The whole letter, ending in a line break."""
    blocks = [letter.lender, letter.title, letter.opening]
    parts = [block for part in letter.parts for block in _blocks(part)]
    closing = [letter.closing] if letter.closing else []
    return "\n\n".join([*map(_wrapped, blocks), *parts, *map(_wrapped, closing)]) + "\n"


def _blocks(part: LetterPart) -> Iterator[str]:
    lines = [part.heading] if part.heading else []
    lines += [_wrapped(line) for line in part.lines]
    lines += [_wrapped(item, "- ", "  ") for item in part.items]
    yield "\n".join(lines)


def _wrapped(line: str, first: str = "", rest: str = "") -> str:
    return fill(
        line,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
