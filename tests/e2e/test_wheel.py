"""The built package, installed in an environment of its own and run in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from decision_service import __version__
from tests.e2e.process import demo_and_next
from tests.e2e.service import ROOT

PROGRAM = "decision-service"


@dataclass(frozen=True, slots=True)
class Installed:
    """The package's archive, and the folder of programs where it is installed."""

    wheel: Path
    programs: Path

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed program to its end."""
        return subprocess.run(
            [self.programs / PROGRAM, *arguments],
            cwd=cwd,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def environ(self) -> dict[str, str]:
        """No setting, and no way to the checkout."""
        theirs = {name: one for name, one in os.environ.items() if not _leads_here(name)}
        quiet = {"DECISION_GRPC_ADDRESS": "127.0.0.1:0", "DECISION_HTTP_ADDRESS": "127.0.0.1:0"} | {
            "DECISION_ADMIN_ADDRESS": "127.0.0.1:0"
        }
        return theirs | quiet


@contextmanager
def serving(installed: Installed, folder: Path, *arguments: str) -> Iterator[str]:
    """`serve` in a folder, with what it printed at its start; ended in order."""
    popen = subprocess.Popen(
        [installed.programs / PROGRAM, "serve", *arguments],
        cwd=folder,
        env=installed.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert popen.stdout is not None
        yield "".join(takewhile(lambda line: "Ctrl-C" not in line, popen.stdout))
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(60) == 0
    finally:
        popen.kill()
        popen.communicate()


def _leads_here(name: str) -> bool:
    return name.startswith("DECISION_") or name in {"PYTHONPATH", "VIRTUAL_ENV"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with this checkout's files, and nothing that git ignores."""
    folder = tmp_path_factory.mktemp("sources")
    listed = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message=As it is")
    return folder


@pytest.fixture(scope="module")
def installed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package as pip builds it of a repository, isolated, in an environment of nothing else.

    The libraries that it needs come at the versions of the lock.
    """
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    pip = [programs / "python", "-m", "pip"]
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    versions = folder / "versions.txt"
    versions.write_text("\n".join(re.findall(r"^\S+==[^\s;]+", lock, re.MULTILINE)))
    package = f"git+file://{sources}"
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, package, cwd=folder)
    [wheel] = folder.glob("*.whl")
    _run(*pip, "install", "--quiet", "--constraint", versions, wheel, cwd=folder)
    return Installed(wheel, programs)


@pytest.mark.long
def test_the_demo_decides_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    """What a plain installation brings decides for the made-up people, and leaves nothing."""
    done = installed.run("sandbox", "demo", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Recorded 4 decisions; replaying each gives the same answer." in done.stdout
    assert "store for this run alone" in done.stdout
    assert not [*tmp_path.iterdir()]


@pytest.mark.long
def test_what_the_demo_of_the_package_prints_last_runs_as_printed(
    installed: Installed, tmp_path: Path
) -> None:
    """Without a checkout: a decision, a folder of rules, and the demo by those rules."""
    out = demo_and_next(str(installed.programs / PROGRAM), tmp_path)
    assert re.search(r"^DECLINE", out, re.MULTILINE)
    assert out.count("replaying each gives the same answer") == 2
    assert (tmp_path / "mine" / "rules").is_dir()


@pytest.mark.long
def test_a_folder_is_begun_and_used(installed: Installed, tmp_path: Path) -> None:
    """`init` writes rules whose tests pass and settings that `serve` takes, once."""
    done = installed.run("init", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    mine = tmp_path / "mine"
    assert sorted(one.name for one in mine.iterdir()) == ["decision-service.yaml", "rules"]
    assert installed.run("rules", "test", cwd=mine).returncode == 0
    with serving(installed, mine, "--config", "decision-service.yaml") as told:
        assert "of the package" not in told
    assert installed.run("init", "--deploy", "deploy", cwd=tmp_path).returncode == 0
    assert (tmp_path / "deploy" / "systemd" / "decision-service@.service").is_file()
    again = installed.run("init", "mine", cwd=tmp_path)
    assert (again.returncode, "mine is not empty (" in again.stderr) == (2, True)


@pytest.mark.long
def test_the_version_tells_the_commit(installed: Installed, sources: Path, tmp_path: Path) -> None:
    """The installed program says which commit it was built from."""
    told = installed.run("--version", cwd=tmp_path).stdout
    assert told.split()[1] == f"{__version__}+{_git(sources, 'rev-parse', 'HEAD')[:12]}"


@pytest.mark.long
def test_everything_that_is_given_to_others_is_inside(installed: Installed) -> None:
    """Every rule file, proto and service config of the checkout, and the licence, as they are."""
    given = [one for top in ("rules", "protos") for one in _files(ROOT / top)]
    with zipfile.ZipFile(installed.wheel) as archive:
        inside = set(archive.namelist())
        for file in given:
            place = f"decision_service/starter/{file.relative_to(ROOT)}"
            assert archive.read(place) == file.read_bytes()
    assert any(name.endswith("service_config.json") for name in inside)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in inside)
    assert not any(name.endswith("build.py") and "protos" in name for name in inside)


def _files(top: Path) -> Iterator[Path]:
    return (one for one in top.rglob("*") if one.is_file() and one.suffix not in {".py", ".pyc"})


def _git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return _run("git", *name, *arguments, cwd=folder)


def _run(*command: str | Path, cwd: Path) -> str:
    """What a program prints, with what it complains of where it fails."""
    environ = {name: one for name, one in os.environ.items() if not _leads_here(name)}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
