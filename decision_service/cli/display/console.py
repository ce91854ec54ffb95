"""A console whose reader may leave before the end."""

from __future__ import annotations

import sys

from rich.console import Console

from decision_service.cli.display.silence import silence


class PipeConsole(Console):
    """Writes for nobody once the reader has left, so that the command comes to its exit code."""

    def on_broken_pipe(self) -> None:
        """Go on in silence."""
        self.quiet = True
        silence(sys.stdout)
