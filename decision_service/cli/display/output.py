"""Printing: plain text in a pipe, colour on a terminal, JSON alone when that is asked for."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from decision_service.cli.display.silence import silence
from decision_service.cli.errors import CommandError
from decision_service.domain.errors import visible

if TYPE_CHECKING:  # `serve` prints by no more than `print_error`: it does without rich
    from rich.console import Console
    from rich.table import Table

_PIPE_WIDTH = 200
_PADDING = 2
"""Columns of space around a cell."""


class Format(StrEnum):
    """How a command prints."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", help="table for people, json for programs")
]


def console(least: int = 0, most: int | None = None) -> Console:
    """Standard output of `least` to `most` columns; wide and plain when it is not a terminal."""
    from decision_service.cli.display.console import PipeConsole

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    made = PipeConsole(file=sys.stdout, width=width, highlight=False, soft_wrap=False, emoji=False)
    made.width = max(least, min(made.width, most or made.width))
    return made


def table(*columns: str) -> Table:
    """A table without boxes whose first column leads."""
    from rich.table import Table

    made = Table(box=None, pad_edge=True, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_table(made: Table, most: int | None = None) -> None:
    """Print a table in which no word breaks, such as an id: lines become longer where they must."""
    out = console(most=most)
    cells = [[_plain(cell) for cell in (one.header, *one.cells)] for one in made.columns]
    least = [max(len(word) for text in column for word in (*text.split(), "")) for column in cells]
    widest = [max(_line_width(text) for text in column) for column in cells]
    spare = out.width - _PADDING * len(cells) - sum(least)
    order = sorted(range(len(cells)), key=lambda place: widest[place] - least[place])
    for done, place in enumerate(order):
        more = max(0, min(widest[place] - least[place], spare // (len(order) - done)))
        made.columns[place].width = least[place] + more
        spare -= more
    console(sum(one.width or 0 for one in made.columns) + _PADDING * len(cells)).print(made)


def _line_width(text: str) -> int:
    """The width of a cell's longest line."""
    return max(map(len, text.splitlines()), default=0)


def _plain(cell: object) -> str:
    """A cell (rich markup) as it is read."""
    from rich.text import Text

    return Text.from_markup(visible(str(cell))).plain


def print_json(value: Any) -> None:
    """Machine-readable output, and nothing else, on stdout."""
    content = message_dict(value) if isinstance(value, Message) else value
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    try:
        sys.stdout.write(visible(text) + "\n")
    except BrokenPipeError:  # the command goes on to its exit code
        silence(sys.stdout)


def message_dict(message: Message) -> dict[str, Any]:
    """A message under its proto field names."""
    return MessageToDict(message, preserving_proto_field_name=True)


def print_error(error: CommandError) -> None:
    """One sentence on stderr, with the lines that say where."""
    for line in (error.message, *error.lines):
        sys.stderr.write(visible(line) + "\n")


def progress_line(words: str) -> None:
    """Say on stderr what takes long, where that is a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{words}\n")
