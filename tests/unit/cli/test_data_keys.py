"""`keys data`: a key is made, another put first, users' keys wrapped by it, the old one deleted."""

from __future__ import annotations

import asyncio

import pytest

from decision_service.store.store import Store
from tests.kits.decision_entries import SNAPSHOT, numbered
from tests.unit.cli.commands import command


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """The key file beside a store of the test's own, which the settings name."""
    monkeypatch.setenv("DECISION_STORE_URL", f"sqlite:///{tmp_path}/decisions.db")
    return tmp_path / "decisions.db.data-keys"


async def decide(tmp_path, file):
    """Store a decision on a snapshot; whether that reads back."""
    store = await Store.open(f"sqlite:///{tmp_path}/decisions.db", data_keys=file)
    await store.commit(numbered(1, snapshot=SNAPSHOT))
    found = await store.snapshot(SNAPSHOT.user_id, SNAPSHOT.id)
    await store.aclose()
    return found == SNAPSHOT.body


def test_a_rotation_by_hand(capsys, tmp_path, file):
    """A key that wraps cannot be deleted; after `rewrap` it can, and snapshots still open."""
    old = command(capsys, "keys", "data", "add").out.split()[-1]
    assert asyncio.run(decide(tmp_path, file))
    new = command(capsys, "keys", "data", "add").out.split()[-1]
    assert command(capsys, "keys", "data", "list").out.split() == [new, old]
    refused = command(capsys, "keys", "data", "forget", old)
    sentence = f"{old} wraps users' keys: run `decision-service keys data rewrap` first\n"
    assert (refused.code, refused.err) == (2, sentence)
    assert command(capsys, "keys", "data", "rewrap").out.startswith("1 keys of users are wrapped")
    assert command(capsys, "keys", "data", "forget", old).code == 0
    assert command(capsys, "keys", "data", "list").out.split() == [new]
    assert asyncio.run(decide(tmp_path, file))


def test_the_newest_key_is_not_forgotten(capsys):
    """It is what wraps, even where nothing is wrapped yet; so is a key that the file lacks."""
    new = command(capsys, "keys", "data", "add").out.split()[-1]
    done = command(capsys, "keys", "data", "forget", new)
    assert (done.code, "is the newest key" in done.err) == (2, True)
    done = command(capsys, "keys", "data", "forget", "00000000")
    assert (done.code, "has no key 00000000: see `list`" in done.err) == (2, True)


def test_what_is_no_id_of_a_key_is_told(capsys, file):
    """Exit code 2 and one sentence, and so for a file that is not there."""
    done = command(capsys, "keys", "data", "forget", "xyz")
    assert (done.code, "is no id of a key" in done.err) == (2, True)
    for words in (["list"], ["rewrap"], ["forget", "00000000"]):
        done = command(capsys, "keys", "data", *words)
        assert (done.code, f"the data key file {file} cannot be read" in done.err) == (2, True)
        assert "set DECISION_DATA_KEY_FILE to one that" in done.err


def test_a_place_where_no_file_can_be_is_told(capsys, tmp_path):
    """A folder, a folder that is not there, a name that is too long: one sentence each."""
    for place in (tmp_path, tmp_path / "no" / "keys", tmp_path / ("k" * 300)):
        for words in (["add"], ["list"], ["rewrap"]):
            done = command(capsys, "keys", "data", *words, "--file", place)
            assert (done.code, done.err.count("\n")) == (2, 1)
            assert done.err.startswith(f"the data key file {place} cannot be ")


def test_outside_embedded_mode_a_file_must_be_named(capsys, monkeypatch):
    """Beside the database it would be stolen with it: the sentence says which setting to give."""
    monkeypatch.setenv("DECISION_SMILE_MODE", "sandbox")
    monkeypatch.setenv("DECISION_SMILE_API_KEY", "key-of-8")
    monkeypatch.setenv("DECISION_SMILE_API_SECRET", "secret-8")
    for words in (["list"], ["rewrap"]):
        done = command(capsys, "keys", "data", *words)
        assert done.code == 2
        assert done.err == "set DECISION_DATA_KEY_FILE, or name a file by --file\n"
