"""Stores as releases wrote them, one dump of each schema and database, and how they are read."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

from tests.kits.postgres import Postgres

FOLDER: Final = Path(__file__).parent
SQLITE, POSTGRESQL = "sqlite", "postgresql"


def path_of(version: str, dialect: str) -> Path:
    return FOLDER / f"{version}.{dialect}.sql"


def versions() -> list[str]:
    """The schemas of which there is a dump, oldest first."""
    return sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.sql")})


def load_sqlite(dump: str, path: Path) -> str:
    """Make a SQLite file of a dump; its URL."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump)
    path.chmod(0o600)
    return f"sqlite:///{path}"


def dump_sqlite(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "".join(f"{statement}\n" for statement in connection.iterdump())


def load_postgres(dump: Path, server: Postgres) -> str:
    """Make a database of a dump; its URL."""
    url = server.empty()
    psql = [str(server.server.bin_path / "psql"), url, "-qX", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*psql, "-f", str(dump)], check=True, stdout=subprocess.DEVNULL)
    return url


def dump_postgres(url: str, server: Postgres, *options: str) -> str:
    """What pg_dump writes, without its remarks and the lines that are for psql alone."""
    program = [str(server.server.bin_path / "pg_dump"), url, "--no-owner", "--no-privileges"]
    done = subprocess.run([*program, *options], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    kept = [line for line in lines if line and not line.startswith(("--", "\\"))]
    return "".join(f"{line}\n" for line in kept)
