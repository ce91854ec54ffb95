"""`rules hash-list`: a list that tells nobody who is on it, and answers as before."""

from __future__ import annotations

from datetime import date

import pytest

from decision_service.rules.inputs import read_list
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.program import ListQuestion
from tests.unit.cli.commands import command

PLAIN = 'key,because,until\nACME-017,"forged, twice",2027-03-31\n\n"Bad, Inc.",,\n'


@pytest.fixture
def file(tmp_path):
    """A plain list."""
    path = tmp_path / "blocked.csv"
    path.write_text(PLAIN)
    return path


def listed(path, value):
    """Whether a list of today has a value."""
    found = read_list(str(path), path.read_text(), Report())
    return found.answer(ListQuestion("blocked", "x"), value, date(2027, 3, 31)).listed


def test_a_hashed_list_has_no_key_and_the_same_answers(capsys, file):
    """Reasons and last days stay as they were; keys are gone."""
    done = command(capsys, "rules", "hash-list", file)
    assert (done.code, done.out.endswith(": 2 keys hashed\n")) == (0, True)
    text = file.read_text()
    assert "ACME" not in text
    assert "Bad" not in text
    assert ',"forged, twice",2027-03-31' in text
    assert [listed(file, value) for value in ("acme-017", "bad, inc.", "other")] == [
        True,
        True,
        False,
    ]


def test_plain_keys_that_were_added_since_are_hashed_under_the_same_salt(capsys, file):
    """Running it again changes nothing but those, and no file at all without them."""
    command(capsys, "rules", "hash-list", file)
    before = file.read_text()
    file.write_text(f"{before}Late One,,\n")
    assert ": 1 key hashed" in command(capsys, "rules", "hash-list", file).out
    assert file.read_text().startswith(before)
    assert listed(file, "late one")
    assert ": 0 keys hashed" in command(capsys, "rules", "hash-list", file).out


def test_two_lists_of_the_same_keys_look_different(capsys, file, tmp_path):
    """The salt is drawn for each list."""
    other = tmp_path / "other.csv"
    other.write_text(PLAIN)
    for path in (file, other):
        command(capsys, "rules", "hash-list", path)
    assert not set(file.read_text().splitlines()) & set(other.read_text().splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "key\nA\n a\n",
        "key\nA;B\n",
        f"sha256:{'ab' * 8}\nA;B\n",
        "name\nA\n",
        "",
        "key,until\nA,soon\n",
    ],
)
def test_a_list_with_a_fault_stays_as_it_is(capsys, file, text):
    """Each fault is told with its line, and nothing is written."""
    file.write_text(text)
    done = command(capsys, "rules", "hash-list", file)
    assert (done.code, file.read_text()) == (1, text)
    assert f"{file.name}:" in done.err


def test_a_file_that_is_not_there_is_wrong_usage(capsys, tmp_path):
    """The sentence names it."""
    done = command(capsys, "rules", "hash-list", tmp_path / "none.csv")
    assert done.code == 2
    assert "none.csv cannot be read" in done.err
