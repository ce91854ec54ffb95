"""What every part of a run shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.reliability.options import Options
from tests.kits.postgres import Postgres


@dataclass(frozen=True, slots=True)
class Setting:
    """The options, a folder that is thrown away, and PostgreSQL where it is the store."""

    options: Options
    root: Path
    postgres: Postgres | None = None

    def folder(self, name: str) -> Path:
        """A folder of a part's own."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    def store_urls(self, name: str, lanes: int = 1) -> list[str]:
        """A STORE_URL per lane, empty: a SQLite file each, or one PostgreSQL database for all."""
        if self.postgres is not None:
            return [self.postgres.migrated()] * lanes
        return [f"sqlite:///{self.folder(name) / f'lane-{lane}.db'}" for lane in range(lanes)]

    def arguments(self, requests_per_second: int | None = None) -> tuple[str, ...]:
        """What the served process is told: the sabotage, and a share beyond the vendor's limit."""
        told: list[str] = []
        if self.options.sabotage:
            told += ["--sabotage", self.options.sabotage]
        if requests_per_second:
            told += ["--requests-per-second", str(requests_per_second)]
        return tuple(told)
