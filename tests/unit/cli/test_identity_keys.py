"""`keys identity`: a key is made, another put first, and an old one taken out of file and store."""

from __future__ import annotations

import asyncio

import pytest

from decision_service.decide.application import history_keys
from decision_service.domain.ports import Filter
from decision_service.store.store import Store
from tests.kits.decision_entries import numbered
from tests.kits.history_log import decided, present
from tests.unit.cli.commands import command


@pytest.fixture(autouse=True)
def store_url(tmp_path, monkeypatch):
    """A store of the test's own, which the settings name."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    monkeypatch.setenv("DECISION_STORE_URL", url)
    return url


async def enter(url, accounts):
    """Open the store, enter a decision on these accounts, and give how many hashes are found."""
    store = await Store.open(url)
    keys = history_keys("user-1", "los", "", store.identity_keys, accounts).accounts
    for number, account in enumerate(keys):
        await store.commit(decided(number, account))
    found = present(await store.past([key for account in keys for key in account]))
    await store.aclose()
    return len(found)


def test_a_rotation_by_hand(capsys, tmp_path, store_url):
    """The newest key is listed first; forgetting the old one leaves the hashes of the new one."""
    file = tmp_path / "decisions.db.identity-keys"
    old = command(capsys, "keys", "identity", "add").out.split()[-1]
    new = command(capsys, "keys", "identity", "add").out.split()[-1]
    assert command(capsys, "keys", "identity", "list").out.split() == [new, old]
    assert asyncio.run(enter(store_url, ["a-1", "a-2"])) == 4
    done = command(capsys, "keys", "identity", "forget", old)
    assert (done.code, done.out.split()[0]) == (0, "2")
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert asyncio.run(enter(store_url, [])) == 0


async def contents(url, *entries):
    """Commit decisions, and read the content of every one that the store holds."""
    store = await Store.open(url)
    for entry in entries:
        await store.commit(entry)
    found = [one.content for one in await store.list(Filter(), None, 10)]
    await store.aclose()
    return found


def test_hashes_of_who_applied_go_with_their_key(capsys, store_url):
    """Those under another key stay, and so do the digests of requests."""
    old, new = (command(capsys, "keys", "identity", "add").out.split()[-1] for _ in range(2))
    plain = b"\x01" * 32
    hashed = [plain + b"R" + bytes.fromhex(key) + b"a hash" for key in (old, new)]
    entries = [numbered(number, content=one) for number, one in enumerate((*hashed, plain))]
    asyncio.run(contents(store_url, *entries))
    assert command(capsys, "keys", "identity", "forget", old).code == 0
    assert sorted(asyncio.run(contents(store_url))) == [plain, plain, hashed[1]]


def test_beside_postgresql_a_file_must_be_named(capsys, monkeypatch):
    """There is no file beside a server: the sentence says which setting to give."""
    monkeypatch.setenv("DECISION_STORE_URL", "postgresql://u:p@127.0.0.1:1/d")
    monkeypatch.setenv("DECISION_SMILE_MODE", "sandbox")
    monkeypatch.setenv("DECISION_SMILE_API_KEY", "key-of-8")
    monkeypatch.setenv("DECISION_SMILE_API_SECRET", "secret-8")
    done = command(capsys, "keys", "identity", "list")
    assert done.code == 2
    assert "DECISION_IDENTITY_KEY_FILE" in done.err
