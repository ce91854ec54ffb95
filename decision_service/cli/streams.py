"""The standard streams, which may be closed, full, or of another encoding than UTF-8."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from decision_service.cli.display.output import print_error
from decision_service.cli.display.silence import silence
from decision_service.cli.errors import CommandError, Exit


def prepare_streams() -> None:
    """Give each closed stream /dev/null, and let no character be one that cannot be written."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def unusable(error: OSError) -> int:
    """Say which file or stream cannot be used, and return the exit code.

    A reader that has left the pipe is told nothing, and nothing is wrong then.
    """
    if error.filename is None:
        silence(sys.stdout)
    if error.errno == errno.EPIPE:
        return Exit.DONE
    what = "the output" if error.filename is None else f"{error.filename}"
    tell(CommandError(f"{what} cannot be used: {error.strerror or error}", Exit.USAGE))
    return Exit.USAGE


def tell(error: CommandError) -> None:
    """Write the sentence on stderr; where that is full or closed, the exit code says it alone."""
    try:
        print_error(error)
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
