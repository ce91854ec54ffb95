"""The manifest: a digest of every file, and who wrote them."""

from __future__ import annotations

import hashlib
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.rulebook.folder import TextFile, read_rules
from decision_service.rulebook.manifest import (
    Publication,
    digest,
    manifest_problems,
    manifest_text,
)
from tests.fakes.examples import examples
from tests.fakes.world import loaded
from tests.unit.rules.kit import ROOT

PATH = "rules/manifest.yaml"

AT = "2026-11-24T04:00:00Z"

BY = Publication("J. Cruz", AT)

CONTENTS = {"a/v1.yaml": "x: 1\n", "a/tables/t.csv": "a,b\n", "_data/p.yaml": "é\n"}

TEXTS = st.dictionaries(
    st.text("abz/._-0 é\"'", min_size=1, max_size=12), st.text(max_size=20), max_size=5
)


def codes(contents, text=None):
    """The codes and files of what is wrong with contents."""
    text = manifest_text(BY, CONTENTS) if text is None else text
    return [(d.code, d.file, d.line) for d in manifest_problems(PATH, text, contents)]


@settings(max_examples=examples(15), deadline=None)
@given(TEXTS, st.text("a\"':#é{}[] 1", min_size=1, max_size=20).filter(str.strip))
def test_a_folder_matches_its_own_manifest(contents, by):
    """Whatever the names, texts and publisher, a folder matches the manifest made of it."""
    contents = {"x": "", **contents}
    assert manifest_problems(PATH, manifest_text(Publication(by, AT), contents), contents) == ()


def test_a_digest_is_that_of_the_files_bytes():
    """The digest is what `sha256sum` prints for the file."""
    assert digest("é\n") == hashlib.sha256("é\n".encode()).hexdigest()


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (CONTENTS, []),
        ({**CONTENTS, "a/v1.yaml": "x: 2\n"}, [("M002", PATH, 7)]),
        ({**CONTENTS, "a/v2.yaml": "x: 2\n"}, [("M003", "rules/a/v2.yaml", 1)]),
        ({"a/v1.yaml": "x: 1\n"}, [("M001", PATH, 5), ("M001", PATH, 6)]),
    ],
)
def test_each_difference_is_located(contents, found):
    """A changed or missing file is found in the manifest's line, an extra one in itself."""
    assert codes(contents) == found


@pytest.mark.parametrize(
    "text",
    ["", "files: {}\n", "by: x\nat: y\nfiles: 3\n", "by: x\nat: y\nfiles:\n  a/v1.yaml: [1]\n"],
)
def test_a_manifest_that_is_none_is_a_problem(text):
    """An empty, torn or misshapen manifest never counts as one that matches."""
    assert codes({}, text) != []


def shipped():
    """The shipped folder, as if it had been published."""
    folder = read_rules(ROOT / "rules")
    text = manifest_text(BY, folder.contents)
    return replace(folder, manifest=TextFile(PATH, text))


def test_the_contents_of_a_folder_are_all_its_files():
    """Every rule, plan, table, test and data file is in it, with its bytes; no law is."""
    root = ROOT / "rules"
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*.*")
        if path.suffix in (".yaml", ".csv") and path.parent.name != "_law"
    }
    files.pop("manifest.yaml", None)
    assert {k: v.encode() for k, v in read_rules(root).contents.items()} == files


def test_the_packages_data_files_are_in_what_is_stored_and_published(tmp_path):
    """A folder without `_data/` decides, is stored and is published as if the files lay in it."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.rmtree(tmp_path / "rules" / "_data")
    bare, whole = read_rules(tmp_path / "rules"), read_rules(ROOT / "rules")
    assert bare.contents == whole.contents
    loading, expected = loaded(bare), loaded(whole)
    assert loading.diagnostics == ()
    assert loading.texts == expected.texts
    text = manifest_text(BY, bare.contents)
    newer = replace(bare, data={**bare.data, "employers.yaml": "not_employers: []\n"})
    newer = replace(newer, manifest=TextFile(PATH, text))
    assert [d.code for d in loaded(newer).errors] == ["M002"]


def test_a_folder_that_was_copied_by_half_does_not_load():
    """A folder that lacks a published file gives no rulebook, and says which file."""
    folder = shipped()
    half = replace(folder, products=folder.products[:1])
    loading = loaded(half)
    assert loading.rulebook is None
    assert {d.code for d in loading.errors} == {"M001"}


def test_the_manifest_of_a_folder_is_read(tmp_path):
    """`manifest.yaml` at the top of the folder is read with its path, and is no product."""
    (tmp_path / "manifest.yaml").write_text("by: x\n")
    folder = read_rules(tmp_path)
    assert folder.manifest is not None
    assert folder.manifest.path.endswith("/manifest.yaml")
    assert (folder.manifest.text, folder.products) == ("by: x\n", ())


def test_a_manifest_that_cannot_be_read_refuses_the_folder(tmp_path):
    """A manifest that is no text is a problem, not an absent manifest."""
    (tmp_path / "manifest.yaml").write_bytes(b"\xff\xfe")
    assert [u.path.rpartition("/")[2] for u in read_rules(tmp_path).unreadable] == ["manifest.yaml"]


def test_a_file_that_versions_keep_is_as_good_as_the_packages() -> None:
    """Data that was published and that versions keep; any other text is still a difference."""
    before = {**CONTENTS, "_data/lags.yaml": "of before\n"}
    text = manifest_text(BY, before)
    newer = {**CONTENTS, "_data/lags.yaml": "newer\n"}
    assert [one.code for one in manifest_problems(PATH, text, newer)] == ["M002"]
    kept = {"_data/lags.yaml": ["of before\n"]}
    assert manifest_problems(PATH, text, newer, kept) == ()
    assert manifest_problems(PATH, text, CONTENTS, kept) == ()
    other = {"_data/lags.yaml": ["other\n"]}
    assert [one.code for one in manifest_problems(PATH, text, newer, other)] == ["M002"]


@pytest.mark.parametrize("at", ["yesterday", "2026-11-24", "2026-11-24T04:00:00+08:00"])
def test_an_instant_is_in_utc_to_the_second(at):
    """Anything else is a mistake of the manifest."""
    text = manifest_text(Publication("J. Cruz", at), CONTENTS)
    assert [code for code, _, _ in codes(CONTENTS, text)] == ["M004"]
