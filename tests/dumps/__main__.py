"""Write the dumps of this program's schema: `python -m tests.dumps`, once, before a release.

A dump that is there is of a release and is never written again.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service.rulebook.releases import ReleaseAction, ReleaseEntry, release_text
from decision_service.store import schema
from decision_service.store.store import Store, migrate
from tests.dumps import POSTGRESQL, SQLITE, dump_postgres, dump_sqlite, path_of
from tests.kits.decision_log import NOON
from tests.kits.postgres import OLDEST, running_postgres
from tests.kits.rollout_journal import FIRST, SECOND
from tests.kits.stored_person import ANA, BEN, fill


async def _filled(url: str, journal: Path) -> None:
    """Rows of every table, of made-up people."""
    await migrate(url)
    store = await Store.open(url, journal=f"sqlite:///{journal}")
    await fill(store, BEN, 1)
    await fill(store, ANA, 3, BEN)
    await store.append(FIRST)
    await store.append(SECOND)
    content = release_text(b"a folder")
    await store.add_release(ReleaseEntry(1, NOON, ReleaseAction.TAKE_OVER, content.digest), content)
    await store.aclose()


def main() -> None:
    newest = schema.known_versions()[0]
    for dialect in (SQLITE, POSTGRESQL):
        if path_of(newest, dialect).exists():
            sys.exit(f"{path_of(newest, dialect)} is there: a dump of a release is never changed")
    with TemporaryDirectory() as folder, running_postgres(OLDEST) as server:
        file = Path(folder) / "decisions.db"
        asyncio.run(_filled(f"sqlite:///{file}", Path(folder) / "erasures"))
        path_of(newest, SQLITE).write_text(dump_sqlite(file), encoding="utf-8")
        url = server.empty()
        asyncio.run(_filled(url, Path(folder) / "erasures-of-postgresql"))
        dump = dump_postgres(url, server, "--inserts")
        path_of(newest, POSTGRESQL).write_text(dump, encoding="utf-8")


if __name__ == "__main__":
    main()
