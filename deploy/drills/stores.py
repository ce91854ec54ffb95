"""A store that is backed up, wiped and restored by the scripts beside this file."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.kits.postgres import Postgres

SCRIPTS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Kept:
    """A store's address, its wiping, and where journal and keys lie apart from it."""

    folder: Path
    url: str
    journal: str
    programs: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """Those of the store, and of the files that are no part of a backup."""
        return {
            "store_url": self.url,
            "erasure_journal": self.journal,
            "identity_key_file": str(self.folder / "identity-keys"),
            "data_key_file": str(self.folder / "data-keys"),
        }

    def wipe(self) -> None:
        """The database's files are gone; journal and keys lie elsewhere and stay."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.url.removeprefix('sqlite:///')}{suffix}").unlink(missing_ok=True)

    def backup(self, file: Path) -> subprocess.CompletedProcess[str]:
        """Run `backup.sh`."""
        return self._run("backup.sh", self.url, str(file))

    def restore(self, file: Path) -> subprocess.CompletedProcess[str]:
        """Run `restore.sh`."""
        return self._run("restore.sh", str(file), self.url)

    def _run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, [self.programs, os.environ["PATH"]]))
        return subprocess.run(
            [SCRIPTS / script, *arguments],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@dataclass(frozen=True, slots=True)
class KeptInPostgres(Kept):
    """A database of a server that runs for the drill."""

    server: Postgres | None = None

    def wipe(self) -> None:
        """The database is dropped, and made again empty."""
        assert self.server is not None
        name = urlsplit(self.url).path.removeprefix("/")
        self.server.server.psql(f"DROP DATABASE {name}")
        self.server.server.psql(f"CREATE DATABASE {name} TEMPLATE template0")


def in_sqlite(folder: Path) -> Kept:
    """A file that is not there yet."""
    return Kept(folder, f"sqlite:///{folder}/decisions.db", f"sqlite:///{folder}/erasures")


def in_postgres(folder: Path, server: Postgres) -> Kept:
    """An empty database, and another one for the journal."""
    programs = str(server.server.bin_path)
    return KeptInPostgres(folder, server.empty(), server.empty(), programs, server)
