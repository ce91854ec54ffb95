"""How far a file of lines is dealt with: a bar on a terminal, else each thousandth line."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

_EVERY = 1_000


@contextmanager
def progress(lines: TextIOWrapper) -> Iterator[Callable[[int], None]]:
    """Yield what is told, after each line, how many were dealt with."""
    if not sys.stderr.isatty():
        yield _tell_thousandth
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    size = _size(lines)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=size, told="")

        def show(number: int) -> None:
            read = 0 if size is None else os.lseek(lines.fileno(), 0, os.SEEK_CUR)
            bar.update(task, completed=read, told=f"{number:,} lines")

        yield show


def _tell_thousandth(number: int) -> None:
    if not number % _EVERY:
        sys.stderr.write(f"{number:,} lines …\n")


def _size(lines: TextIOWrapper) -> int | None:
    """The file's bytes; None of a pipe."""
    found = os.fstat(lines.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None
