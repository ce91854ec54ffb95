"""`rules diff` of git revisions, and what a change does to people of a case file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from decision_service.cli.output import Exit
from tests.fakes.shipped import CHAMPION
from tests.kits.cases import cases
from tests.unit.cli.commands import SHIPPED, command

PRODUCT = "personal-loan-ph"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the tags `shipped`, `changed`, `broken` and `empty`."""
    root = tmp_path_factory.mktemp("repository")
    _git(root, "init", "--quiet")
    (root / "README.md").write_text("Rules.\n")
    _commit(root, "empty")
    shutil.copytree(SHIPPED, root / "rules", ignore=shutil.ignore_patterns("gig-advance-ph"))
    _commit(root, "shipped")
    version = root / "rules" / PRODUCT / f"v{CHAMPION}.yaml"
    text = version.read_text()
    old, new = ("min_monthly_income: {type: money, value: " + n + "}" for n in ("8000", "9000"))
    version.write_text(text.replace(old, new))
    (root / "rules" / PRODUCT / "v2.yaml").unlink()
    for file in (root / "rules" / PRODUCT).glob("*/*v2*.yaml"):
        file.unlink()
    _commit(root, "changed")
    version.write_text(text.replace(old, "min_monthly_income: {type: mony, value: 1}"))
    _commit(root, "broken")
    return root


def _git(root: Path, *words: str) -> None:
    own = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *own, *words), cwd=root, check=True, capture_output=True)


def _commit(root: Path, tag: str) -> None:
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", tag)
    _git(root, "tag", tag)


def test_two_revisions_are_compared_as_two_folders_are(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is gone, and each change in words."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", "shipped", "changed")
    assert (done.code, done.err) == (Exit.DONE, "")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "shipped → changed",
        f"{PRODUCT} v2 is gone",
        f"{PRODUCT} v{CHAMPION} (champion) against v{CHAMPION}: 1 change",
    ]
    assert "minimum monthly income (min_monthly_income) from 8000 to 9000" in lines[4]


@pytest.mark.parametrize("sides", [("shipped", "broken"), ("broken", "changed")])
def test_a_revision_that_does_not_load_is_a_finding(
    sides: tuple[str, str],
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the place of its error, whichever side it is."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", *sides)
    assert (done.code, done.out) == (Exit.FINDINGS, "")
    assert f"{PRODUCT}/v{CHAMPION}.yaml:" in done.err


@pytest.mark.parametrize(("words", "told"), cases("cli/rules_revisions"))
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...],
    told: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, with exit code 2."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", *words)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert told in done.err


def test_without_git_two_folders_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A revision outside of a repository, or without git, is refused with what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = command(capsys, "rules", "diff", "main", "HEAD")
    assert "there is no git repository here" in done.err
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command(capsys, "rules", "diff", "main", "HEAD")
    assert (done.code, "git is not installed" in done.err) == (Exit.USAGE, True)
