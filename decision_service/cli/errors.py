"""How commands end when something is wrong: one sentence on stderr and an exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    SERVER = 3
    UNDECIDED = 4
    OWN_FAULT = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot go on; `lines` below the sentence say where and what exactly."""

    def __init__(self, message: str, code: Exit, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.lines = lines
