"""What is in the built image, and as whom it runs."""

from __future__ import annotations

import os
from pathlib import Path

from unpacked import ROOT, USER, config, manifest

MOST_MEGABYTES = 90  # compressed, as it is pulled
MOST_LAYERS = 4
TEMPORARY = {"tmp", "run/lock", "var/lock", "var/tmp"}
PACKAGES = ROOT / "opt/decision-service/lib"


def test_no_base_is_named_by_a_tag() -> None:
    """A tag may come to mean another image: whoever builds names the base by its digest."""
    lines = (Path(__file__).parent / "Containerfile").read_text().splitlines()
    named = [line.split()[1] for line in lines if line.startswith(("FROM ", "ARG BASE", "ARG BUI"))]
    assert named == ["BASE", "BUILDER=${BASE}", "${BUILDER}", "${BASE}"]


def test_it_is_as_small_as_it_says() -> None:
    """At most 90 MB to pull, in at most four layers."""
    sizes = [layer["size"] / 1e6 for layer in manifest()["layers"]]
    assert sum(sizes) <= MOST_MEGABYTES
    assert len(sizes) <= MOST_LAYERS


def test_it_runs_as_a_user_without_rights() -> None:
    """A number, so that a platform can see that the user is not root."""
    assert config()["User"] == f"{USER}:{USER}"
    assert (config()["Entrypoint"], config()["Cmd"]) == (["decision-service"], ["serve"])
    assert not [entry for entry in config()["Env"] if "SECRET" in entry or "PASSWORD" in entry]


def test_its_user_can_write_no_file_of_it() -> None:
    """Only /data and folders for temporary files are the user's or anybody's; none has setuid."""
    writable = set()
    for folder, folders, files in os.walk(ROOT):
        for path in (Path(folder, name) for name in (*folders, *files)):
            found = path.lstat()
            assert not found.st_mode & 0o6000 or path.is_dir(), path
            if not path.is_symlink() and (found.st_uid == USER or found.st_mode & 0o002):
                writable.add(str(path.relative_to(ROOT)))
    assert writable <= TEMPORARY | {"data"}
    assert "data" in writable


def test_it_knows_the_authorities_of_tls() -> None:
    """The vendor's certificate is verified by those of the system."""
    bundle = (ROOT / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert bundle.count("BEGIN CERTIFICATE") > 50


def test_nothing_in_it_installs_or_compiles() -> None:
    """No pip, no package cache, no test; modules are compiled, and do not depend on file times."""
    assert not [*PACKAGES.glob("*/site-packages/pip"), *PACKAGES.glob("*/site-packages/hatchling")]
    [compiled] = PACKAGES.glob("*/site-packages/decision_service/__pycache__/__main__.*.pyc")
    assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 1  # unchecked (PEP 552)


def test_files_have_the_time_of_the_source() -> None:
    """All files of the service have one time, so that the same source gives the same image."""
    times = {path.lstat().st_mtime for path in (ROOT / "opt/decision-service").rglob("*")}
    assert len(times) == 1


def test_it_names_the_commit() -> None:
    """Decisions of the image name what it was built from."""
    told = PACKAGES.glob("*/site-packages/decision_service/commit.txt")
    assert [one.read_text().strip() != "" for one in told] == [True]
