"""What a program was built from, in its version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from decision_service import __version__, build
from decision_service.build import UNKNOWN, commit_of, engine_version

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """What this process has found out counts neither here nor for other tests."""
    build.commit.cache_clear()
    yield
    build.commit.cache_clear()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout")
def test_a_checkout_is_its_commit() -> None:
    """The first twelve digits of what git has checked out, and whether files differ from it."""
    head = subprocess.check_output(["git", "-C", ROOT, "rev-parse", "HEAD"], text=True)
    assert build.commit().removesuffix(".dirty") == head[:12]


def test_a_program_without_either_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without git and without the package's own note is of an unknown commit."""
    monkeypatch.setattr(build, "__file__", str(tmp_path / "package" / "build.py"))
    assert build.commit() == "unknown"


def test_a_package_says_what_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note that was written into it counts before git."""
    (tmp_path / "commit.txt").write_text("0123456789ab\n")
    monkeypatch.setattr(build, "files", lambda _: tmp_path)
    assert build.commit() == "0123456789ab"


def git(folder: Path, *arguments: str) -> str:
    """What git answers in a folder; no settings of the machine count."""
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_checkout_tells_its_commit(tmp_path: Path) -> None:
    """The first twelve digits; `.dirty` after a change; a tag changes nothing."""
    assert commit_of(tmp_path) == UNKNOWN
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "--message=a")
    git(tmp_path, "tag", "--annotate", "v1", "--message=v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit_of(tmp_path) == head[:12]
    (tmp_path / "a").write_text("2")
    assert commit_of(tmp_path) == f"{head[:12]}.dirty"


@pytest.mark.parametrize(("commit", "told"), [("3ef644743f43", "+3ef644743f43"), (UNKNOWN, "")])
def test_the_version_of_the_engine(commit: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version and commit; the version alone where no commit is known."""
    monkeypatch.setattr(build, "commit", lambda: commit)
    assert engine_version.__wrapped__() == f"{__version__}{told}"


def test_the_build_reads_the_commit_without_a_library() -> None:
    """The hook of the build imports the module where nothing is installed."""
    root = Path(build.__file__).parents[1]
    program = f"import sys; sys.path.insert(0, {str(root)!r}); import decision_service.build"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
