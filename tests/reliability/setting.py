"""What every part of a run shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.reliability.options import Options


@dataclass(frozen=True, slots=True)
class Setting:
    """The options and a folder that is thrown away at the end."""

    options: Options
    root: Path

    def folder(self, name: str) -> Path:
        """A folder of a part's own."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    def arguments(self, requests_per_second: int | None = None) -> tuple[str, ...]:
        """What the served process is told: the sabotage, and a share beyond the vendor's limit."""
        told: list[str] = []
        if self.options.sabotage:
            told += ["--sabotage", self.options.sabotage]
        if requests_per_second:
            told += ["--requests-per-second", str(requests_per_second)]
        return tuple(told)
