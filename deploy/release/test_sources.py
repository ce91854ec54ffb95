"""What a release is made of, and what keeps one from being made."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from deploy.release import archives
from deploy.release.closure import entries
from deploy.release.sources import (
    Refused,
    changed,
    copy,
    notes,
    require_advisories,
    require_clean,
)
from lint.advisories import Kept

CHANGELOG = (
    "# Changes\n\n## [Unreleased]\n\n- more\n\n## [1.2.0] - 2026-11-01\n\n- first\n- second\n"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit, with a file that git ignores."""
    root = tmp_path / "checkout"
    (root / "decision_service").mkdir(parents=True)
    (root / "page.md").write_text("one\n")
    (root / ".gitignore").write_text("*.db\n")
    (root / "decision_service" / "code.py").write_text("")
    (root / "store.db").write_text("a person's data")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", root, *words], check=True)
    return root


def test_notes_are_the_section_of_the_version() -> None:
    """Without its heading; a snapshot of a version without a section has what is unreleased."""
    assert notes(CHANGELOG, "1.2.0") == "- first\n- second"
    assert notes(CHANGELOG, "1.3.0", snapshot=True) == "- more"
    just_released = "## [Unreleased]\n\n## [1.2.0] - 2026-11-01\n\n- first\n"
    assert "yet" in notes(just_released, "1.3.0", snapshot=True)


@pytest.mark.parametrize("text", [CHANGELOG, "## [1.3.0] - 2026-11-02\n\n## [1.2.0]\n\n- x\n"])
def test_a_version_without_notes_is_refused(text: str) -> None:
    """No section, or an empty one; the sentence has the heading to write."""
    with pytest.raises(Refused, match=r"no section \[1\.3\.0\].*`## \[1\.3\.0\] - YYYY-MM-DD`"):
        notes(text, "1.3.0")


def test_a_changed_checkout_is_refused(checkout: Path) -> None:
    """Changed and new files are named; what git ignores is not in the way."""
    require_clean(checkout)
    (checkout / "page.md").write_text("two\n")
    (checkout / "new.md").write_text("")
    assert changed(checkout) == ["new.md", "page.md"]
    with pytest.raises(Refused, match=r"new\.md and 1 more is not committed"):
        require_clean(checkout)


def test_a_release_holds_no_ignored_file(checkout: Path, tmp_path: Path) -> None:
    """The copy has the checkout's files and its commit, and no store that lay beside them."""
    made = copy(checkout, tmp_path / "copy")
    names = sorted(str(one.relative_to(made)) for one in made.rglob("*") if one.is_file())
    code = ["decision_service/code.py", "decision_service/commit.txt"]
    assert names == [".gitignore", *code, "page.md"]
    assert len((made / code[1]).read_text().strip()) == 12


@pytest.mark.parametrize(
    ("taken", "why"),
    [
        ("", "has none, and a release needs some of the last 30 days: call make advisories"),
        ("2026-10-31", "has those of 2026-10-31, 31 days ago"),
    ],
)
def test_a_release_needs_advisories_of_the_last_month(taken: str, why: str) -> None:
    """None, or older ones, are refused with what to call; those of thirty days ago are good."""
    with pytest.raises(Refused, match=why):
        require_advisories(Kept(taken, "", [], []), date(2026, 12, 1))
    require_advisories(Kept("2026-11-01", "", [], []), date(2026, 12, 1))


def test_entries_keep_their_hashes() -> None:
    """Of a lock the entries of some packages, whole, whatever their names' spelling."""
    lock = "# made\nA_b==1 \\\n    --hash=sha256:1\nother==2 \\\n    --hash=sha256:2\n"
    assert list(entries(lock, ["a-b"])) == ["A_b==1 \\\n    --hash=sha256:1"]


def test_archives_that_differ_are_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that holds where it was made is named."""
    monkeypatch.setattr(
        archives, "built", lambda folder: {"a.whl": b"1", "b": str(folder).encode()}
    )
    with pytest.raises(Refused, match=r"two builds of the same files differ: b$"):
        archives.archives(tmp_path)
