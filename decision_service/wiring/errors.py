"""What keeps the service from starting."""

from __future__ import annotations


class StartError(Exception):
    """The service cannot start; the message is one sentence, `lines` below it say where."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines
