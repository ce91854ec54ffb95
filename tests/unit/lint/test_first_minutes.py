"""What a stranger meets first: README, pages' first sentences, `make help`, the installation."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), DOCS / "decisions" / "README.md"])
MAKEFILE = ROOT / "Makefile"
GROUPS = ["First steps", "Develop", "Check", "Measure", "Deploy"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_each_page_begins_with_what_the_reader_can_do_after_it(page: Path) -> None:
    """The first sentence under the title."""
    title, empty, first = page.read_text(encoding="utf-8").splitlines()[:3]
    assert title.startswith("# ")
    assert empty == ""
    assert first.startswith("After this page you can ")


def test_the_readme_is_one_screen() -> None:
    """At most 60 lines of 100 columns."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert [line for line in lines if len(line) > 100] == []


def test_the_readme_leads_to_every_page() -> None:
    """And to none that there is not."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {f"docs/{page.relative_to(DOCS)}" for page in PAGES} == set(
        re.findall(r"\]\((docs/[^)]+\.md)\)", text)
    )


def test_make_help_groups_its_targets_in_80_columns() -> None:
    """Each documented target is once in a group; demo, serve and console are first steps."""
    lines = made("help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    groups = dict[str, list[str]]()
    for line in filter(None, lines):
        if line.startswith("  "):
            groups[next(reversed(groups))].append(line.split()[0])
        else:
            groups[line] = []
    assert list(groups) == GROUPS
    assert {"help", "demo", "serve", "console"} == set(groups["First steps"])
    files = [MAKEFILE, *ROOT.glob("deploy/*/*.mk")]
    targets = [
        one for file in files for one in re.findall(r"^\.PHONY: (\S+)$", file.read_text(), re.M)
    ]
    assert sorted(chain.from_iterable(groups.values())) == sorted(targets)


def test_every_program_of_the_lint_is_called_by_a_target() -> None:
    programs = [file for file in (ROOT / "lint").glob("*.py") if "__main__" in file.read_text()]
    called = re.findall(r"^\t@?\$\(BIN\)/python -m lint\.(\w+)", MAKEFILE.read_text(), re.M)
    assert {file.stem for file in programs} == set(called)


@pytest.mark.parametrize("code", [0, 3])
def test_the_installation_shows_each_package_and_stops_where_pip_stops(
    tmp_path: Path, code: int
) -> None:
    """A line a package while pip works; pip's exit code ends it, and nothing runs then."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    pip = f"echo 'Collecting rich==15.0.0 (from -r x)'; echo Other; exit {code}"
    for name, text in (("pip", pip), ("python", ""), ("decision-service", "echo decided")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = made("demo", folder=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Installing what the service needs into .venv ...", "  rich==15.0.0"]
    assert (done.returncode == 0, lines[-1] == "decided") == ((code == 0),) * 2


def made(target: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `make` by the repository's Makefile in a folder."""
    words = ["make", "--no-print-directory", "-f", str(MAKEFILE), target]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
