"""What a program was built from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_service import build

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
