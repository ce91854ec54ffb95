"""Files of a rules folder: read into texts, and replaced as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from decision_service.build import starter_rules
from decision_service.rulebook.folder import (
    MOST_BYTES,
    MOST_LIST_BYTES,
    RuleFolder,
    RulesFolderMissing,
    TextFile,
    read_rules,
    write_whole,
)
from tests.kits.stored_person import reachable_folder


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    """A rules folder with these files by path."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def problems(folder: RuleFolder) -> dict[str, str]:
    """Sentences by path, after checking that each is one line."""
    assert all("\n" not in one.sentence for one in folder.unreadable)
    return {one.path: one.sentence for one in folder.unreadable}


def test_every_file_of_a_product_finds_its_place(tmp_path: Path) -> None:
    """Versions by number, plan, tables, tests, stories and shared data are read as they are."""
    root = make(
        tmp_path / "rules",
        {
            "loan/v1.yaml": "one",
            "loan/v12.yaml": "twelve ₱",
            "loan/rollout.yaml": "plan",
            "loan/desk.yaml": "desk",
            "loan/tables/limit.csv": "a,b\r\n",
            "loan/tests/v1.yaml": "cases",
            "loan/stories/george.yaml": "title: George",
            "advance/v1.yaml": "advance",
            "_data/employers.yaml": "own",
        },
    )
    folder = read_rules(root)
    advance, loan = folder.products
    assert (advance.product, loan.product) == ("advance", "loan")
    assert loan.path == "rules/loan"
    assert {version: file.text for version, file in loan.rulesets.items()} == {
        1: "one",
        12: "twelve ₱",
    }
    assert loan.rulesets[12].path == "rules/loan/v12.yaml"
    assert loan.plan is not None
    assert (loan.plan.path, loan.plan.text) == ("rules/loan/rollout.yaml", "plan")
    assert loan.desk == TextFile("rules/loan/desk.yaml", "desk")
    assert dict(loan.tables) == {"tables/limit.csv": "a,b\r\n"}
    assert [(file.path, file.text) for file in loan.tests] == [
        ("rules/loan/tests/v1.yaml", "cases")
    ]
    assert [(file.path, file.text) for file in loan.stories] == [
        ("rules/loan/stories/george.yaml", "title: George")
    ]
    assert folder.data["employers.yaml"] == "own"
    assert folder.unreadable == ()


def test_a_product_may_lack_everything(tmp_path: Path) -> None:
    """An empty product folder is a product without files, which the loader will remark on."""
    (tmp_path / "loan").mkdir()
    (product,) = read_rules(tmp_path).products
    assert (dict(product.rulesets), product.plan, product.tests) == ({}, None, ())


def test_hidden_and_reserved_names_are_left_alone(tmp_path: Path) -> None:
    """`_schema`, `.git`, an editor's swap file and `_old.yaml` are no products and no files."""
    root = make(
        tmp_path,
        {
            "_schema/v1.yaml": "x",
            ".git/v1.yaml": "x",
            "loan/.v1.yaml": "x",
            "loan/_old.yaml": "x",
            "loan/README.md": "x",
            "loan/v1.yaml~": "x",
            "loan/tables/notes.txt": "x",
            "CHANGELOG.md": "x",
        },
    )
    folder = read_rules(root)
    assert [product.product for product in folder.products] == ["loan"]
    assert dict(folder.products[0].rulesets) == {}
    assert folder.unreadable == ()


@pytest.mark.parametrize("name", ["v0.yaml", "v01.yaml", "V2.yaml", "v2.yml", "2.yaml", "plan.yml"])
def test_a_misnamed_yaml_file_is_a_problem(tmp_path: Path, name: str) -> None:
    """A version that nobody would ever load is reported with the names that work."""
    root = make(tmp_path / "rules", {f"loan/{name}": "x"})
    folder = read_rules(root)
    assert dict(folder.products[0].rulesets) == {}
    assert "v1.yaml" in problems(folder)[f"rules/loan/{name}"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"caf\xe9", "UTF-8 at byte 3"),
        (b"\xff\xfea\x00", "UTF-16: save it as UTF-8"),
        (b"a\x00,\x00", "UTF-16: save it as UTF-8"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"x" * (MOST_BYTES + 1), "256 KiB"),
    ],
)
def test_what_is_no_text_of_fair_size_is_a_problem(
    tmp_path: Path, content: bytes, word: str
) -> None:
    """Other encodings and large files are reported by path; the rest of the folder is read."""
    root = make(tmp_path / "rules", {"loan/v1.yaml": content, "loan/v2.yaml": "good"})
    folder = read_rules(root)
    assert list(folder.products[0].rulesets) == [2]
    assert word in problems(folder)["rules/loan/v1.yaml"]


def test_the_largest_files_are_read(tmp_path: Path) -> None:
    """A rule file of exactly 256 KiB is whole, a larger story is refused."""
    files = {"loan/v1.yaml": "x" * MOST_BYTES, "loan/stories/a.yaml": "z" * (MOST_BYTES + 1)}
    root = make(tmp_path, files)
    folder = read_rules(root)
    (loan,) = folder.products
    assert len(loan.rulesets[1].text) == MOST_BYTES
    assert (loan.stories, len(folder.unreadable)) == ((), 1)


@pytest.mark.parametrize(
    ("text", "fit"),
    [("key\n" + "".join(f"{n}\n" for n in range(50_000)), 4), ("x" * MOST_LIST_BYTES, 4)],
    ids=["keys", "bytes"],
)
def test_lists_are_bounded_together(tmp_path: Path, text: str, fit: int) -> None:
    """The list with which those of all products and of `_shared` are too many is named."""
    folders = ("advance", "loan", "loan", "_shared", "_shared")
    paths = [f"{folder}/lists/l{number}.csv" for number, folder in enumerate(folders)]
    root = make(tmp_path / "rules", {**dict.fromkeys(paths, text), "loan/v1.yaml": ""})
    assert not problems(read_rules(root)).keys() & {f"rules/{path}" for path in paths[:fit]}
    sentence = problems(read_rules(root))[f"rules/{paths[fit]}"]
    assert sentence == (
        "with this list those of the rules folder have more than 200,000 keys or 16 MiB together: "
        "shorten or remove some"
    )


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """A file or a whole product that is a link to elsewhere is reported and not read."""
    outside = make(tmp_path / "outside", {"secret.yaml": "secret", "v1.yaml": "secret"})
    root = make(tmp_path / "rules", {"loan/v2.yaml": "good"})
    (root / "loan" / "v1.yaml").symlink_to(outside / "secret.yaml")
    (root / "other").symlink_to(outside)
    folder = read_rules(root)
    assert "secret" not in repr(folder.products)
    found = problems(folder)
    assert "link out" in found["rules/loan/v1.yaml"]
    assert "link out" in found["rules/other"]


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("outside", "a link out of the rules folder"),
        ("rules/nothing", "a link to nothing"),
        ("rules/{folder}", "Too many levels"),
    ],
)
@pytest.mark.parametrize("folder", ["loan/tables", "loan/tests", "_data", "_shared"])
def test_a_linked_folder_that_is_not_read_is_one_problem(
    tmp_path: Path, folder: str, target: str, sentence: str
) -> None:
    """A folder that is a link out, to nothing or in a circle is reported once, by its own path."""
    make(tmp_path / "outside", {"a.csv": "a", "b.csv": "b", "a.yaml": "a"})
    root = make(tmp_path / "rules", {"loan/v1.yaml": "x"})
    (root / folder).symlink_to(tmp_path / target.format(folder=folder))
    found = problems(read_rules(root))
    assert [*found] == [f"rules/{folder}"]
    assert sentence in found[f"rules/{folder}"]


def test_a_link_inside_the_folder_is_read(tmp_path: Path) -> None:
    """Deployments that swap a link to a hidden folder of files are read through it."""
    root = make(tmp_path / "rules", {"..2026_11/loan/v1.yaml": "good"})
    (root / "loan").symlink_to("..2026_11/loan")
    assert read_rules(root).products[0].rulesets[1].text == "good"


def test_links_that_lead_nowhere_are_problems(tmp_path: Path) -> None:
    """A dangling link and a circle of links are reported."""
    root = make(tmp_path / "rules", {"loan/v3.yaml": "good"})
    (root / "loan" / "v1.yaml").symlink_to("nothing.yaml")
    (root / "loan" / "v2.yaml").symlink_to("v2.yaml")
    folder = read_rules(root)
    assert list(folder.products[0].rulesets) == [3]
    assert sorted(problems(folder)) == ["rules/loan/v1.yaml", "rules/loan/v2.yaml"]


def test_what_is_no_file_is_a_problem(tmp_path: Path) -> None:
    """A folder or a pipe by a version's name is reported, and the pipe is not waited for."""
    root = make(tmp_path / "rules", {"loan/v3.yaml": "good"})
    (root / "loan" / "v1.yaml").mkdir()
    os.mkfifo(root / "loan" / "v2.yaml")
    (root / "loan" / "tables").write_text("no folder")
    found = problems(read_rules(root))
    assert sorted(found) == ["rules/loan/tables", "rules/loan/v1.yaml", "rules/loan/v2.yaml"]


def test_a_file_without_permission_is_a_problem() -> None:
    """What the service's user may not read is reported by path, with the system's reason."""
    with reachable_folder() as folder:
        root = make(folder / "rules", {"loan/v1.yaml": "x", "loan/v2.yaml": "good"})
        (root / "loan" / "v1.yaml").chmod(0)
        read = read_rules(root)
    assert list(read.products[0].rulesets) == [2]
    assert "Permission denied" in problems(read)["rules/loan/v1.yaml"]


def test_names_that_are_no_unicode_can_be_shown(tmp_path: Path) -> None:
    """A file whose name is no UTF-8 is reported under a path that can be printed."""
    root = make(tmp_path / "rules", {"loan/v1.yaml": "good"})
    Path(os.fsdecode(os.fsencode(root / "loan") + b"/v\xff.yaml")).write_text("x")
    (path,) = problems(read_rules(root))
    assert path.encode() == b"rules/loan/v\\udcff.yaml"


def test_a_relative_root_is_shown_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in messages can be opened from where the command was run."""
    make(tmp_path, {"conf/rules/loan/v1.yaml": "x"})
    monkeypatch.chdir(tmp_path)
    assert read_rules(Path("conf/rules")).products[0].path == "conf/rules/loan"
    monkeypatch.chdir(tmp_path / "conf" / "rules")
    assert read_rules(Path()).products[0].path == "rules/loan"


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_missing_folder_is_named(tmp_path: Path, name: str) -> None:
    """A root that does not exist or is no folder raises one sentence with its path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(RulesFolderMissing) as missing:
        read_rules(tmp_path / name)
    assert str(tmp_path / name) in str(missing.value)
    assert "\n" not in str(missing.value)


def test_the_packages_data_files_are_read_where_a_folder_has_none_of_its_own(
    tmp_path: Path,
) -> None:
    """A file of the folder replaces the package's file of its name; others are added to it."""
    root = make(tmp_path / "rules", {"loan/v1.yaml": "x"})
    without = read_rules(root)
    make(root, {"_data/employers.yaml": "own"})
    folder = read_rules(root)
    package = {path.name: path.read_text() for path in (starter_rules() / "_data").iterdir()}
    assert (dict(without.data), without.shipped) == (package, tuple(sorted(package)))
    assert folder.data == {**package, "employers.yaml": "own"}
    assert folder.shipped == tuple(sorted({*package} - {"employers.yaml"}))


@pytest.mark.parametrize("name", ["provider_type.yaml", "employers.yml"])
def test_a_misnamed_data_file_is_a_problem(tmp_path: Path, name: str) -> None:
    """A data file that no rule would ever read is reported, not passed over for the package's."""
    root = make(tmp_path / "rules", {"loan/v1.yaml": "x", f"_data/{name}": "x"})
    assert "provider_types.yaml" in problems(read_rules(root))[f"rules/_data/{name}"]


def test_the_content_is_replaced_and_nothing_else_is_left(tmp_path):
    """The text is written byte for byte, and the folder holds that file alone."""
    file = tmp_path / "a.yaml"
    file.write_text("old")
    write_whole(file, "é\r\nnew")
    assert file.read_bytes() == "é\r\nnew".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]


def test_a_new_file_can_be_read_by_others_and_an_old_one_keeps_its_mode(tmp_path):
    """A new file has the mode 644, another one what it had."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("x")
    old.chmod(0o600)
    for file in (new, old):
        write_whole(file, "y")
    assert [stat.S_IMODE(f.stat().st_mode) for f in (new, old)] == [0o644, 0o600]


def test_a_failure_leaves_the_old_content(tmp_path, monkeypatch):
    """Where the disk refuses, the old content stands and nothing lies beside it."""
    file = tmp_path / "a.yaml"
    file.write_text("old")

    def refuse(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new")
    assert (file.read_text(), [p.name for p in tmp_path.iterdir()]) == ("old", ["a.yaml"])


def test_a_link_is_followed(tmp_path):
    """The file behind a link gets the content; the link stays one."""
    file, link = tmp_path / "a", tmp_path / "b"
    file.write_text("old")
    link.symlink_to(file)
    write_whole(link, "new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")
