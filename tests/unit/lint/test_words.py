"""What public pages and lines may say, and what a stranger meets first."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest
import yaml

from lint import plain
from lint.marks import marks_of
from lint.plain import LIST, PACKAGE, digest_of, findings, listed, shrink
from lint.public_ground import DATA, GroundRules
from tests.kits.cases import cases

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


FILE = "decision_service/some/place.py"

RULES = """
[[rule]]
name = "knobs"
match = 'use gc\\..*'
use = "leave it"
allowed = ["decision_service/cli/serve.py"]

[[rule]]
name = "private"
match = 'import (.*\\.)?_.*'
use = "use what is documented"
folders = ["decision_service", "tests"]
"""

KNOWN = f"""
[[known]]
rule = "knobs"
file = "{FILE}"
times = 1
reason = "for now"
"""

KNOB = "import gc\ngc.freeze()\n"


def errors(source: str, file: str = FILE, known: str = "") -> list[str]:
    return [*GroundRules.read(RULES + known).errors([(file, source)])]


def test_a_new_place_is_named_with_what_to_use_instead() -> None:
    """File, line, what it does, the rule, and the way that is open."""
    assert errors(KNOB) == [f"{FILE}:2: use gc.freeze (knobs): leave it"]


def test_a_rule_holds_in_its_folders() -> None:
    """A file that may always do it, and folders that the rule does not name, are left alone."""
    assert errors(KNOB, "decision_service/cli/serve.py") == []
    assert errors(KNOB, "tests/unit/test_x.py") == []
    assert len(errors("from a import _b", "tests/unit/test_x.py")) == 1


def test_a_known_place_may_stand() -> None:
    """As often as it is listed."""
    assert errors(KNOB, known=KNOWN) == []


def test_a_second_place_in_a_known_file_is_an_error() -> None:
    """All of the file's places are named, since none says which is new."""
    assert len(errors(f"{KNOB}gc.collect()\n", known=KNOWN)) == 2


@pytest.mark.parametrize("file", [FILE, "decision_service/other.py"])
def test_a_known_place_that_is_gone_is_an_error(file: str) -> None:
    """Whether the line went or the whole file did."""
    [error] = errors("import json\n", file, known=KNOWN)
    assert f"{FILE} breaks knobs 0 times and not 1" in error
    assert "take the entry out" in error


def test_a_known_place_names_a_rule() -> None:
    """A misspelt entry must not be taken for one that holds."""
    with pytest.raises(ValueError, match="no rule is called noobs"):
        GroundRules.read(RULES + KNOWN.replace("knobs", "noobs"))


@pytest.mark.parametrize("source", cases("lint/public_ground")["forbidden"])
def test_the_projects_rules_forbid_it(source: str) -> None:
    """However it is written."""
    assert [*GroundRules.read(DATA.read_text()).breaches(FILE, source)]


@pytest.mark.parametrize("source", cases("lint/public_ground")["allowed"])
def test_the_projects_rules_allow_it(source: str) -> None:
    """What is documented, and what only has a similar name."""
    assert [*GroundRules.read(DATA.read_text()).breaches(FILE, source)] == []


CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/lint/plain.yaml").read_text(encoding="utf-8")
)

BAD = "a, b = 1, 2\n"


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_line_does_one_thing(case: dict[str, str]) -> None:
    """What does more is named with its line, and nothing else is."""
    found = findings(case["text"])
    last = case["text"].count("\n") + 1
    assert [one.line for one in found] == ([last] if "said" in case else [])
    assert all(one.said.startswith(case["said"]) for one in found)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A module that breaks a rule, and a plain one."""
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "old.py").write_text(BAD)
    (tmp_path / PACKAGE / "new.py").write_text("a = 1\n")
    return tmp_path


def test_a_listed_file_may_stay_as_it_is_until_it_is_changed(checkout: Path) -> None:
    """The digest in the list is that of the file when the rules came."""
    old = checkout / PACKAGE / "old.py"
    text = f"{digest_of(old)} {PACKAGE}/old.py\n"
    assert [*plain.errors(checkout, text)] == []
    old.write_text(f"# changed\n{BAD}")
    [said] = plain.errors(checkout, text)
    assert said.startswith(f"{PACKAGE}/old.py:2: several names are assigned at once")
    assert "was changed, and so leaves" in said


def test_a_new_file_is_plain(checkout: Path) -> None:
    """What is not in the list has no line that does more."""
    assert len([*plain.errors(checkout, "")]) == 1


def test_the_list_only_shrinks(checkout: Path) -> None:
    """A mended file is asked out of it; shrinking adds none."""
    file = checkout / "plain.txt"
    file.write_text(f"000000000000 {PACKAGE}/new.py\n")
    [first, second] = plain.errors(checkout, file.read_text())
    assert "old.py:1:" in first
    assert second.startswith(f"{PACKAGE}/new.py breaks no rule any more")
    shrink(checkout, file)
    assert listed(file.read_text()) == {}


def test_the_list_of_this_checkout_is_in_order() -> None:
    """Each file of it is there once."""
    lines = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(listed(LIST.read_text()))


@pytest.mark.parametrize(("source", "mark"), cases("lint/marks")["marked"])
def test_what_code_does_is_marked(source: str, mark: str) -> None:
    """Under whatever name something was imported, and however it is changed."""
    assert mark in [found.text for found in marks_of(source)]


@pytest.mark.parametrize("source", cases("lint/marks")["alike"])
def test_what_only_looks_alike_is_not_marked(source: str) -> None:
    """Comments, sentences, the package's own modules and names that no import bound."""
    texts = [found.text for found in marks_of(source)]
    assert not [text for text in texts if text.startswith(("import", "use", "set", "text"))]


def test_a_mark_stands_on_its_line() -> None:
    """The line of what does it, not of the statement around it."""
    lines = {mark.text: mark.line for mark in marks_of("f(\n  1,\n  g.x,\n)")}
    assert lines == {"attribute x": 3}


TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|deploy)/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    """A claim never rests on a test that was renamed or removed."""
    written = rf"^ *(?:async )?def {name}\("
    assert re.search(written, (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_every_claim_names_its_test() -> None:
    """Each row of what stops somebody ends with a test."""
    claims = [line for line in TEXT.splitlines() if line.startswith("| ") and line.count("|") == 4]
    parts = [line.split("|") for line in claims]
    shown = [part for part in parts if part[2].strip().startswith("what stops")]
    assert len(shown) >= 8, "the tables of what stops whom"
    heads = {"shown by", "what the service does about it"}
    bare = [
        line
        for line, part in zip(claims, parts, strict=True)
        if part[3].strip() not in heads | {"–"} and not re.search("`(tests|deploy)/", part[3])
    ]
    assert bare == []
