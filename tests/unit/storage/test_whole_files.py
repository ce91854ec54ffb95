"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from decision_service.rulebook.folder import write_whole


def test_the_content_is_replaced_and_nothing_else_is_left(tmp_path):
    """The text is written byte for byte, and the folder holds that file alone."""
    file = tmp_path / "a.yaml"
    file.write_text("old")
    write_whole(file, "é\r\nnew")
    assert file.read_bytes() == "é\r\nnew".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]


def test_a_new_file_can_be_read_by_others_and_an_old_one_keeps_its_mode(tmp_path):
    """A new file has the mode 644, another one what it had."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("x")
    old.chmod(0o600)
    for file in (new, old):
        write_whole(file, "y")
    assert [stat.S_IMODE(f.stat().st_mode) for f in (new, old)] == [0o644, 0o600]


def test_a_failure_leaves_the_old_content(tmp_path, monkeypatch):
    """Where the disk refuses, the old content stands and nothing lies beside it."""
    file = tmp_path / "a.yaml"
    file.write_text("old")

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new")
    assert (file.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["a.yaml"])


def test_a_link_is_followed(tmp_path):
    """The file behind a link gets the content; the link stays one."""
    file, link = tmp_path / "a", tmp_path / "b"
    file.write_text("old")
    link.symlink_to(file)
    write_whole(link, "new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")
