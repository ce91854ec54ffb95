"""`keys data` and `keys identity`: made, another put first, and an old one taken out."""

from __future__ import annotations

import asyncio

import pytest

from decision_service.decide.application import history_keys
from decision_service.domain.ports import Filter
from decision_service.store.store import Store
from tests.kits.decision_entries import SNAPSHOT, numbered
from tests.kits.history_log import decided, present
from tests.unit.cli.commands import command

OUTSIDE = {"SMILE_MODE": "sandbox", "SMILE_API_KEY": "key-of-8", "SMILE_API_SECRET": "secret-8"}


@pytest.fixture(autouse=True)
def url(tmp_path, monkeypatch):
    """A store of the test's own, which the settings name; its key files are beside it."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    monkeypatch.setenv("DECISION_STORE_URL", url)
    return url


def added(capsys, kind):
    """The id of a new key."""
    return command(capsys, "keys", kind, "add").out.split()[-1]


async def stored(url, file):
    """Store a decision on a snapshot; whether that reads back."""
    store = await Store.open(url, data_keys=file)
    await store.commit(numbered(1, snapshot=SNAPSHOT))
    found = await store.snapshot(SNAPSHOT.user_id, SNAPSHOT.id)
    await store.aclose()
    return found == SNAPSHOT.body


def test_a_data_key_is_rotated(capsys, tmp_path, url):
    """A key that wraps cannot be deleted; after `rewrap` it can, and snapshots still open."""
    file = tmp_path / "decisions.db.data-keys"
    old = added(capsys, "data")
    assert asyncio.run(stored(url, file))
    new = added(capsys, "data")
    assert command(capsys, "keys", "data", "list").out.split() == [new, old]
    refused = command(capsys, "keys", "data", "forget", old)
    sentence = f"{old} wraps users' keys: run `decision-service keys data rewrap` first\n"
    assert (refused.code, refused.err) == (2, sentence)
    assert command(capsys, "keys", "data", "rewrap").out.startswith("1 keys of users are wrapped")
    assert command(capsys, "keys", "data", "forget", old).code == 0
    assert command(capsys, "keys", "data", "list").out.split() == [new]
    assert asyncio.run(stored(url, file))
    for key, said in ((new, "is the newest key"), ("00000000", "has no key 00000000: see `list`")):
        done = command(capsys, "keys", "data", "forget", key)
        assert (done.code, said in done.err) == (2, True)


async def entered(url, accounts):
    """How many hashes are found, once a decision on these accounts is stored."""
    store = await Store.open(url)
    keys = history_keys("user-1", "los", "", store.identity_keys, accounts).accounts
    for number, account in enumerate(keys):
        await store.commit(decided(number, account))
    found = present(await store.past([key for account in keys for key in account]))
    await store.aclose()
    return len(found)


def test_an_identity_key_is_rotated(capsys, tmp_path, url):
    """The newest key is listed first; forgetting the old one leaves the hashes of the new one."""
    file = tmp_path / "decisions.db.identity-keys"
    old, new = added(capsys, "identity"), added(capsys, "identity")
    assert command(capsys, "keys", "identity", "list").out.split() == [new, old]
    assert asyncio.run(entered(url, ["a-1", "a-2"])) == 4
    done = command(capsys, "keys", "identity", "forget", old)
    assert (done.code, done.out.split()[0]) == (0, "2")
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert asyncio.run(entered(url, [])) == 0


async def contents(url, *entries):
    """Commit decisions, and read the content of every one that the store holds."""
    store = await Store.open(url)
    for entry in entries:
        await store.commit(entry)
    found = [one.content for one in await store.list(Filter(), None, 10)]
    await store.aclose()
    return found


def test_hashes_of_who_applied_go_with_their_key(capsys, url):
    """Those under another key stay, and so do the digests of requests."""
    old, new = added(capsys, "identity"), added(capsys, "identity")
    plain = b"\x01" * 32
    hashed = [plain + b"R" + bytes.fromhex(key) + b"a hash" for key in (old, new)]
    entries = [numbered(number, content=one) for number, one in enumerate((*hashed, plain))]
    asyncio.run(contents(url, *entries))
    assert command(capsys, "keys", "identity", "forget", old).code == 0
    assert sorted(asyncio.run(contents(url))) == [plain, plain, hashed[1]]


@pytest.mark.parametrize("words", ["forget xyz", "list", "rewrap", "forget 00000000"])
def test_what_is_no_key_or_no_file_is_one_sentence(capsys, tmp_path, words):
    """Exit code 2; of a file that is not there, with the setting that names another."""
    done = command(capsys, "keys", "data", *words.split())
    said = f"the data key file {tmp_path}/decisions.db.data-keys cannot be read"
    said = "is no id of a key" if "xyz" in words else said
    assert (done.code, said in done.err, done.err.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("place", ["", "no/keys", "k" * 300])
def test_a_place_where_no_file_can_be_is_one_sentence(capsys, tmp_path, place):
    """A folder, a folder that is not there, a name that is too long."""
    for verb in ("add", "list", "rewrap"):
        done = command(capsys, "keys", "data", verb, "--file", tmp_path / place)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith(f"the data key file {tmp_path / place} cannot be ")


@pytest.mark.parametrize("kind", ["data", "identity"])
def test_where_no_file_is_beside_the_store_one_must_be_named(capsys, monkeypatch, kind):
    """Beside a database it would be stolen with it: the sentence says which setting to give."""
    for name, value in OUTSIDE.items():
        monkeypatch.setenv(f"DECISION_{name}", value)
    monkeypatch.setenv("DECISION_STORE_URL", "postgresql://u:p@127.0.0.1:1/d")
    done = command(capsys, "keys", kind, "list")
    setting = f"DECISION_{kind.upper()}_KEY_FILE"
    assert (done.code, done.err) == (2, f"set {setting}, or name a file by --file\n")
