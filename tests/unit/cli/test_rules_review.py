"""Two states of a rules folder, compared in one comment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from decision_service.cli.errors import Exit
from tests.unit.cli.commands import SHIPPED, command

PRODUCT = "personal-loan-ph"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the tags `shipped`, `changed`, `broken` and `empty`."""
    root = tmp_path_factory.mktemp("repository")
    _git(root, "init", "--quiet")
    (root / "README.md").write_text("Rules.\n")
    _commit(root, "empty")
    shutil.copytree(SHIPPED, root / "rules")
    _commit(root, "shipped")
    version = root / "rules" / PRODUCT / "v1.yaml"
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


@pytest.mark.long
def test_a_change_is_told_with_the_test_that_it_breaks(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Findings stand first; the difference, the tests and what is gone follow."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "review", "shipped", "changed", "--out", "comment.md")
    assert (done.code, done.out) == (Exit.FINDINGS, "")
    text = (repository / "comment.md").read_text()
    assert text.startswith("# Rules from shipped to changed\n\nFindings:\n\n- ")
    assert f"- {PRODUCT} v1: 1 test fails" in text
    assert f"## {PRODUCT} v1 (champion) against v1\n\n- parameters: minimum monthly" in text
    assert "- eight thousand a month is the least this loan needs: outcome is DECLINE" in text
    assert f"## Versions that are gone\n\n- {PRODUCT} v2" in text


def test_rules_that_do_not_load_are_a_finding(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check tells where; nothing else can be said."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "review", "shipped", "broken")
    assert done.code == Exit.FINDINGS
    assert f"the first at rules/{PRODUCT}/v1.yaml:" in done.out
    assert "## Tests" not in done.out
    mended = command(capsys, "rules", "review", "broken", "changed")
    assert "## Before\n\nThe rules as they were do not load" in mended.out


def _small(capsys: pytest.CaptureFixture[str], folder: Path) -> Path:
    """A folder with the product that `rules new` writes."""
    folder.mkdir()
    command(capsys, "rules", "new", "small-loan", "--rules", folder)
    return folder


def test_the_same_rules_have_no_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two folders with one content; figures are tried for changed versions alone."""
    rules = _small(capsys, tmp_path / "rules")
    done = command(capsys, "rules", "review", rules, rules)
    assert done.code == Exit.DONE
    assert "No findings." in done.out
    assert "No version decides otherwise than before." in done.out
    assert "## Figures" not in done.out


def test_a_plan_is_reviewed_as_rules_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan that alone changes is told in words, and lists beside it."""
    old, new = (_small(capsys, tmp_path / name) for name in ("old", "new"))
    plan = new / "small-loan" / "rollout.yaml"
    plan.write_text(plan.read_text().replace("percent: 1,", "percent: 2,"))
    (new / "_shared" / "lists").mkdir(parents=True)
    (new / "_shared" / "lists" / "partners.csv").write_text("key\nA\n")
    done = command(capsys, "rules", "review", old, new)
    assert "No version decides otherwise than before." in done.out
    expected = (
        "## Rollout plan of small-loan\n\n- go-live: stage pilot: percent from 1 to 2 (loosens)"
    )
    assert expected in done.out
    assert "## Lists\n\n- _shared/lists/partners.csv is new: 1 key\n" in done.out


def test_a_changed_version_has_its_figures_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is a finding where fewer changes are noticed than asked for."""
    old, new = (_small(capsys, tmp_path / name) for name in ("old", "new"))
    version = new / "small-loan" / "v1.yaml"
    version.write_text(version.read_text().replace("Small loan", "Little loan"))
    lines = (new / "small-loan" / "tests" / "v1.yaml").read_text().splitlines(keepends=True)
    second = [place for place, line in enumerate(lines) if line.startswith("  - name:")][1]
    (new / "small-loan" / "tests" / "v1.yaml").write_text("".join(lines[:second]))
    done = command(capsys, "rules", "review", old, new, "--fail-under-figures", "100")
    assert done.code == Exit.FINDINGS
    assert "- small-loan v1: figures " in done.out
    assert "no test notices " in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing", "shipped"), "nothing is neither a folder nor a revision"),
        (("--", "--all", "shipped"), "--all is neither a folder nor a revision"),
        (("empty", "shipped"), "the revision empty has no folder rules below this one"),
        (("shipped", "changed", "--rules", "../rules"), "name it as it lies below this folder"),
        (("shipped", "changed", "--by", "month"), "give --cases"),
        (("shipped", "changed", "--cases", "nothing.jsonl"), "nothing.jsonl cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...],
    told: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On stderr, with exit code 2."""
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "review", *words)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert told in done.err


def test_without_git_two_folders_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A revision outside of a repository, or without git, is told with what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = command(capsys, "rules", "review", "main", "HEAD")
    assert "there is no git repository here" in done.err
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command(capsys, "rules", "review", "main", "HEAD")
    assert (done.code, "git is not installed" in done.err) == (Exit.USAGE, True)
