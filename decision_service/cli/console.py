"""A console whose reader may leave before the end."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from decision_service.cli.output import silence
from decision_service.domain.errors import visible


class PipeConsole(Console):
    """Writes for nobody once the reader has left, so that the command comes to its exit code."""

    def on_broken_pipe(self) -> None:
        """Go on in silence."""
        self.quiet = True
        silence(sys.stdout)

    def render_str(self, text: str, **options: Any) -> Text:
        """What anything printed becomes: text in which nothing rules the screen."""
        return super().render_str(visible(text), **options)
