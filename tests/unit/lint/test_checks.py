"""What CI runs and skips: digests of inputs, records of green runs, and the table of the checks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from lint import checks
from lint.checks import Check, digest, due, files, matching, prints, read_table

ROOT = Path(__file__).parents[3]
NAMES = files(ROOT) if (ROOT / ".git").exists() else ()
EVERY = {*NAMES}
TABLE = read_table(ROOT)
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))", re.MULTILINE
)
"""A line that imports, in functions as well; a line of a text that looks so does no harm."""

PROGRAMS = {
    "decision-service": ["decision_service/**"],
    "mypy": ["decision_service/**", "lint/**"],
    "ruff": ["**/*.py"],
    "reliability": ["bench/reliability/**"],
}
"""What a program reads that is given no file."""

FOLDERS = ("decision_service", "deploy", "tests", "bench", "lint", "protos")

MAKEFILE = """
until = for i in $$(seq 120); do test -e $(1) && exit 0; sleep 0.25; done; exit 1
good:
	@echo said by good
	@touch ran-good
other:
	@touch ran-other
bad:
	@echo said by bad; exit 3
lacking:
	@echo '{"reason": "there is no Node", "count": 2, "lacking": true}' > $$SKIPS_FILE
one:
	@touch ran-one; $(call until,ran-two)
two:
	@touch ran-two; $(call until,ran-one)
quiet:
	@test ! -e ran-one && test ! -e ran-two
tool:
	@echo x >> installed
"""
TOML = """
common = [".ci/**", "!.ci/green.toml"]
[sets]
code = ["src/**", "@pages"]
pages = ["*.md"]
[check.good]
part = "service"
inputs = ["@code"]
tools = ["tool"]
[check.other]
part = "deploy"
inputs = ["deploy/**"]
tools = ["tool"]
[check.bad]
part = "rest"
inputs = ["src/**"]
[check.lacking]
part = "rest"
inputs = ["src/**"]
[check.one]
part = "pair"
inputs = ["src/**"]
[check.two]
part = "pair"
inputs = ["src/**"]
[check.quiet]
part = "pair"
inputs = ["src/**"]
alone = true
[check.each]
part = "never"
inputs = ["src/**"]
always = true
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A repository with a table of small checks, and nothing recorded."""
    for name, text in {
        "Makefile": MAKEFILE,
        ".ci/checks.toml": TOML,
        ".gitignore": "ran-*\ninstalled\n*.pyc\n",
        "src/a.py": "a = 1\n",
        "src/deep/b.py": "b = 1\n",
        "README.md": "# One\n",
        "deploy/chart.yaml": "a: 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "-C", tmp_path, "init", "--quiet"], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    return tmp_path


def ran(house: Path) -> set[str]:
    """The checks that ran since the last call."""
    found = {path.name.removeprefix("ran-") for path in house.glob("ran-*")}
    for path in house.glob("ran-*"):
        path.unlink()
    return found


def of(house: Path, name: str) -> str:
    """The digest of a check as the checkout is now."""
    return digest(read_table(house)[name], prints(house))


def changed_byte(house: Path) -> None:
    (house / "src/deep/b.py").write_text("b = 2\n")


def new_file(house: Path) -> None:
    (house / "src/c.py").write_text("")


def removed_file(house: Path) -> None:
    (house / "src/a.py").unlink()


def renamed_file(house: Path) -> None:
    (house / "src/a.py").rename(house / "src/z.py")


def moved_bytes(house: Path) -> None:
    (house / "src/a.py").write_text("a = 1\nb = 1\n")
    (house / "src/deep/b.py").write_text("")


def made_a_program(house: Path) -> None:
    (house / "src/a.py").chmod(0o755)


def made_a_link(house: Path) -> None:
    (house / "src/a.py").unlink()
    (house / "src/a.py").symlink_to("deep/b.py")


def changed_set(house: Path) -> None:
    (house / "README.md").write_text("# Two\n")


def changed_table(house: Path) -> None:
    (house / ".ci/checks.toml").write_text(TOML + "# more\n")


CHANGES = [
    changed_byte,
    new_file,
    removed_file,
    renamed_file,
    moved_bytes,
    made_a_program,
    made_a_link,
    changed_set,
    changed_table,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changes_of_the_inputs_changes_the_digest(house: Path, change) -> None:
    """A byte, a file more or less, a name, where a file ends, a kind, the table itself."""
    before = of(house, "good")
    assert before == of(house, "good")
    change(house)
    assert of(house, "good") != before


@pytest.mark.parametrize("name", ["deploy/chart.yaml", "src/a.pyc", ".ci/green.toml"])
def test_what_is_no_input_changes_no_digest(house: Path, name: str) -> None:
    """A file of other checks, one that git ignores, and the record itself."""
    before = of(house, "good")
    (house / name).write_text("x = 2\n")
    assert of(house, "good") == before


def test_another_python_gives_another_digest(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was green in one Python may not be in the next."""
    before = of(house, "good")
    monkeypatch.setattr(checks.sys, "version_info", (3, 99, 0))
    assert of(house, "good") != before


@pytest.mark.parametrize(
    ("glob", "name", "matches"),
    [
        ("a/**", "a/b/c.py", True),
        ("a/*", "a/b/c.py", False),
        ("a/*.py", "a/b.py", True),
        ("**/*.md", "x.md", True),
        ("**/*.md", "a/b/x.md", True),
        ("**", ".ci/run", True),
        ("a.py", "a.pyc", False),
        ("a.py", "abpy", False),
        ("a/**/b.py", "a/b.py", True),
        ("a?.py", "a/.py", False),
    ],
)
def test_a_glob_is_of_whole_paths(glob: str, name: str, matches: bool) -> None:
    """`**` crosses folders, `*` and `?` do not, and a point is a point."""
    assert matching([glob], [name]) == ([name] if matches else [])


def test_a_check_runs_until_a_green_run_of_its_inputs_is_recorded(house: Path) -> None:
    """Without a record, with another digest, or when nothing is to be skipped; else it is not."""
    assert checks.main(["good", "other"], house) == 0
    assert ran(house) == {"good", "other"}
    assert checks.main(["--record", "good", "deploy"], house) == 0
    assert ran(house) == {"good", "other"}
    assert checks.main(["good", "other"], house) == 0
    assert ran(house) == set()
    changed_byte(house)
    assert checks.main(["good", "other"], house) == 0
    assert ran(house) == {"good"}
    assert checks.main(["--all", "good", "other"], house) == 0
    assert ran(house) == {"good", "other"}
    assert (house / "installed").read_text() == "x\n" * 4


def test_what_failed_or_lacked_a_tool_is_not_recorded(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older record of it goes too; the others are kept."""
    checks.write_green({"bad": "1", "good": "2", "gone": "3"}, house)
    assert checks.main(["--record", "rest"], house) == 1
    assert checks.read_green(house) == {"good": "2"}
    said = capsys.readouterr().out
    assert "bad failed: call make bad" in said
    assert "said by bad" in said
    assert "2 skipped: there is no Node" in said
    assert re.search(r"^bad +FAILED +\d+ +\d+$", said, re.MULTILINE)


def test_always_means_whatever_is_recorded(house: Path) -> None:
    """A check that asks what no file says has no record that counts."""
    each = read_table(house)["each"]
    assert due([each], prints(house), {"each": of(house, "each")}) == [each]


def test_checks_run_at_once_and_one_that_measures_alone(house: Path) -> None:
    """`one` and `two` each end when the other has begun; `quiet` sees neither."""
    table, runner = read_table(house), checks.Runner(house, cores=2)
    runner.run([table[name] for name in ("one", "two", "quiet")])
    assert {name: one.code for name, one in runner.outcomes.items()} == {
        "quiet": 0,
        "one": 0,
        "two": 0,
    }


def test_an_unknown_name_is_refused(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence has the names that there are."""
    assert checks.main(["chart"], house) == 2
    assert "neither a check nor a part chart: name one of good, other" in capsys.readouterr().out


def test_a_set_that_is_not_there_is_refused(house: Path) -> None:
    """Not taken for a glob that matches nothing."""
    (house / ".ci/checks.toml").write_text(TOML.replace("@pages", "@page"))
    with pytest.raises(ValueError, match="good names the set @page"):
        read_table(house)


in_a_checkout = pytest.mark.skipif(not NAMES, reason="this is no checkout: git clone it")
each = pytest.mark.parametrize("check", TABLE.values(), ids=TABLE.keys())


@in_a_checkout
@each
def test_every_glob_of_the_table_matches_a_file(check: Check) -> None:
    """Those that take files out as well."""
    globs = [one.removeprefix("!") for one in check.inputs if one != f"!{checks.GREEN}"]
    assert [glob for glob in globs if not matching([glob], NAMES)] == []


def test_each_check_and_tool_is_a_target_once() -> None:
    """Of the Makefile or of a folder of deploy/; the table is all that CI calls."""
    makefiles = [ROOT / "Makefile", *ROOT.glob("deploy/*/*.mk")]
    text = "\n".join(one.read_text() for one in makefiles)
    for name in TABLE:
        assert len(re.findall(rf"^{re.escape(name)}:", text, re.MULTILINE)) == 1, name
    assert re.findall(r"^exec make (\S+)$", (ROOT / ".ci/run").read_text(), re.M) == ["check-all"]
    tools = {tool for one in TABLE.values() for tool in one.tools}
    done = make("--question", *tools)
    assert "No rule" not in done.stderr


@in_a_checkout
@each
def test_what_a_command_names_and_imports_is_among_its_inputs(check: Check) -> None:
    """Files, folders and modules of the command, and what they import, wherever they do."""
    inputs = {*matching(check.inputs, NAMES)}
    named = [*named_by(check.name)]
    assert named, f"make -n {check.name} names nothing of this checkout"
    assert sorted({*named, *closure(named)} - inputs) == []


@in_a_checkout
def test_every_test_belongs_to_a_check() -> None:
    """Those of deploy/ each to one, and the long ones to one as well."""
    found = {name: [*named_by(name)] for name in TABLE}
    parts = [found[name] for name, check in TABLE.items() if check.part == "deploy"]
    held = [name for names in parts for name in names]
    deploy = matching(["deploy/**/test_*.py"], NAMES)
    assert {name: held.count(name) for name in deploy} == dict.fromkeys(deploy, 1)
    long = [
        one
        for one in matching(["tests/**/test_*.py"], NAMES)
        if re.search(r"mark\.long\b", (ROOT / one).read_text())
    ]
    at = ("pages", "long-core", "long-rest", "check-wheel")
    among = [one for name in at for one in found[name]]
    assert {name: among.count(name) for name in long} == dict.fromkeys(long, 1)


@in_a_checkout
def test_what_does_not_ask_for_pages_reads_none() -> None:
    """`long-rest` is skipped where only pages changed: its tests and their kits name none."""
    reached = [one for one in closure(named_by("long-rest")) if one.startswith("tests/")]
    pages = re.compile(r"e2e\.page\b|\"README\.md|\"docs\".*\.md\b|\"docs/.*\.md\b")
    assert [one for one in reached if pages.search((ROOT / one).read_text())] == []


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """Call make in the checkout."""
    environ = {name: one for name, one in os.environ.items() if name not in checks.OF_MAKE}
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


def named_by(target: str) -> Iterator[str]:
    """The files of this checkout that a target's commands name, those of its folders too."""
    installed = [f"--old-file=.venv/.{path.stem}" for path in (ROOT / "requirements").glob("*.txt")]
    said = make("--dry-run", *installed, target).stdout
    words = re.findall(r"[\w./-]+", re.sub(r"--ignore=\S+", "", said))
    globs = [glob for word in words for glob in PROGRAMS.get(Path(word).name, ())]
    tested = [word for word in words if word.startswith(("tests/", "deploy/"))]
    if ".venv/bin/pytest" in words and not tested:
        globs.append("tests/**/test_*.py")
    for word in words:
        place = word.replace(".", "/")
        if word.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
            globs += [word, f"{word}/**/test_*.py"]
        elif "." in word and word.split(".")[0] in FOLDERS:
            globs += [f"{place}.py", f"{place}/__main__.py"]
    yield from matching(globs, NAMES)


def closure(starts: Iterable[str]) -> set[str]:
    """The modules of this checkout that importing these brings in, at any place of their code."""
    found: set[str] = set()
    waiting = [*starts]
    while waiting:
        name = waiting.pop()
        if name not in found and name.endswith(".py"):
            found.add(name)
            waiting += imports(name)
    return found


@cache
def imports(name: str) -> list[str]:
    """The files of what a file's lines import, of the packages above it too."""
    found = []
    for module, names, plain in IMPORT.findall((ROOT / name).read_text(encoding="utf-8")):
        level = len(module) - len(module.lstrip("."))
        above = name.split("/")[:-level] if level else []
        base = ".".join([*above, *module.lstrip(".").split(".")]).strip(".")
        wanted = [f"{base}.{one}" for one in re.findall(r"\w+", names)] if module else []
        for one in wanted or re.findall(r"[\w.]+", plain):
            found += modules(one)
    return found


def modules(name: str) -> Iterator[str]:
    """The files of a module and of the packages that it is in."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        place = "/".join(parts[:end])
        yield from (one for one in (f"{place}.py", f"{place}/__init__.py") if one in EVERY)


def test_the_program_can_be_called() -> None:
    """As the Makefile does, from a checkout; it lists and runs nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "lint.checks", "--list"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line.split()[0] for line in done.stdout.splitlines()] == [*TABLE]
