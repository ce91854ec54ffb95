"""The files of dist/release, as the make target has left them."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile

import pytest

from decision_service import __version__
from deploy.release.build import OUT, ROOT, SBOM
from deploy.release.closure import needed
from deploy.release.installation import EXTRAS


def test_every_file_has_its_checksum() -> None:
    """In the form of `sha256sum --check`, and no file is without one."""
    lines = [line.split("  ") for line in (OUT / "SHA256SUMS").read_text().splitlines()]
    names = {one.name for one in OUT.iterdir()}
    assert {name for _, name in lines} == names - {"SHA256SUMS"}
    for digest, name in lines:
        assert hashlib.sha256((OUT / name).read_bytes()).hexdigest() == digest


def test_the_bill_of_materials_is_what_is_installed() -> None:
    """Each package that the release needs, at the version that the lock pins, with its licence."""
    bill = json.loads((OUT / SBOM).read_text())
    pinned = dict(re.findall(r"^([\w.-]+)==([^ ]+)", (OUT / "requirements.txt").read_text(), re.M))
    found = {one["purl"].removeprefix("pkg:pypi/") for one in bill["components"]}
    release = pinned.pop("decision-service")
    assert found == {f"{name}@{version}" for name, version in pinned.items()}
    assert {*pinned} == needed()
    assert bill["metadata"]["component"]["version"] == release == __version__
    lines = (OUT / "LICENCES.txt").read_text().splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        f"{a} {b}" for a, b in sorted(pinned.items())
    ]


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_has_a_lock_in_the_release_and_in_the_package(extra: str) -> None:
    """All that the package with this extra needs, by hash; both name the same."""
    text = (OUT / f"requirements-{extra}.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==([^ ]+)", text, re.M))
    assert needed(extra=extra) <= {*pinned}
    assert pinned.pop("decision-service") == __version__
    [wheel] = OUT.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.read(f"decision_service/starter/requirements/{extra}.txt").decode()
    assert dict(re.findall(r"^([\w.-]+)==([^ ]+)", inside, re.M)) == pinned
    assert text.count("--hash=sha256:") > len(pinned)


@pytest.mark.parametrize("name", [SBOM, "requirements.txt", "LICENCES.txt"])
def test_a_release_tells_nothing_of_the_machine_that_made_it(name: str) -> None:
    """Neither the place of the checkout nor a temporary folder."""
    text = (OUT / name).read_text()
    assert str(ROOT) not in text
    assert not re.search(r"file:/|/tmp/", text)


def test_the_wheel_knows_its_commit() -> None:
    """`commit.txt` is inside, so that decisions tell what made them."""
    [wheel] = OUT.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        told = archive.read("decision_service/commit.txt").decode().strip()
    assert re.fullmatch(r"[0-9a-f]{12}(\.dirty)?", told)
