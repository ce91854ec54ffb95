"""rules publish: everything is checked, then every file is listed by its digest."""

from __future__ import annotations

import pytest

from decision_service.build import starter_rules
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.manifest import digest
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import read
from tests.fakes.world import NOW
from tests.unit.cli.commands import command, product_folder

RECORDED = "  - name: a recorded person"
FLOORS = (("coverage", 20), ("figures", 0))


def publishable(tmp_path):
    """The worked example's product, with the tests that need no recording, and a low floor."""
    folder = product_folder(tmp_path)
    tests = folder / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition(RECORDED)[0])
    (folder.parent / "policy.yaml").write_text("floors: {coverage: 20, figures: 0}\n")
    return folder


@pytest.fixture
def product(tmp_path):
    """A product that can be published."""
    return publishable(tmp_path)


@pytest.fixture
def publish(capsys, tmp_path):
    """Publish the folder by J. Cruz."""

    def run(*words):
        words = words or (tmp_path / "rules",)
        return command(capsys, "rules", "publish", *words, "--by", "J. Cruz")

    return run


def test_a_good_folder_is_published_with_who_and_every_file(publish, product):
    """The manifest says who and when, and has the digest of each file; then the folder loads."""
    done = publish()
    low = [f"policy.yaml asks for {n} % of {name} alone, not for 100 %" for name, n in FLOORS]
    assert (done.code, done.err, done.out.splitlines()[:2]) == (0, "", low)
    manifest = product.parent / "manifest.yaml"
    node = read("m", manifest.read_text(), Report())
    assert node.get("by").text == "J. Cruz"
    files = {entry.key: entry.value.text for entry in node.get("files").entries}
    own = {
        f"personal-loan-ph/{name}": digest((product / name).read_text())
        for name in ("v1.yaml", "rollout.yaml", "tests/v1.yaml")
    }
    own["policy.yaml"] = digest((product.parent / "policy.yaml").read_text())
    package = (starter_rules() / "_data").glob("*.yaml")
    assert files == own | {f"_data/{one.name}": digest(one.read_text()) for one in package}
    assert load_rules(read_rules(product.parent), NOW).rulebook is not None


def test_the_whole_folder_is_published_from_any_part_of_it(publish, product):
    assert publish(product).code == 0
    assert (product.parent / "manifest.yaml").exists()


def test_after_an_edit_authors_go_on_and_a_service_does_not(publish, product, capsys):
    """`check` warns of what is not published and `test` runs; loading refuses the folder."""
    publish()
    file = product / "v1.yaml"
    file.write_text(file.read_text().replace("points: 40", "points: 45"))
    checked = command(capsys, "rules", "check", product.parent)
    tested = command(capsys, "rules", "test", product.parent)
    assert (checked.code, tested.code) == (0, 0)
    assert "warning M002: `personal-loan-ph/v1.yaml`" in checked.out
    assert load_rules(read_rules(product.parent), NOW).rulebook is None


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("v1.yaml", "points: 40", "points: forty", "error R122"),
        ("rollout.yaml", "champion: 1", "champion: 7", "error"),
        ("tests/v1.yaml", "outcome: APPROVE", "outcome: DECLINE", "fails: outcome is APPROVE"),
        ("tests/v1.yaml", "", None, "error T003: personal-loan-ph v1 is the plan's champion"),
    ],
)
def test_a_folder_with_a_mistake_is_not_published(publish, product, name, old, new, part):
    file = product / name
    assert old in file.read_text()
    if new is None:
        file.unlink()
    else:
        file.write_text(file.read_text().replace(old, new, 1))
    done = publish()
    assert (done.code, done.out) == (1, "")
    assert part in done.err
    assert not (product.parent / "manifest.yaml").exists()


def test_a_failed_publication_leaves_the_last_one(publish, product):
    publish()
    manifest = product.parent / "manifest.yaml"
    before = manifest.read_bytes()
    (product / "v1.yaml").write_text("ruleset: 1\n")
    assert publish().code == 1
    assert manifest.read_bytes() == before
    left = {"_law", "claims.json", "manifest.yaml", "policy.yaml", product.name}
    assert {p.name for p in product.parent.iterdir()} == left


@pytest.mark.parametrize("by", ["", "  ", "a\nb", "x" * 201])
def test_who_publishes_must_be_a_name(capsys, product, by):
    done = command(capsys, "rules", "publish", product.parent, "--by", by)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
