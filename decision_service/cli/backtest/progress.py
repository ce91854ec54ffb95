"""A progress bar on stderr, where that is a terminal: share, decisions, rate and time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic


@contextmanager
def progress() -> Iterator[Callable[[int, int, int], None]]:
    """Yield what shows how many parts are done, of how many, and the decisions in them."""
    if not sys.stderr.isatty():
        yield lambda _, __, ___: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("judging"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("judging", total=None, rate="")

        def show(done: int, every: int, decisions: int) -> None:
            rate = rate_text(decisions, monotonic() - began)
            bar.update(task, completed=done, total=every, rate=rate)

        yield show


def rate_text(decisions: int, seconds: float) -> str:
    """`12,400 decisions, 1,530 a second`; empty where none were counted."""
    if not decisions or seconds <= 0:
        return ""
    return f"{decisions:,} decisions, {decisions / seconds:,.0f} a second"
