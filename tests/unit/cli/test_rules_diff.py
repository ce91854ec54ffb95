"""`rules diff`: two versions side by side, from files or by product and number."""

from __future__ import annotations

import json

from tests.unit.cli.commands import WORKED_EXAMPLE, command, product_folder

EXAMPLE = WORKED_EXAMPLE / "v1.yaml"


def second_version(folder, *edits):
    """A second version beside the first, with some texts replaced."""
    text = EXAMPLE.read_text().replace("version: 1", "version: 2", 1)
    for old, new in edits:
        text = text.replace(old, new, 1)
    (folder / "v2.yaml").write_text(text)
    return folder / "v2.yaml"


def test_versions_are_named_by_product_and_number(capsys, tmp_path):
    """`product@1` and `product@2` are found, and the changes printed by group."""
    second_version(product_folder(tmp_path), ("2026-12-01: 6}", "2026-12-01: 8}"))
    words = ("personal-loan-ph@1", "personal-loan-ph@v2", "--rules", tmp_path / "rules")
    done = command(capsys, "rules", "diff", *words)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "personal-loan-ph v1 → personal-loan-ph v2: 2 changes",
        "about the version",
        "  version from 1 to 2",
        "parameters",
        "  minimum income months (min_income_months) from 6 to 8 on 2026-12-01",
    ]


def test_files_anywhere_are_compared(capsys, tmp_path):
    """A file outside a rules folder is taken at its word as to its product."""
    other = second_version(tmp_path)
    done = command(capsys, "rules", "diff", EXAMPLE, other.rename(tmp_path / "other.yaml"))
    assert done.code == 0
    assert "identical behaviour under another name" in done.out


def test_a_file_against_itself_is_identical(capsys):
    """Equal digests are said to be identical behaviour."""
    done = command(capsys, "rules", "diff", EXAMPLE, EXAMPLE)
    assert done.code == 0
    assert "identical behaviour (digest " in done.out


def test_json_lists_the_changes(capsys, tmp_path):
    """`--format json` gives both sides and each change with its texts."""
    other = second_version(tmp_path, ("points: 40", "points: 45"))
    done = command(capsys, "rules", "diff", EXAMPLE, other, "--format", "json")
    found = json.loads(done.out)
    assert (found["identical"], found["before"]["version"], found["after"]["version"]) == (
        False,
        1,
        2,
    )
    change = found["changes"][-1]
    assert (change["group"], change["before"], change["after"]) == ("stage score", "40", "45")


def test_a_side_that_does_not_compile_is_a_finding(capsys, tmp_path):
    """A broken file gives exit code 1 and its located errors."""
    other = second_version(tmp_path, ("points: 40", "points: forty"))
    done = command(capsys, "rules", "diff", EXAMPLE, other)
    assert (done.code, done.out) == (1, "")
    assert "v2.yaml:" in done.err


def test_a_side_that_is_not_there_is_wrong_usage(capsys):
    """A name that is neither file nor version gives exit code 2 and one sentence."""
    done = command(capsys, "rules", "diff", EXAMPLE, "nowhere.yaml")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
