"""Histories over processes and erasures, and the file of identity keys, on both databases."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from decision_service.decide.application import KEYED, IdentityKey, history_keys
from decision_service.store import history
from decision_service.store.errors import StoreRefused
from decision_service.store.keys import IDENTITY_KEYS
from decision_service.store.store import Store, open_database
from tests.integration.test_storage_erasures import told as psql
from tests.kits.decision_entries import numbered
from tests.kits.history_log import KEYS, decide, decided, present
from tests.kits.postgres import Postgres
from tests.kits.stores import opened

HASHES = [key for key in KEYS.all if key[:1] in KEYED]


async def test_no_two_processes_decide_on_one_history(postgres: Postgres) -> None:
    """Fifty at once at two processes, under keys in opposite orders: each sees all before it."""
    url, keys = postgres.migrated(), KEYS.all
    async with opened(url) as here, opened(url) as there:
        stores = ((here, keys), (there, (keys[0], *reversed(keys[1:]))))
        work = [
            decide(store, 2 * n + m, of) for n in range(25) for m, (store, of) in enumerate(stores)
        ]
        seen = [last[keys[0]] for last in await asyncio.gather(*work)]
        assert sorted(seen) == list(range(50))


async def test_an_erasure_forgets_the_hash_of_who_applied(url: str, tmp_path: Path) -> None:
    """Of a request the digest stays, by which its repetition is known; others' stay whole."""
    hashed = b"\x01" * 32 + KEYS.person[0]
    async with opened(url, journal=tmp_path / "erasures") as store:
        await store.commit(decided(1, content=hashed))
        other = history_keys("user-2", "los", "").user
        await store.commit(decided(2, [other], user_id="user-2", content=hashed))
        await store.erase("user-1")
        kept = [await store.get(numbered(number).decision_id) for number in (1, 2)]
    assert [one and one.content for one in kept] == [hashed[:32], hashed]


async def test_an_erasure_leaves_no_hash_in_the_tables(postgres: Postgres, tmp_path: Path) -> None:
    """On PostgreSQL at once in no row, and in no page once the freed ones are written anew."""
    url = postgres.migrated()
    folder = Path(psql(postgres, url, "SHOW data_directory"))

    def pages() -> bytes:
        psql(postgres, url, "CHECKPOINT")
        found = (
            psql(postgres, url, f"SELECT pg_relation_filepath('{table}')")
            for table in ("history", "history_keys", "history_keys_pkey")
        )
        return b"".join((folder / file).read_bytes() for file in found)

    async with opened(url, journal=tmp_path / "erasures") as store:
        await store.commit(decided(1))
        assert all(key in pages() for key in HASHES)
        await store.erase("user-1")
        assert present(await store.past(HASHES)) == {}
    psql(postgres, url, "VACUUM FULL history, history_keys")
    assert not any(key in pages() for key in HASHES)


async def test_half_way_through_a_rotation_links_are_found(url: str, tmp_path: Path) -> None:
    """What was hashed under the old key alone is found while both are there; then not any more."""
    file = tmp_path / "keys"
    old = IDENTITY_KEYS.add(file)
    async with opened(url, identity_keys=file) as store:
        assert store.identity_keys == (old,)
        await store.commit(decided(1, _account(store.identity_keys)))
    new = IDENTITY_KEYS.add(file)
    async with opened(url, identity_keys=file) as store:
        assert store.identity_keys == (new, old)
        found = present(await store.past(_account(store.identity_keys)))
        assert [past.last for past in found.values()] == [1]
        await store.commit(decided(2, _account((new,))))
    file.write_text(file.read_text().splitlines()[0] + "\n")
    lost = f"under the identity key {old.id.hex()}, which {file} lacks: put the key back, or run"
    with pytest.raises(StoreRefused, match=lost):
        await Store.open(url, identity_keys=file)


async def test_an_erasure_half_way_through_a_rotation_leaves_no_hash(
    url: str, tmp_path: Path
) -> None:
    """Neither under the old key nor under the new one, of decisions of before and since."""
    file = tmp_path / "keys"
    old, new = IDENTITY_KEYS.add(file), IDENTITY_KEYS.add(file)
    async with opened(url, identity_keys=file, journal=tmp_path / "erasures") as store:
        assert store.identity_keys == (new, old)
        for number, secrets in enumerate(((old,), (new, old)), 1):
            await store.commit(decided(number, [KEYS.user, *_account(secrets)], last=number - 1))
        await store.erase("user-1")
    assert await _hashes(url) == []


async def test_a_key_that_is_forgotten_is_in_no_row(url: str, tmp_path: Path) -> None:
    """Also not among what decisions are found by: whoever has the key could try accounts there."""
    file = tmp_path / "keys"
    old, new = IDENTITY_KEYS.add(file), IDENTITY_KEYS.add(file)
    async with opened(url, identity_keys=file) as store:
        await store.commit(decided(1, [KEYS.user, *_account((new, old))]))
    database = await open_database(url, 1)
    assert await database.write(partial(history.forget_key, key_id=old.id)) == 1
    await database.aclose()
    [found, place] = await _hashes(url)
    assert old.id not in found
    assert old.id not in place
    assert new.id in found


async def _hashes(url: str) -> list[bytes]:
    """What the store holds of hashes: what decisions are found by, and their places."""
    database = await open_database(url, 1)
    try:
        return await database.read(_every_hash)
    finally:
        await database.aclose()


def _every_hash(connection: Connection) -> list[bytes]:
    packed = [
        bytes(one) for one in connection.execute(select(history.history.c.found_by)).scalars()
    ]
    places = [
        bytes(one) for one in connection.execute(select(history.history_keys.c.key)).scalars()
    ]
    found = [one for one in packed if any(key[:1] in KEYED for key in history.unpacked(one))]
    return [*found, *(key for key in places if key[:1] in KEYED)]


def _account(secrets: tuple[IdentityKey, ...]) -> tuple[bytes, ...]:
    return history_keys("user-1", "los", "", secrets, ("a-1",)).accounts[0]


async def test_a_file_store_makes_its_own_key(tmp_path: Path) -> None:
    """Beside a new SQLite file there is one, for its owner alone, and it stays the same."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    async with opened(url) as store:
        [key] = store.identity_keys
        await store.commit(decided(1, _account((key,))))
    file = tmp_path / "decisions.db.identity-keys"
    assert file.stat().st_mode & 0o777 == 0o600
    async with opened(url) as store:
        assert store.identity_keys == (key,)
    file.unlink()
    with pytest.raises(StoreRefused, match="identity-keys cannot be read"):
        await Store.open(url)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no key: `decision-service keys identity add` writes one"),
        ("c2hvcnQ=\n", "has no key of 32 bytes in base64 on line 1"),
        ("# ours\nno base64!\n", "has no key of 32 bytes in base64 on line 2"),
        ("é\n", "holds something else than keys in base64"),
        (f"{'QUFB' * 11}\n" * 2, "holds one key twice: remove one of the lines"),
    ],
)
def test_a_file_that_holds_no_keys_is_told(tmp_path: Path, text: str, told: str) -> None:
    """One sentence with the file, the line and what to do; no byte of a key."""
    file = tmp_path / "keys"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StoreRefused) as error:
        IDENTITY_KEYS.read(file)
    assert str(error.value) == f"the identity key file {file} {told}"
