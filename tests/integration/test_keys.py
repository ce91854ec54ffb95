"""Keys: users' own, the data keys that wrap them, and the identity keys that hash who applied."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, select, update

from decision_service.decide.application import KEYED, IdentityKey, history_keys
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.ports import SnapshotBody, UserState
from decision_service.store import erasure, history, snapshots
from decision_service.store import snapshots as consents
from decision_service.store.errors import StoreRefused
from decision_service.store.keys import (
    DATA_KEYS,
    IDENTITY_KEYS,
    PLAIN,
    DataKey,
    DataKeys,
    data_key_ids,
    open_data_keys,
    wrap_all,
)
from decision_service.store.sqlite_file import writing_engine
from decision_service.store.store import Store, open_database
from tests.integration.test_erasures import told as psql
from tests.kits.consent_log import KEPT, gone, left, told
from tests.kits.data_keys import decrypted, killed_while_wrapping, stolen_rows
from tests.kits.decision_log import NOON, numbered
from tests.kits.history_log import KEYS, decided, present
from tests.kits.history_log import decide as decide_of_storage_history
from tests.kits.stores import opened

if TYPE_CHECKING:
    from tests.kits.postgres import Postgres

USERS = [f"user-{n}" for n in range(20)]

NAME = b"Juana dela Cruz"


def body(user_id: str, number: int = 1) -> SnapshotBody:
    """A user's snapshot, which names a person."""
    content = NAME + b" of Makati earns 48,151.62 " + user_id.encode() + b"; " * 20
    return SnapshotBody(f"snap-{user_id}-{number}", user_id, content, (told("a-1"),))


async def decide(store: Store, users: list[str], number: int = 1, consent: int = 0) -> None:
    """A decision on each user's snapshot."""
    for user_id in users:
        given = {"user_id": user_id, "snapshot": body(user_id, number), "consent": consent}
        own = 1000 * number + int(user_id.partition("-")[2])
        await store.commit(numbered(own, **given))


async def all_read(store: Store, users: list[str], number: int = 1) -> bool:
    """Whether every user's snapshot reads back."""
    found = [await store.snapshot(user, f"snap-{user}-{number}") for user in users]
    return found == [body(user, number).body for user in users]


async def keys_of(url: str, users: list[str], data_keys: DataKeys = PLAIN) -> dict[str, bytes]:
    """The users' keys, unwrapped."""
    database = await open_database(url)
    work = partial(snapshots.user_keys, users=users, data_keys=data_keys)
    found = await database.write(work)
    await database.aclose()
    return dict(found)


def copied(url: str, folder: Path) -> str:
    """A copy of the database: the file alone, or what another reader of the server sees."""
    if not url.startswith("sqlite"):
        return url
    for file in folder.glob("decisions.db*"):
        if not file.name.endswith("keys"):
            shutil.copy(file, folder / file.name.replace("decisions", "stolen"))
    return url.replace("decisions", "stolen")


async def test_a_stolen_copy_shows_no_snapshot(url: str, tmp_path: Path) -> None:
    """No name in any value, and nothing in the copy opens a snapshot, nor what is left of one."""
    file = tmp_path / "data-keys"
    DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        await decide(store, ["user-1", "user-2"])
        await store.erase("user-2", gone("a-1"))
        rows = await stolen_rows(copied(url, tmp_path))
        assert {"snapshots", "consents", "ended_incomes"} <= {table for table, _ in rows}
        assert not any(NAME in value for _, row in rows for value in row)
        assert decrypted(rows) == set()
        assert await all_read(store, ["user-1"])


async def test_without_a_data_key_the_thief_reads_everything(url: str, tmp_path: Path) -> None:
    """The same look finds the snapshot where users' keys are plain."""
    async with opened(url) as store:
        await decide(store, ["user-1"])
        assert body("user-1").body in decrypted(await stolen_rows(copied(url, tmp_path)))


async def test_a_file_store_is_taken_over(tmp_path: Path) -> None:
    """At the first start with a key file all keys are wrapped, and no plain one is in its bytes."""
    url, file = f"sqlite:///{tmp_path}/decisions.db", tmp_path / "data-keys"
    async with opened(url) as store:
        await decide(store, USERS)
        await store.erase(USERS[0], gone("a-1"))
    plain = await keys_of(url, USERS[1:])
    DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        assert await store.count_others() == 0
        content = b"".join(one.read_bytes() for one in tmp_path.glob("decisions.db*"))
        assert not any(key in content for key in plain.values())
        assert await all_read(store, USERS[1:])
        assert (await store.user_state(USERS[0])).ended == (left("a-1"),)
    assert await keys_of(url, USERS[1:], DataKeys(file, DATA_KEYS.read(file))) == plain


async def test_a_server_is_taken_over_by_a_command(postgres, tmp_path: Path) -> None:
    """Replicas that have no key file yet read everything, until the keys are wrapped at once."""
    url, file = postgres.migrated(), tmp_path / "data-keys"
    DATA_KEYS.add(file)
    async with opened(url) as old:
        await decide(old, USERS)
        async with opened(url, data_keys=file) as store:
            assert await store.count_others() == len(USERS)
            assert await all_read(old, USERS)
            database = await open_database(url)
            data_keys = await open_data_keys(url, file, database)
            wrapped, _ = await asyncio.gather(
                wrap_all(database, data_keys), decide(store, USERS, 2)
            )
            assert (wrapped, await store.count_others()) == (len(USERS), 0)
            assert await all_read(store, USERS)
            assert await all_read(store, USERS, 2)
            await database.aclose()
        with pytest.raises(StoreUnavailable, match="which this process lacks: put it into the"):
            await old.snapshot(USERS[0], f"snap-{USERS[0]}-1")


async def test_a_kill_in_the_middle_loses_nothing(url: str, tmp_path: Path) -> None:
    """What was wrapped stays wrapped, the rest stays plain; the next run wraps the rest."""
    file = tmp_path / "data-keys"
    DATA_KEYS.add(file)
    async with opened(url) as store:
        await decide(store, USERS)
        await store.erase(USERS[0], gone("a-1"))
    await asyncio.to_thread(killed_while_wrapping, url, file, 3, 2)
    database = await open_database(url)
    data_keys = await open_data_keys(url, file, database)
    assert await database.read(data_key_ids) == {data_keys.newest.id}
    assert await wrap_all(database, data_keys) == len(USERS) - 1 - 2 * 3
    await database.aclose()
    async with opened(url, data_keys=file) as store:
        assert await store.count_others() == 0
        assert await all_read(store, USERS[1:])
        assert (await store.user_state(USERS[0])).ended == (left("a-1"),)


async def test_a_rotation(url: str, tmp_path: Path) -> None:
    """The newest key wraps, old ones open; a key that is needed may not be missing at the start."""
    file = tmp_path / "data-keys"
    old = DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        await decide(store, ["user-1"])
    new = DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        await decide(store, ["user-2"])
        assert await all_read(store, ["user-1", "user-2"])
        database = store._database
        if database.shared:
            assert await database.read(data_key_ids) == {old.id, new.id}
            assert await wrap_all(database, store.data_keys) == 1
        assert await database.read(data_key_ids) == {new.id}
    DATA_KEYS.remove(file, new.id)
    lost = f"wrapped by the data key {new.id.hex()}, which {file} lacks: put the key back$"
    with pytest.raises(StoreRefused, match=lost):
        await Store.open(url, data_keys=file)
    with pytest.raises(StoreRefused, match="DECISION_DATA_KEY_FILE is not set: put the key back"):
        await Store.open(url)


async def test_the_file_is_read_for_a_key_that_is_not_in_memory_alone(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deciding and reading open it never, and a key that came since once."""
    file, reads = tmp_path / "data-keys", list[Path]()
    old = DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        read = DATA_KEYS.read
        monkeypatch.setattr(DATA_KEYS, "read", lambda path: (reads.append(path), read(path))[1])
        await decide(store, USERS[:2])
        await decide(store, USERS[:2], 2)
        assert await all_read(store, USERS[:2])
        assert reads == []
        new = DATA_KEYS.add(file)
        work = partial(snapshots.user_keys, users=USERS[2:4], data_keys=DataKeys(file, (new, old)))
        await store._database.write(work)
        await decide(store, USERS[:4], 3)
        assert await all_read(store, USERS[:4], 3)
        assert reads == [file]
        assert store.data_keys.newest == old


async def test_a_key_is_bound_to_its_user(url: str, tmp_path: Path) -> None:
    """Whoever moves a snapshot with its wrapped key into the rows of another user opens nothing."""
    file = tmp_path / "data-keys"
    DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        await decide(store, ["user-1", "user-2"])
        await store._database.write(_move)
        assert await store.snapshot("user-1", "snap-user-1-1") is None
        with pytest.raises(StoreUnavailable, match="damaged"):
            await store.snapshot("user-2", "snap-user-1-1")


def _move(connection: Connection) -> None:
    """Give user-2 the snapshot of user-1 and its key."""
    keys, bodies = snapshots.consents, snapshots.snapshots
    of = select(keys.c.key).where(keys.c.user_id == "user-1").scalar_subquery()
    connection.execute(update(keys).where(keys.c.user_id == "user-2").values(key=of))
    moved = update(bodies).where(bodies.c.user_id == "user-1")
    connection.execute(moved.values(user_id="user-2"))


async def test_consent_and_remains_under_data_keys(url: str, tmp_path: Path) -> None:
    """An erased user gets a new wrapped key; remains are read, kept and forgotten in time."""
    file = tmp_path / "data-keys"
    DATA_KEYS.add(file)
    async with opened(url, data_keys=file) as store:
        await decide(store, ["user-1"])
        await store.erase("user-1", gone("a-1"))
        assert await store._database.read(data_key_ids) == {store.data_keys.newest.id}
        await decide(store, ["user-1"], 2, consent=1)
        assert await all_read(store, ["user-1"], 2)
        await store.erase("user-1", gone("a-1"))
        assert (await store.user_state("user-1")).ended == (left("a-1", Kind.EINCOMES),)
        await store.forget_ended(NOON + KEPT)
        assert await store.user_state("user-1") == UserState((), consent=2)


def test_a_key_says_its_id_alone(tmp_path: Path) -> None:
    """No repr shows a key, and a key is not the secret of the file."""
    key = DATA_KEYS.add(tmp_path / "keys")
    assert repr(key) == f"DataKey({key.id.hex()})"
    assert DataKey.of(bytes(32)).key != bytes(32)


async def test_beside_a_file_of_made_up_people_there_is_a_data_key(tmp_path: Path) -> None:
    """It is made for its owner alone, stays the same, and is missed when it is gone."""
    url, file = f"sqlite:///{tmp_path}/decisions.db", tmp_path / "decisions.db.data-keys"
    for _ in range(2):
        async with opened(url, keep_data_keys=True) as store:
            await decide(store, ["user-1"])
            assert store.data_keys.newest == DATA_KEYS.read(file)[0]
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    with pytest.raises(StoreRefused, match="data-keys cannot be read"):
        await Store.open(url, keep_data_keys=True)


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


HASHES = [key for key in KEYS.all if key[:1] in KEYED]


async def test_no_two_processes_decide_on_one_history(postgres: Postgres) -> None:
    """Fifty at once at two processes, under keys in opposite orders: each sees all before it."""
    url, keys = postgres.migrated(), KEYS.all
    async with opened(url) as here, opened(url) as there:
        stores = ((here, keys), (there, (keys[0], *reversed(keys[1:]))))
        work = [
            decide_of_storage_history(store, 2 * n + m, of)
            for n in range(25)
            for m, (store, of) in enumerate(stores)
        ]
        seen = [last[keys[0]] for last in await asyncio.gather(*work)]
        assert sorted(seen) == list(range(50))


async def test_an_erasure_forgets_the_hash_of_who_applied(url: str, tmp_path: Path) -> None:
    """Of a request the digest stays, by which its repetition is known; others' stay whole."""
    hashed = b"\x01" * 32 + KEYS.person[0]
    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
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

    async with opened(url, journal=f"sqlite:///{tmp_path}/erasures") as store:
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
    async with opened(url, identity_keys=file, journal=f"sqlite:///{tmp_path}/erasures") as store:
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
