"""`rules fmt`: files laid out anew in place, or only looked at."""

from __future__ import annotations

import stat

import pytest

from decision_service.factors.registry import catalogue
from decision_service.language.yaml.layout import laid_out
from decision_service.ruleset.compile.compiler import compile_ruleset
from decision_service.ruleset.program.model import RulesetFiles
from tests.unit.cli.commands import SHIPPED, WORKED_EXAMPLE, command, product_folder

RULESETS = [*sorted(SHIPPED.glob("*/v*.yaml")), WORKED_EXAMPLE / "v1.yaml"]
UNTIDY = (
    (WORKED_EXAMPLE / "v1.yaml")
    .read_text()
    .replace("max_age: 35d ", "max_age:    35d ")
    .replace("base: 200\n", "base:  200   \n\n\n")
)
RULE = "      - id: no_source\n        when: accounts.connected_count == 0\n"


def digest(path, text):
    """The digest of a version's text beside its tables and shared data."""
    shared = {p.name: p.read_text() for p in (path.parent.parent / "_data").glob("*.yaml")}
    tables = {f"tables/{p.name}": p.read_text() for p in path.parent.glob("tables/*.csv")}
    product = next(line for line in text.splitlines() if line.startswith("ruleset:"))
    name = product.partition(":")[2].strip()
    files = RulesetFiles(name, f"rules/{name}/{path.name}", text, shared, tables)
    return compile_ruleset(files, catalogue()).ruleset.digest


@pytest.mark.parametrize("path", RULESETS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_layout_keeps_the_digest(path):
    """A rule file in canonical layout has the digest that it had before."""
    text = path.read_text()
    squeezed = text.replace(": ", ":   ").replace("\n\n", "\n\n\n")
    assert digest(path, laid_out(squeezed)) == digest(path, text)


def test_an_untidy_file_is_laid_out_and_then_rests(capsys, tmp_path):
    """The file is written in canonical layout; a second run changes nothing."""
    file = product_folder(tmp_path, UNTIDY) / "v1.yaml"
    first = command(capsys, "rules", "fmt", tmp_path / "rules")
    written = file.read_text()
    second = command(capsys, "rules", "fmt", tmp_path / "rules")
    assert (first.code, second.code, written) == (0, 0, laid_out(UNTIDY))
    assert "1 changed, 0 left" in first.out
    assert "0 changed, 1 left" in second.out
    assert file.read_text() == written


def test_check_writes_nothing_and_finds_what_would_change(capsys, tmp_path):
    """`--check` gives exit code 1 and names the file, which stays as it is."""
    file = product_folder(tmp_path, UNTIDY) / "v1.yaml"
    done = command(capsys, "rules", "fmt", file, "--check")
    assert (done.code, file.read_text()) == (1, UNTIDY)
    assert f"{file}: would be laid out anew" in done.out


def test_check_is_content_with_what_ships(capsys):
    """The shipped rule files are in canonical layout."""
    assert command(capsys, "rules", "fmt", SHIPPED, "--check").code == 0


def test_a_condition_within_braces_gets_its_own_line(capsys, tmp_path):
    """A rule written as a flow map becomes one line a key."""
    flow = RULE.replace("- id", "- {id").replace("\n        ", ", ")
    flow = flow.replace("== 0\n", "== 0, then: REFER, reason: NO_VERIFIED_SOURCE}\n")
    rest = "        then: REFER\n        reason: NO_VERIFIED_SOURCE\n"
    text = (WORKED_EXAMPLE / "v1.yaml").read_text()
    assert RULE + rest in text
    file = product_folder(tmp_path, text.replace(RULE + rest, flow)) / "v1.yaml"
    assert command(capsys, "rules", "fmt", file).code == 0
    assert file.read_text() == laid_out(text)


def test_a_file_that_does_not_compile_is_left_alone_and_the_others_are_not(capsys, tmp_path):
    """A broken version keeps its text and gives exit code 1; a good one is laid out."""
    folder = product_folder(tmp_path, UNTIDY)
    broken = UNTIDY.replace("version: 1", "version: 2").replace("income.months_24m <", "x.y <")
    (folder / "v2.yaml").write_text(broken)
    done = command(capsys, "rules", "fmt", folder)
    assert done.code == 1
    assert "v2.yaml does not compile" in done.err
    assert (folder / "v2.yaml").read_text() == broken
    assert (folder / "v1.yaml").read_text() == laid_out(UNTIDY)


def test_a_text_that_cannot_be_laid_out_is_left_alone_in_one_sentence(capsys, tmp_path):
    """A text over several lines with a gap in it is refused, with its place."""
    text = UNTIDY.replace("title: Personal loan,", "title: Personal loan,\n\n ")
    file = product_folder(tmp_path, text) / "v1.yaml"
    done = command(capsys, "rules", "fmt", file)
    assert (done.code, file.read_text()) == (1, text)
    assert "v1.yaml:4:1: the layout stays as it is" in done.err


def test_permissions_stay_and_nothing_is_left_behind(capsys, tmp_path):
    """The file keeps its mode, and no temporary file stays beside it."""
    folder = product_folder(tmp_path, UNTIDY)
    (folder / "v1.yaml").chmod(0o640)
    before = sorted(p.name for p in folder.iterdir())
    assert command(capsys, "rules", "fmt", folder).code == 0
    assert stat.S_IMODE((folder / "v1.yaml").stat().st_mode) == 0o640
    assert sorted(p.name for p in folder.iterdir()) == before


def test_a_folder_without_rule_files_is_wrong_usage(capsys, tmp_path):
    """Nothing to lay out gives exit code 2 and one sentence."""
    done = command(capsys, "rules", "fmt", tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_the_condition_of_a_stage_stands_on_its_own_line():
    """A stage in braces is written out where it has a condition, as a rule is."""
    stage = "stages:\n  - {name: a, applies_when: income.months_12m > 3, rules: []}\n"
    written = "stages:\n  - name: a\n    applies_when: income.months_12m > 3\n    rules: []\n"
    assert laid_out(stage) == written
