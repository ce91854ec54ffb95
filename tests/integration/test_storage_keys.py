"""Destroyed keys of users in the bytes of a SQLite file."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from decision_service.store import erasure
from decision_service.store import snapshots as consents
from decision_service.store.keys import PLAIN
from decision_service.store.sqlite_file import writing_engine
from decision_service.store.store import Store
from tests.kits.decision_entries import NOON

STEPS = 500


@pytest.mark.long
async def test_no_copy_of_a_destroyed_key_is_left(tmp_path: Path) -> None:
    """Users come, go and come back in any order; only the keys that are in use are in the file."""
    file = tmp_path / "decisions.db"
    store = await Store.open(f"sqlite:///{file}")
    await store.aclose()
    dice, used, destroyed = Random(7), dict[str, bytes](), list[bytes]()
    engine = writing_engine(file)
    for step in range(STEPS):
        with engine.begin() as connection:
            if not used or dice.random() < 0.6:
                user_id = f"tenantId-{dice.getrandbits(128):032x}"
                used[user_id] = consents.user_keys(connection, [user_id], PLAIN)[user_id]
                continue
            user_id = dice.choice(sorted(used))
            destroyed.append(used.pop(user_id))
            erasure.erase(
                connection, user_id, [f"erasure-{step}"], now=NOON, terms=erasure.ErasureTerms()
            )
            if dice.random() < 0.3:
                used[user_id] = consents.user_keys(connection, [user_id], PLAIN)[user_id]
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    content = b"".join(one.read_bytes() for one in tmp_path.glob("decisions.db*"))
    assert len(destroyed) > STEPS // 5
    assert all(key in content for key in used.values())
    assert not any(key in content for key in destroyed)
