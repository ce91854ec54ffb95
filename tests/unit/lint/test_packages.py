"""Packages: pinned versions, lowest bounds, licences, advisories and the installation."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx2
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from lint import audit
from lint.advisories import (
    Advisories,
    AdvisoriesUnusable,
    Kept,
    affects,
    read_advisories,
    read_kept,
    serving,
    take,
)
from lint.audit import findings, main, newer
from lint.licences import Allowed, listed
from lint.locks import Pinned, lock_files, read_lock
from tests.kits.cases import cases

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {one.name: one for one in map(Requirement, PROJECT["dependencies"])}
PINNED = {one.name: one.version for one in read_lock(ROOT / "requirements" / "runtime.txt")}
GENERATED = ROOT / "decision_service" / "api" / "v1"


@pytest.mark.parametrize("name", NEEDED)
def test_a_library_has_a_lower_bound_that_the_lock_meets(name: str) -> None:
    """Each has exactly a least version, and the tests run with that release or a later one."""
    [bound] = NEEDED[name].specifier
    assert bound.operator == ">="
    assert bound.contains(PINNED[name])


def test_a_plain_install_has_nothing_that_only_rule_writers_need() -> None:
    """Neither by itself nor by another library."""
    extras = PROJECT["optional-dependencies"]
    named = {Requirement(one).name for one in (*extras["workbench"], *extras["ray"])}
    assert named == {"pyarrow", "ray", "z3-solver"}
    assert not named & {*NEEDED, *PINNED}


def test_generated_code_can_be_imported_at_the_lower_bounds() -> None:
    """It refuses older libraries than those that it was generated for."""
    messages = (GENERATED / "values_pb2.py").read_text(encoding="utf-8")
    numbers = re.search(r"Domain\.PUBLIC,\s+(\d+),\s+(\d+),\s+(\d+)", messages)
    assert numbers is not None
    services = (GENERATED / "decision_service_pb2_grpc.py").read_text(encoding="utf-8")
    version = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", services)
    assert version is not None
    assert _least("protobuf") >= Version(".".join(numbers.groups()))
    assert _least("grpcio") >= Version(version[1])


def _least(name: str) -> Version:
    [bound] = NEEDED[name].specifier
    return Version(bound.version)


ALLOWED = Allowed.read()
LOCKED = [one for path in lock_files() for one in read_lock(path)]


def test_every_installed_package_has_an_allowed_licence() -> None:
    """Each one that this environment has; those of other systems are not installed."""
    found = dict(listed({one.name for one in LOCKED}, ALLOWED))
    refused = {
        package: licence
        for package, licence in found.items()
        if licence != "not installed" and not ALLOWED.permits(package, licence)
    }
    assert refused == {}
    assert (found["certifi"], found["pathspec"]) == ("MPL-2.0", "MPL-2.0")


def test_every_pinned_file_has_a_hash() -> None:
    """In each of the lock files, none of which is empty."""
    assert len(LOCKED) > 200
    assert [one.name for one in LOCKED if not one.hashes] == []


@pytest.mark.parametrize(("package", "expression", "allowed"), cases("lint/licences"))
def test_an_expression_is_judged_by_its_parts(
    package: str, expression: str, *, allowed: bool
) -> None:
    """Of OR one side is enough, of AND all count; an exception is one package's."""
    assert ALLOWED.permits(package, expression) is allowed


def record(**affected: Any) -> dict[str, Any]:
    """A record of the package `some-package`, affected as given."""
    package = {"name": "Some.Package", "ecosystem": "PyPI"}
    return {"id": "X-1", "modified": "2026-11-20", "affected": [{"package": package, **affected}]}


def within(*events: dict[str, str]) -> dict[str, Any]:
    """A record of one range."""
    return record(ranges=[{"type": "ECOSYSTEM", "events": [*events]}])


RANGE = within({"introduced": "1.2"}, {"fixed": "1.10"})
LAST = within({"introduced": "0"}, {"last_affected": "2.0"})
TWICE = within({"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"fixed": "2.0.1"})


@pytest.mark.parametrize(
    ("one", "inside", "outside"),
    [
        (RANGE, ["1.2", "1.9.9"], ["1.1", "1.10", "2.0"]),
        (LAST, ["0.1", "2.0"], ["2.0.1"]),
        (TWICE, ["1.4", "2.0"], ["1.5", "1.9", "2.0.1"]),
        (record(versions=["1.0", "2.0.0"]), ["1.0", "2.0"], ["1.0.1"]),
        (record(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}]), [], ["1.0"]),
    ],
)
def test_a_record_affects_what_it_names(
    one: dict[str, Any], inside: list[str], outside: list[str]
) -> None:
    """By range, by the last affected version, in several spans, and one by one."""
    assert [affects(one, "some-package", version) for version in inside] == [True] * len(inside)
    assert [affects(one, "some-package", version) for version in outside] == [False] * len(outside)
    assert not any(affects(one, "another", version) for version in inside)


@pytest.mark.parametrize("zipped", [True, False])
def test_mounted_records_answer_as_the_service_does(tmp_path: Path, *, zipped: bool) -> None:
    """From a folder or a ZIP file, under any spelling of the name."""
    text = json.dumps(RANGE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "X-1.json").write_text(text)
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("X-1.json", text)
    advisories = read_advisories(tmp_path / ("all.zip" if zipped else "folder"))
    assert (advisories.total, advisories.newest) == (1, "2026-11-20")
    with serving(advisories) as url:
        for version, told in (("1.2", {"vulns": [RANGE]}), ("2.0", {})):
            asked = {"package": {"name": "some_package", "ecosystem": "PyPI"}, "version": version}
            assert httpx2.post(url, json=asked).json() == told


@pytest.mark.parametrize("text", ["", "{", '{"id": "X-2"}', "[]"])
def test_a_mount_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    """An empty folder, broken records and records of nothing are no advisories."""
    if text:
        (tmp_path / "X-2.json").write_text(text)
    with pytest.raises(AdvisoriesUnusable):
        read_advisories(tmp_path)


@pytest.mark.parametrize("given", ["http://127.0.0.1:1/v1/query", "/nowhere/all.zip"])
def test_an_audit_without_advisories_says_so(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no success: the exit code is 2, and the words say what to mount."""
    assert main([given]) == 2
    told = capsys.readouterr().out
    assert "Nothing was audited" in told
    assert "ADVISORIES=" in told


def test_an_audit_that_compares_nothing_is_no_success(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says NOT COMPARED with the date, counts no findings, and ends with a code of its own."""
    monkeypatch.setattr(audit, "read_kept", lambda: Kept("", "", [], []))
    assert main([]) == audit.NOT_COMPARED
    told = capsys.readouterr().out
    assert "NOT COMPARED" in told
    assert "never taken" in told
    assert "findings" not in told


def test_kept_advisories_find_what_is_pinned(tmp_path: Path) -> None:
    """Taken from a service or a mount alike, of any version, of the pinned packages alone."""
    other = json.loads(json.dumps(LAST).replace("Some.Package", "other").replace("X-1", "X-2"))
    for one in (RANGE | {"details": "long"}, other):
        (tmp_path / f"{one['id']}.json").write_text(json.dumps(one))
    with serving(read_advisories(tmp_path)) as url:
        for source in (url, str(tmp_path)):
            kept = take(source, ["Some_Package", "unknown"], tmp_path / "kept")
            assert kept == read_kept(tmp_path / "kept")
            assert kept.packages == ["some-package", "unknown"]
            assert [one["id"] for one in kept.advisories] == ["X-1"]
            assert "long" not in (tmp_path / "kept").read_text()
            advisories = Advisories.of_records(kept.advisories)
            assert [len(advisories.of("some-package", at)) for at in ("1.2", "2.0")] == [1, 0]
    later = [Pinned("some-package", "1", 1), Pinned("New_One", "1", 1)]
    assert [line.split(":")[0] for line in newer(later, kept)] == ["new-one"]


def test_a_source_that_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    """What was taken before stays."""
    (tmp_path / "kept").write_text("as before")
    with pytest.raises(AdvisoriesUnusable):
        take("http://127.0.0.1:1/v1/query", ["a"], tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "as before"


def test_the_file_beside_the_locks_can_be_read() -> None:
    """It says when it was taken, or that it never was: then it holds nothing."""
    kept = read_kept()
    assert bool(kept.taken) == bool(kept.source) == bool(kept.packages)
    assert kept.taken or not kept.advisories


def test_a_package_that_was_not_audited_is_a_finding() -> None:
    """As one that is vulnerable is; one with neither is none."""
    vulnerable = {"id": "X-1", "fix_versions": ["1.10"]}
    told = findings(
        [
            {"name": "a", "version": "1", "vulns": []},
            {"name": "b", "version": "1.2", "vulns": [vulnerable]},
            {"name": "c", "skip_reason": "not found"},
        ]
    )
    assert [*told] == ["b 1.2: X-1, mended in 1.10", "c: not audited: not found"]
