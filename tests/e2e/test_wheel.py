"""The built package, installed in an environment of its own and run in an empty folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from decision_service.build import engine_version
from tests.e2e.service import ROOT

pytestmark = pytest.mark.long
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
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package, built from this checkout and installed beside the libraries of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    python = [sys.executable, "-m"]
    build = [*python, "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv")
    programs = folder / "venv" / "bin"
    [packages] = (folder / "venv" / "lib").glob("python3.*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [*python, "pip", "--python", str(programs / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", "--no-compile", str(wheel)], check=True)
    return Installed(wheel, programs)


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


def test_the_version_tells_the_commit(installed: Installed, tmp_path: Path) -> None:
    """The installed program says what the checkout says that it was built from."""
    told = installed.run("version", cwd=tmp_path).stdout
    assert told.split()[1].removesuffix(".dirty") == engine_version().removesuffix(".dirty")


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
