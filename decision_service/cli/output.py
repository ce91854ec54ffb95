"""What commands share: options, streams, tables, JSON, new files, errors and exit codes."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum, StrEnum
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO

import typer

from decision_service.build import install_command
from decision_service.cli.table import COMMANDS
from decision_service.domain.errors import visible
from decision_service.runtime.files import read_small

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


PROGRAM = "decision-service"
_COMMAND = re.compile(rf"(?<![\w/.:-]){PROGRAM}(?= (?:{'|'.join(COMMANDS)})\b)")
_PIPE_WIDTH = 200
_EVERY = 100
_PADDING = 2
"""Columns of space around a cell."""
_EXTRAS = {"pyarrow": "workbench", "ray": "ray"}


class Exit(IntEnum):
    DONE = 0
    FINDINGS = 1
    USAGE = 2
    SERVER = 3
    UNDECIDED = 4
    OWN_FAULT = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; `lines` below the sentence say where and what exactly.

    `details` are for those who program a client: `--debug` shows them.
    """

    def __init__(
        self,
        message: str,
        code: Exit = Exit.USAGE,
        lines: tuple[str, ...] = (),
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.lines = lines
        self.details = details


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", help="table for people, json for programs")
]


def console(least: int = 0, most: int | None = None) -> Console:
    """Standard output of `least` to `most` columns; wide and plain when it is not a terminal."""
    from rich.console import Console  # rich is slow to import

    class PipeConsole(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True  # the reader has left: the command comes to its exit code in silence
            silence(sys.stdout)

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    made = PipeConsole(file=sys.stdout, width=width, highlight=False, soft_wrap=False, emoji=False)
    made.width = max(least, min(made.width, most or made.width))
    return made


def table(*columns: str) -> Table:
    from rich.table import Table

    made = Table(box=None, pad_edge=True, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_table(made: Table, most: int | None = None) -> None:
    """Print a table in which no word breaks, such as an id: lines become longer where they must."""
    out = console(most=most)
    least: list[int] = []
    wanted: list[int] = []
    for column in made.columns:
        cells = [*map(_plain, (column.header, *column.cells))]
        words = " ".join(cells).split()
        lines = "\n".join(cells).splitlines()
        longest_word = max(map(len, words), default=0)
        least.append(longest_word)
        wanted.append(max(map(len, lines), default=0) - longest_word)
    padding = _PADDING * len(least)
    spare = out.width - padding - sum(least)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for done, place in enumerate(order):
        more = max(0, min(wanted[place], spare // (len(order) - done)))
        made.columns[place].width = least[place] + more
        spare -= more
    console(sum(one.width or 0 for one in made.columns) + padding).print(made)


def _plain(cell: object) -> str:
    from rich.text import Text

    return Text.from_markup(visible(str(cell))).plain


def print_lines(*lines: str) -> None:
    """Print lines as they are, whatever their length and their signs."""
    out = console()
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    content = message_dict(value) if hasattr(value, "DESCRIPTOR") else value
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    try:
        sys.stdout.write(visible(text) + "\n")
    except BrokenPipeError:  # the command goes on to its exit code
        silence(sys.stdout)


def message_dict(message: Message) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict  # slow to import, and seldom needed

    return MessageToDict(message, preserving_proto_field_name=True)


def progress_line(words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{words}\n")


def show_count(number: int, noun: str) -> None:
    """Count in place on a terminal, each hundred."""
    if sys.stderr.isatty() and not number % _EVERY:
        sys.stderr.write(f"\r{number:,} {noun} …")


def prepare_streams() -> None:
    """Give each closed stream /dev/null, and let no character be one that cannot be written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_typed(text: str, *, elsewhere: bool = False) -> str:
    """A text whose commands of this program run as they are written, in the shell that called it.

    Where the shell does not find the program by its name, they have the path by which it was
    started: an absolute one where they are typed in another folder (`elsewhere`).
    """
    started = sys.argv[0]
    if Path(started).name != PROGRAM:  # a Python that imports the package
        return text
    with suppress(OSError):
        if (found := shutil.which(PROGRAM)) and Path(found).samefile(started):
            return text
    path = shlex.quote(str(Path(started).absolute()) if elsewhere else started)
    return _COMMAND.sub(lambda _: path, text)


def silence(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def unusable(error: OSError) -> int:
    """Say which file or stream cannot be used; where the reader left the pipe nothing is wrong."""
    if error.filename is None:
        silence(sys.stdout)
    if error.errno == errno.EPIPE:
        return Exit.DONE
    what = "the output" if error.filename is None else f"{error.filename}"
    print_error(CommandError(f"{what} cannot be used: {error.strerror or error}"))
    return Exit.USAGE


def print_error(error: CommandError, *, details: bool = False) -> None:
    """Write the sentence on stderr; where that is full or closed, the exit code says it alone."""
    try:
        for line in (error.message, *error.lines, *(error.details if details else ())):
            sys.stderr.write(as_typed(visible(line)) + "\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def flushed(code: int) -> int:
    """Write what is buffered; the exit code, which is another where nothing could be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return unusable(error) or code
    return code


def require_extra(module: str, what: str) -> None:
    if find_spec(module) is None:
        extra = _EXTRAS.get(module, "console")
        raise CommandError(f"{what}, which is not installed: {install_command(extra)}")


def read_text(path: Path, hint: str) -> str:
    """The text of a file of UTF-8, up to 4 MiB; raises CommandError, which ends with the hint."""
    try:
        return read_small(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise CommandError(f"{path} cannot be read ({why}): {hint}") from None


def print_or_check(text: str, file: Path | None, name: str, command: str) -> None:
    """Print a text; where a file is given, raise CommandError unless that is the text.

    `name` says what the text is, and `command` what prints it.
    """
    if file is None:
        sys.stdout.write(text)
    elif read_text(file, f"name {name}") != text:
        raise CommandError(
            f"{file} is not {name}: write it anew with `{command} > {file}`", Exit.FINDINGS
        )


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file of its owner alone, removed where the block fails; raises CommandError."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another name") from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): choose another place"
        ) from None
    with os.fdopen(handle, "wb") as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
DAY_SECONDS = 86_400
INT32 = 2**31 - 1


def whole(about: str, *names: str, least: int = 0, most: int = INT32) -> Any:
    def read(given: str | int) -> int:
        value = int(given) if _WHOLE.fullmatch(str(given)) else None
        if value is None or not least <= value <= most:
            raise typer.BadParameter(
                f"{given} is not a whole number from {least} to {most}, written in plain digits"
            )
        return value

    return read_by(read, about, *names, metavar="INTEGER")


def seconds(about: str, *names: str) -> Any:
    """An option of a time in seconds, up to a day."""

    def read(given: str | float) -> float:
        plain = str(given).removesuffix("s")
        value = float(plain) if _PLAIN.fullmatch(plain) else None
        if value is None or not 0 < value <= DAY_SECONDS:
            raise typer.BadParameter(
                f"{given} is not a number of seconds above 0 and up to {DAY_SECONDS}, such as 10, "
                "10s or 0.5"
            )
        return value

    return read_by(read, about, *names, metavar="SECONDS")


def read_by(read: Callable[[Any], Any], about: str, *names: str, metavar: str) -> Any:
    return typer.Option(*names, help=about, parser=read, metavar=metavar)


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]
InitOption = Annotated[
    bool, typer.Option("--init", help="begin a new store where the SQLite file is missing")
]
