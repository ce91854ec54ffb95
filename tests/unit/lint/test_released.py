"""Released rules stay as they were released: versions whole, lines of `_data` in their order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy.release.sources import Refused, require_entry, require_tag
from lint.released import FILE, ROOT, changed, releases, write
from tests.fakes.shipped import CHAMPION

LOAN = "personal-loan-ph"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The shipped rules, released as 9.0.0."""
    ignored = shutil.ignore_patterns("_released.toml")
    shutil.copytree(ROOT / "rules", tmp_path / "rules", ignore=ignored)
    assert write("9.0.0", tmp_path)
    return tmp_path


NEXT = CHAMPION + 1


def edit(file: Path, before: str, after: str) -> None:
    """Replace the first place of a text in a file."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def test_what_is_as_released_is_in_order(checkout: Path) -> None:
    """Also with comments, and with a further version and further lines of `_data`."""
    assert [*changed(checkout)] == []
    loan = checkout / "rules" / LOAN
    edit(loan / "v1.yaml", "version: 1", "# a remark\nversion: 1")
    following = (loan / "v2.yaml").read_text().replace("version: 2", f"version: {NEXT}")
    (loan / f"v{NEXT}.yaml").write_text(following)
    employers = checkout / "rules" / "_data" / "employers.yaml"
    edit(employers, "  - voluntary\n", "  - voluntary\n  - of his own\n")
    assert [*changed(checkout)] == []


def test_a_changed_version_is_to_be_the_next_one(checkout: Path) -> None:
    """Its file is named, the release, and the number that the change takes."""
    edit(checkout / "rules" / LOAN / "v1.yaml", "value: 8000", "value: 9000")
    [found] = changed(checkout)
    assert found.startswith(f"rules/{LOAN}/v1.yaml: other content was released with 9.0.0")
    assert found.endswith(f"make the change v{NEXT}")


def test_a_table_is_content_of_the_version_that_reads_it(checkout: Path) -> None:
    """A changed row is a change of the version."""
    [table, *_] = sorted((checkout / "rules" / LOAN / "tables").glob("*.csv"))
    edit(table, ">= 30000", ">= 31000")
    assert all(f"rules/{LOAN}/v" in one for one in changed(checkout))
    assert [*changed(checkout)] != []


def test_a_version_that_was_released_stays(checkout: Path) -> None:
    """A removed file is named."""
    (checkout / "rules" / LOAN / "v1.yaml").unlink()
    [found] = changed(checkout)
    assert (
        found == f"rules/{LOAN}/v1.yaml: it was released with 9.0.0 and is not there: bring it back"
    )


def test_lines_of_data_are_never_changed(checkout: Path) -> None:
    """A line that is gone, or that says something else."""
    edit(checkout / "rules" / "_data" / "employers.yaml", "  - voluntary member\n", "")
    [found] = changed(checkout)
    assert found.startswith("rules/_data/employers.yaml: a line of release 9.0.0 was changed")


def test_lines_of_data_keep_their_order(checkout: Path) -> None:
    edit(
        checkout / "rules" / "_data" / "employers.yaml",
        "  - voluntary\n  - voluntary member\n",
        "  - voluntary member\n  - voluntary\n",
    )
    [found] = changed(checkout)
    assert found.startswith("rules/_data/employers.yaml: a line of release 9.0.0 was changed")


def test_a_release_writes_its_entry_once(checkout: Path) -> None:
    """The first call writes it and asks for a commit and a tag; the next one finds it."""
    with pytest.raises(Refused, match=r"has the entry 9\.1\.0 now: commit it, tag .* v9\.1\.0"):
        require_entry(checkout, "9.1.0")
    require_entry(checkout, "9.1.0")
    assert [*releases(checkout)] == ["9.0.0", "9.1.0"]
    assert (checkout / FILE).read_text().startswith("#")


def test_a_version_is_not_released_twice_with_other_content(checkout: Path) -> None:
    """A further version of rules, or another schema, needs the next number."""
    loan = checkout / "rules" / LOAN
    following = (loan / "v2.yaml").read_text().replace("version: 2", f"version: {NEXT}")
    (loan / f"v{NEXT}.yaml").write_text(following)
    with pytest.raises(
        Refused, match=rf"9\.0\.0 with other content of {LOAN} v{NEXT}: .*next version"
    ):
        require_entry(checkout, "9.0.0")
    (loan / f"v{NEXT}.yaml").unlink()
    edit(checkout / "rules" / "_schema" / "plan.schema.json", "{", "{ ")
    with pytest.raises(Refused, match=r"plan\.schema\.json"):
        require_entry(checkout, "9.0.0")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout")
def test_a_release_is_a_tagged_commit() -> None:
    """The sentence has the command."""
    with pytest.raises(Refused, match=r"no tag v0\.0\.77: call git tag v0\.0\.77"):
        require_tag(ROOT, "0.0.77")


def test_the_shipped_rules_are_as_they_were_released() -> None:
    """Of every release that the file names."""
    assert [*changed()] == []
